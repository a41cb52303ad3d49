"""What training takes of clips: normalised offsets, the person at rest, and their sound."""

from dataclasses import replace

import numpy as np
import pytest

from kdtalker_jax.data.landmark_clips import clip_statistics, points_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.dreamhead.training.input import (
    Batches,
    MovingClip,
    check_clips,
    fixed_windows,
    usable_clips,
)
from kdtalker_jax.training.batches import start_at
from tests.motion_models.dreamhead.training.tiny import TINY


@pytest.fixture(scope="module")
def statistics(clips):
    return clip_statistics(clips)


@pytest.fixture(scope="module")
def kept(clips, statistics):
    return usable_clips(clips, statistics, TINY)


def test_motion_is_what_the_face_does_whatever_its_pose(clips, statistics, kept):
    """Of drawn heads that turn: their stable points stay where they are, and the chin goes down."""
    clip = kept[1]
    offsets = clip.motion.reshape(50, 162, 3) * statistics.shape("deviation")
    assert np.abs(offsets[:, 40:72]).max() < 1e-3, "eyes do not move"
    assert np.ptp(offsets[..., 1]) > 0.1
    np.testing.assert_allclose(clip.identity, (statistics.face(clips[1]["points"]).identity.ravel()
                               - statistics.shape("template").ravel()), atol=1e-5)  # fmt: skip
    assert 0.5 < np.concatenate([one.motion for one in kept])[:, :60].std() < 2, "about 1"


def test_clips_that_are_too_short_are_left_out(kept):
    assert [clip.name for clip in kept] == ["clip 0", "clip 1", "clip 2"]
    assert kept.left_out == 1


def test_frames_without_a_face_have_the_landmarks_before(clips):
    face = np.ones(30, np.float32)
    face[[0, 7, 8]] = 0.1
    points = points_of({**clips[0], "face": face})
    np.testing.assert_array_equal(points[[7, 8]], clips[0]["points"][[6, 6]])
    np.testing.assert_array_equal(points[0], clips[0]["points"][1])
    np.testing.assert_array_equal(points[9:], clips[0]["points"][9:])
    with pytest.raises(InputError, match="clip 0 shows no face"):
        points_of({**clips[0], "face": np.zeros(30, np.float32)})


def test_frames_without_a_face_say_nothing_of_faces(clips, statistics):
    """The statistics and the person at rest are those of a film without them."""
    shown = np.ones(50, bool)
    shown[[0, 1, *range(20, 40)]] = False
    points = np.where(shown[:, None, None], clips[1]["points"], 9).astype(np.float32)
    hiding = {**clips[1], "points": points, "face": np.where(shown, 0.5, 0.4).astype(np.float32)}
    cut = {**clips[1], "points": points[shown]}
    assert clip_statistics([clips[0], hiding]) == clip_statistics([clips[0], cut])
    clip, shorter = MovingClip.of(hiding, statistics), MovingClip.of(cut, statistics)
    np.testing.assert_array_equal(clip.seen, shown)
    np.testing.assert_allclose(clip.identity, shorter.identity, atol=1e-6)
    np.testing.assert_allclose(clip.motion[shown], shorter.motion, atol=1e-4)


def test_clips_whose_frames_all_show_a_face_are_as_those_that_do_not_tell(clips, statistics):
    known = [{**clip, "face": np.ones(clip["frames"], np.float32)} for clip in clips]
    assert clip_statistics(known) == statistics
    for one, other in zip(known, clips, strict=True):
        for a, b in zip(MovingClip.of(one, statistics), MovingClip.of(other, statistics), strict=True):
            np.testing.assert_array_equal(a, b)
        assert MovingClip.of(one, statistics).seen.all()


def test_windows_without_any_face_are_not_taken(clips, statistics):
    face = np.zeros((3, 50), np.float32)
    face[0, 40:], face[1, 25] = 1, 1
    face[2, 45] = 1
    makers = [{**clips[1], "name": f"clip {i}", "face": one} for i, one in enumerate(face)]
    makers[2]["audio"] = clips[1]["audio"][:40]  # nothing is heard where it is seen
    kept = usable_clips(makers, statistics, TINY)
    assert ([clip.name for clip in kept], kept.left_out) == (["clip 0", "clip 1"], 1)
    np.testing.assert_array_equal(kept[0].starts(24), range(17, 27))
    np.testing.assert_array_equal(kept[1].starts(24), range(2, 26))
    batches = Batches(kept, TINY)
    seen = np.concatenate([next(batches).rows.seen for _ in range(TINY.steps)])
    assert seen.shape == (40, 24) and seen.any(axis=1).all() and not seen.all(axis=1).any()
    assert fixed_windows(kept, 6, TINY).seen.any(axis=1).all()


def test_clips_without_landmarks_are_named(clips, statistics):
    with pytest.raises(InputError, match="clip film has no landmarks"):
        points_of({"name": "film"})
    with pytest.raises(InputError, match="clip 0 has no landmarks"):
        points_of({**clips[0], "points": clips[0]["points"][:, :100]})
    many = {**clips[0], "points": np.zeros((30, 478, 3), np.float32)}
    with pytest.raises(InputError, match="clip 0 has 478 landmarks, not 162"):
        MovingClip.of(many, statistics)


def test_a_batch_is_known_by_its_number_on_any_number_of_processes(kept):
    whole = next(Batches(kept, TINY))
    halves = [next(Batches(kept, TINY, process=process, processes=2)) for process in range(2)]
    assert len(whole.sources) == 4
    for i, half in enumerate(halves):
        assert half.sources == whole.sources[i::2]
        np.testing.assert_array_equal(half.rows.motion, whole.rows.motion[i::2])
        np.testing.assert_array_equal(half.rows.seen, whole.rows.seen[i::2])
        np.testing.assert_array_equal(half.rows.position, [i, i + 2])


def test_windows_are_anywhere_in_a_clip_with_their_sound(kept):
    assert {kept[0].start(fraction, 24) for fraction in np.linspace(0, 0.9999, 200)} == set(range(7))
    for fraction in np.linspace(0, 0.9999, 200):
        assert kept[1].start(fraction, 24) == start_at(50, fraction, 24), "as of clips that always show a face"
    windows = fixed_windows(kept, 6, TINY)
    assert windows.motion.shape == (6, 24, 486)
    start = start_at(len(kept[1].motion), 0.25, 24)
    np.testing.assert_array_equal(windows.motion[1], kept[1].motion[start : start + 24])
    np.testing.assert_array_equal(windows.audio[1], kept[1].audio[start : start + 24])


def test_data_of_another_size_is_refused(kept, clips, statistics):
    wide = replace(TINY, landmark_denoiser=replace(TINY.landmark_denoiser, audio_features=9))
    with pytest.raises(InputError, match=r"8 numbers per frame where landmark_denoiser\.audio_features asks for 9"):
        check_clips(kept, wide, "here")
    with pytest.raises(InputError, match="No clip in here has the 24 frames"):
        check_clips(usable_clips(clips[3:], statistics, TINY), TINY, "here")
