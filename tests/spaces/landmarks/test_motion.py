"""Motions of landmarks hold what they say, and files of them nothing else."""

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion


def motion(frames=5, points=162, driven=True):
    rng = np.random.default_rng(frames)
    return LandmarkMotion(*rng.normal(size=(1 + driven, frames, points, 3)))


@pytest.mark.parametrize(("points", "driven"), [(162, True), (478, False)])
def test_file_round_trip(tmp_path, points, driven):
    saved = motion(points=points, driven=driven)
    saved.save(tmp_path / "a.npz")
    loaded = LandmarkMotion.load(tmp_path / "a.npz")
    assert loaded.arrays().keys() == saved.arrays().keys()
    for name, values in saved.arrays().items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(loaded.arrays()[name], values)


def test_motions_of_other_spaces_are_no_motions_of_landmarks(tmp_path):
    Motion.from_vector(np.zeros((3, 70))).save(tmp_path / "keypoints.npz")
    with pytest.raises(InputError, match=r"keypoints.npz is not a motion file.*LandmarkMotion.save"):
        LandmarkMotion.load(tmp_path / "keypoints.npz")
    motion().save(tmp_path / "landmarks.npz")
    with pytest.raises(InputError, match=r"landmarks.npz is not a motion file"):
        Motion.load(tmp_path / "landmarks.npz")


@pytest.mark.parametrize(
    ("offsets", "points", "says"),
    [
        (np.zeros((4, 162)), None, "offsets has shape"),
        (np.zeros((0, 162, 3)), None, "offsets has shape"),
        (np.zeros((4, 162, 2)), None, "offsets has shape"),
        (np.zeros((4, 68, 3)), None, "162 or 478 landmarks, not 68"),
        (np.full((4, 162, 3), np.nan), None, "not finite"),
        (np.full((4, 162, 3), 1e3), None, "beyond"),
        (np.full((4, 162, 3), "a"), None, "real numbers"),
        (np.zeros((4, 162, 3)), np.zeros((3, 162, 3)), "points has shape"),
        (np.zeros((4, 162, 3)), np.full((4, 162, 3), np.inf), "points holds values that are not finite"),
    ],
)
def test_what_is_no_motion_is_refused(offsets, points, says):
    with pytest.raises(InputError, match=says):
        LandmarkMotion(offsets, points)


def test_frames_are_taken_and_joined():
    whole = motion(10)
    joined = whole[:4].join(whole[4:])
    np.testing.assert_array_equal(joined.points, whole.points)
    assert len(whole[-1]) == 1
    assert whole.join(motion(3, driven=False)).points is None
    with pytest.raises(InputError, match="other numbers of landmarks"):
        whole.join(motion(3, 478))
    with pytest.raises(IndexError):
        whole[10]
