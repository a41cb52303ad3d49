"""What training takes of clips: pictures with the box of the mouth, and a reference at some distance."""

import numpy as np
import pytest

from kdtalker_jax.data.clips import decode_frame
from kdtalker_jax.data.landmark_clips import clip_statistics
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.latent.training.input import (
    Batches,
    ShownClip,
    fixed_pictures,
    itself,
    nearby,
    pictures_of,
    usable_clips,
)
from kdtalker_jax.spaces.landmarks.contours import INNER_LIPS, LOWER_OVAL, rows_of
from tests.renderers.latent.training.tiny import IMAGES
from tests.training.landmarks import SIZE


@pytest.fixture(scope="module")
def statistics(clips):
    return clip_statistics(clips)


@pytest.fixture(scope="module")
def kept(clips, statistics):
    return usable_clips(clips, statistics, IMAGES)


def test_clips_have_boxes_and_pictures_of_the_run_s_size(clips, statistics, kept):
    clip = kept[1]
    assert clip.boxes.shape == (20, 4) and not (clip.boxes % 8).any()
    np.testing.assert_array_equal(clip.picture(3, SIZE), decode_frame(clips[1]["jpeg"][3]))
    assert clip.picture(3, 32).shape == (32, 32, 3) and clip.picture(3, 96).shape == (96, 96, 3)
    double = ShownClip.of(clips[1], statistics, 2 * SIZE)
    assert (np.abs(double.boxes - 2 * clip.boxes) <= 16).all()


def test_frames_without_a_face_or_a_mouth_are_no_samples(clips, statistics):
    face = np.ones(12, np.float32)
    face[[2, 5]] = 0
    away = clips[0]["points"].copy()
    away[7] += 10
    clip = ShownClip.of({**clips[0], "face": face, "points": away}, statistics, SIZE)
    assert set(range(12)) - set(clip.seen.tolist()) == {2, 5, 7}
    hidden = usable_clips([{**clips[0], "points": clips[0]["points"] + 10}], statistics, IMAGES)
    assert (len(hidden), hidden.left_out) == (0, 1)


def test_frames_without_a_face_do_not_say_how_the_person_is_at_rest(clips, statistics):
    """Boxes are those of a film without them, in which the frame that is held over is one of several at rest."""
    points = np.repeat(clips[1]["points"], 2, axis=0)  # (40, N, 3)
    points[0, rows_of(LOWER_OVAL)] += np.array([0, 0.3, 0], np.float32)  # boxes follow the person's jaw
    points[0, rows_of(INNER_LIPS)[1], 1] -= 0.2  # the first frame has the least open lips
    filmed = points[[0] * 41 + list(range(1, 40))]
    shown = np.array([True, *[False] * 40, *[True] * 39])
    hiding = {**clips[1], "jpeg": [clips[1]["jpeg"][0]] * 80, "points": filmed, "face": shown * 1.0}
    cut = {**hiding, "jpeg": hiding["jpeg"][:40], "points": filmed[shown], "face": np.ones(40)}
    boxes = ShownClip.of(hiding, statistics, 8 * SIZE).boxes
    np.testing.assert_array_equal(boxes[shown], ShownClip.of(cut, statistics, 8 * SIZE).boxes)


def test_references_are_near_or_in_a_share_of_cases_far(kept):
    clip, random = kept[1], np.random.default_rng(0)
    refer = nearby(5, 0.25)
    distances = np.array([abs(refer(clip, 3, random) - 3) for _ in range(600)])
    assert distances.min() >= 1
    assert 0.19 < (distances > 5).mean() < 0.31
    assert set(distances[distances <= 5].tolist()) == {1, 2, 3, 4, 5}
    assert all(abs(nearby(60, 0.5)(clip, 3, random) - 3) >= 1 for _ in range(20)), "all are near"
    assert nearby(5, 0.1)(kept[2], 0, random) == 0, "a clip of one frame"
    assert itself(clip, 7, random) == 7


def test_a_batch_is_known_by_its_number_on_any_number_of_processes(kept):
    refer, stack = nearby(5, 0.1), pictures_of(kept, SIZE)
    whole = next(Batches(kept, IMAGES, refer, stack))
    halves = [next(Batches(kept, IMAGES, refer, stack, process=process, processes=2)) for process in range(2)]
    assert whole.rows.targets.shape == (4, SIZE, SIZE, 3) and whole.rows.targets.dtype == np.uint8
    for i, half in enumerate(halves):
        assert half.sources == whole.sources[i::2]
        for of_half, of_whole in zip(half.rows, whole.rows, strict=True):
            np.testing.assert_array_equal(of_half, of_whole[i::2])


def test_landmarks_go_with_their_pictures(clips, kept):
    rows = fixed_pictures(kept, 6, IMAGES, nearby(5, 0.1))
    pictures = {tuple(clip["points"][i, 0]): clip["jpeg"][i] for clip in clips for i in range(clip["frames"])}
    for picture, points in ((rows.targets, rows.points), (rows.references, rows.reference_points)):
        for one, point in zip(picture, points[:, 0], strict=True):
            np.testing.assert_array_equal(one, decode_frame(pictures[tuple(point)]))


def test_clips_that_cannot_be_used_are_named(clips, statistics):
    for change, message in (
        ({"jpeg": []}, "clip 0 has no frames: keep them by python -m pipelines.extract --keep_frames"),
        ({"points": np.zeros((12, 478, 3), np.float32)}, "clip 0 has 478 landmarks, not 162"),
        ({"points": np.full((12, 162, 3), np.nan, np.float32)}, "clip 0 are not finite"),
    ):
        with pytest.raises(InputError, match=message):
            ShownClip.of({**clips[0], **change}, statistics, SIZE)
