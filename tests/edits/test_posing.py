"""Head pose from a driver, face from elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from kdtalker_jax.edits.posing import axes_mask, posed, poses_for, there_and_back
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import heads_of, rotation_of
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion


def motion(frames: int, seed: int = 0, **parts) -> Motion:
    random = np.random.default_rng(seed)
    given = {
        "scale": 1.5 + 0.1 * random.random(frames),
        **{name: 10 * random.normal(size=frames) for name in ("yaw", "pitch", "roll")},
        "t": 0.02 * random.normal(size=(frames, 3)),
        "exp": 0.01 * random.normal(size=(frames, 63)),
    }
    return Motion(**given | parts)


@pytest.fixture
def own():
    return Head(np.random.default_rng(7).normal(size=63).astype(np.float32), motion(1, 5))


def test_relative_poses_are_changes_on_top_of_the_portrait_s_own(own):
    """R_d R_d0^T R_s, t_s + t_d - t_d0, s_s s_d / s_d0; the first frame is the portrait's own pose."""
    driver = motion(6, 1)
    poses = poses_for(own.motion, driver)
    np.testing.assert_allclose(poses.to_vector()[0, :7], own.motion.to_vector()[0, :7], atol=1e-5)
    rotation = rotation_of(*(getattr(driver, name).astype(np.float64) for name in ("pitch", "yaw", "roll")))
    wanted = rotation[4] @ rotation[0].T @ heads_of(own.motion).rotation[0]
    np.testing.assert_allclose(heads_of(poses).rotation[4], wanted, atol=1e-6)
    np.testing.assert_allclose(poses.t[4], own.motion.t[0] + driver.t[4] - driver.t[0], atol=1e-6)
    np.testing.assert_allclose(poses.scale[4], own.motion.scale[0] * driver.scale[4] / driver.scale[0], rtol=1e-6)


def test_absolute_poses_are_the_driver_s_in_the_portrait_s_size(own):
    driver = motion(6, 1)
    poses = poses_for(own.motion, driver, relative=False)
    for name in ("yaw", "pitch", "roll"):
        np.testing.assert_allclose(getattr(poses, name), getattr(driver, name), atol=1e-4)
    np.testing.assert_allclose(poses.t, driver.t)
    np.testing.assert_allclose(poses.scale, own.motion.scale[0])


def test_the_face_stays_and_the_pose_is_taken(own):
    spoken, poses = motion(9, 2), poses_for(own.motion, motion(9, 1))
    turned = posed(own, spoken, poses)
    np.testing.assert_array_equal(turned.exp, spoken.exp)
    np.testing.assert_allclose(turned.to_vector()[:, :7], poses.to_vector()[:, :7])
    heads = heads_of(turned)
    placed = heads.scale[:, None, None] * (own.canonical.reshape(-1, 3) @ heads.rotation + heads.exp)
    placed[..., :2] += heads.t[:, None, :2]
    np.testing.assert_allclose(turned.keypoints, placed, atol=1e-5)


def test_a_part_of_the_axes_can_be_taken(own):
    spoken, poses = motion(9, 2), poses_for(own.motion, motion(9, 1))
    turned = posed(own, spoken, poses, "yaw")
    np.testing.assert_allclose(turned.yaw, poses.yaw)
    for name in ("pitch", "roll", "t"):
        np.testing.assert_allclose(getattr(turned, name), getattr(spoken, name))
    np.testing.assert_allclose(turned.scale, own.motion.scale[0])


def test_a_driver_that_ends_is_played_back(own):
    assert there_and_back(4, 9).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert there_and_back(4, 3, start=5).tolist() == [1, 0, 1]
    assert there_and_back(1, 3).tolist() == [0, 0, 0]
    poses = poses_for(own.motion, motion(4, 1))
    turned = posed(own, motion(9, 2), poses)
    np.testing.assert_allclose(turned.yaw[4:7], poses.yaw[[2, 1, 0]])


def test_a_picture_holds_the_head_still(own):
    picture = motion(1, 1)
    turned = posed(own, motion(5, 2), poses_for(own.motion, picture, relative=False))
    np.testing.assert_allclose(turned.yaw, picture.yaw[0], atol=1e-4)
    still = posed(own, motion(5, 2), poses_for(own.motion, picture))
    np.testing.assert_allclose(still.yaw, own.motion.yaw[0], atol=1e-4)


def test_axes_have_names():
    assert axes_mask("scale,t").tolist() == [True, False, False, False, True, True, True]
    assert axes_mask(["pitch"]).sum() == 1
    with pytest.raises(InputError, match="no 'rol': did you mean 'roll'"):
        axes_mask("yaw, rol")
    with pytest.raises(InputError, match="A pose has no ''"):
        axes_mask("")
    for other in (None, 5):
        with pytest.raises(InputError, match=f"Axes of a pose are names of scale, yaw, .*, not {other}"):
            axes_mask(other)


def test_a_motion_is_not_changed(own):
    spoken = motion(3, 2)
    before = spoken.to_vector().copy()
    posed(own, replace(spoken), poses_for(own.motion, motion(3, 1)))
    np.testing.assert_array_equal(spoken.to_vector(), before)
