"""Which pictures the renderer is trained on."""

from dataclasses import replace

import numpy as np
import pytest

from kdtalker_jax.data.clips import decode_frame
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, RendererBatches, fixed_choices, open_faces
from tests.training.faces import TINY_RENDERER, make_face_clips


@pytest.fixture(scope="module")
def stored() -> list[dict]:
    return make_face_clips()


@pytest.fixture(scope="module")
def clips(stored) -> FaceClips:
    return FaceClips(stored, cache_gb=0.1)


def take(batches: RendererBatches, count: int) -> list:
    return [next(batches) for _ in range(count)]


def assert_same(batch, other) -> None:
    assert batch.sources == other.sources
    for a, b in zip(batch.pictures, other.pictures, strict=True):
        np.testing.assert_array_equal(a, b)


def test_pictures_grow_with_the_phase(clips):
    batches = take(RendererBatches(clips, TINY_RENDERER), 6)
    shapes = [(b.phase, b.pictures.source.shape, b.pictures.motion.shape, b.pictures.target.shape) for b in batches]
    assert shapes[:3] == [(0, (4, 16, 16, 3), (4, 3, 32, 32, 3), (4, 2, 32, 32, 3))] * 3
    assert shapes[3:] == [(1, (4, 32, 32, 3), (4, 3, 32, 32, 3), (4, 2, 64, 64, 3))] * 3


def test_the_same_seed_gives_the_same_pictures(clips):
    for batch, other in zip(*(take(RendererBatches(clips, TINY_RENDERER), 5) for _ in range(2)), strict=True):
        assert_same(batch, other)


def test_it_goes_on_where_it_was(clips):
    batches = RendererBatches(clips, TINY_RENDERER)
    take(batches, 2)
    state = batches.state
    after = take(batches, 3)
    resumed = RendererBatches(clips, TINY_RENDERER)
    resumed.state = state
    for batch, other in zip(after, take(resumed, 3), strict=True):
        assert_same(batch, other)


def test_processes_share_a_batch(clips):
    whole = next(RendererBatches(clips, TINY_RENDERER))
    shares = [next(RendererBatches(clips, TINY_RENDERER, process=i, processes=2)) for i in range(2)]
    for i, share in enumerate(shares):
        for part, all_of_it in zip(share.pictures, whole.pictures, strict=True):
            np.testing.assert_array_equal(part, all_of_it[i::2])


def test_an_epoch_has_every_clip_once(clips):
    names = [source.partition(" frame")[0] for source in next(RendererBatches(clips, TINY_RENDERER)).sources]
    assert sorted(names) == ["face 0", "face 1", "face 2", "face 3"]


def test_a_twin_drives_and_the_target_is_the_sources_own_head(stored, clips):
    config = replace(TINY_RENDERER, frames=replace(TINY_RENDERER.frames, cross=1.0))
    config = replace(config, first=replace(config.first, image_size=32))
    batch = next(RendererBatches(clips, config))
    by_name = {clip["name"]: i for i, clip in enumerate(stored)}
    for row, source in enumerate(batch.sources):
        own = stored[by_name[source.partition(" frame")[0]]]
        twin = stored[by_name[own["name"]] ^ 1]
        targets = np.stack([decode_frame(jpeg) for jpeg in own["jpeg"]])  # (F, 64, 64, 3)
        frame = int(np.abs(targets - batch.pictures.target[row, 0].astype(int)).sum(axis=(1, 2, 3)).argmin())
        np.testing.assert_array_equal(batch.pictures.target[row, 0], targets[frame])
        driving = decode_frame(twin["jpeg"][frame]).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(batch.pictures.motion[row, 1], driving, atol=1)
        np.testing.assert_array_equal(batch.pictures.landmarks[row, 1], own["landmarks"][frame])
        assert batch.pictures.state[row, 1, 0] == own["yaw"][frame]


@pytest.mark.parametrize(("apart", "least"), [(0, 0), (2, 2), (99, 0)])
def test_frames_can_be_drawn_apart_where_clips_are_long_enough(apart, least):
    clips = FaceClips(make_face_clips(frames=5), cache_gb=0.1)
    config = replace(TINY_RENDERER, frames=replace(TINY_RENDERER.frames, apart=apart))
    batches = RendererBatches(clips, config)
    choices = [batches._choose(number % 4, np.random.default_rng(number)) for number in range(200)]
    distances = [abs(frame - choice.source) for choice in choices for frame in choice.driving]
    assert (min(distances), max(distances)) == (least, 4)
    assert {frame for choice in choices for frame in choice.driving} == set(range(5))
    if not least:
        plain = RendererBatches(clips, TINY_RENDERER)
        assert choices == [plain._choose(number % 4, np.random.default_rng(number)) for number in range(200)]


def test_without_truth_there_is_none(stored):
    """As `pipelines.extract` writes clips."""
    bare = [{"name": clip["name"].encode(), "jpeg": clip["jpeg"]} for clip in stored]
    batch = next(RendererBatches(FaceClips(bare, cache_gb=0), TINY_RENDERER))
    assert np.isnan(batch.pictures.state).all()
    assert batch.pictures.landmarks.shape == (4, 3, 0, 2)


def test_pairs_for_validation_are_fixed_and_spread(clips):
    choices = fixed_choices(clips, 4, cross=False)
    assert [choice.clip for choice in choices] == [0, 1, 2, 3]
    assert choices == fixed_choices(clips, 4, cross=False)
    crossed = fixed_choices(clips, 4, cross=True)
    assert [choice.driving_clip for choice in crossed] == [1, 0, 3, 2]
    assert fixed_choices(FaceClips(make_face_clips(1), cache_gb=0), 4, cross=True) == []


def test_a_folder_that_is_no_data_set_is_named(tmp_path):
    with pytest.raises(InputError, match="is not a data set"):
        open_faces(tmp_path, "train", 1.0)


def test_lids_that_are_unlike_drive_where_they_are_known(stored):
    frames = replace(TINY_RENDERER.frames, cross=0.0, blinks=1.0)
    config = replace(TINY_RENDERER, first=replace(TINY_RENDERER.first, image_size=32), frames=frames)
    upper = LANDMARKS.index("left upper lid")
    blinking = [{**clip, "landmarks": np.array(clip["landmarks"])} for clip in stored]
    for number, clip in enumerate(blinking):
        clip["landmarks"][:, upper, 1] -= 0.1
        clip["landmarks"][number, upper, 1] += 0.1  # one frame's eye is closed
    batch = next(RendererBatches(FaceClips(blinking, cache_gb=0.1), config))
    for row, source in enumerate(batch.sources):
        name, frame = source.split(" frame ")
        number = next(i for i, clip in enumerate(blinking) if clip["name"] == name)
        if int(frame) != number:
            np.testing.assert_array_equal(batch.pictures.landmarks[row, 1], blinking[number]["landmarks"][number])
    without = [{key: value for key, value in clip.items() if key != "landmarks"} for clip in stored]
    never = replace(config, frames=replace(frames, blinks=0.0))
    batches = (next(RendererBatches(FaceClips(without, cache_gb=0.1), settings)) for settings in (config, never))
    assert_same(*batches)
