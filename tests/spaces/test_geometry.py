"""Rotations, placement of keypoints, and the two ways of driving."""

import jax
import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces import geometry
from kdtalker_jax.spaces.geometry import degrees_from_bins, drive, rotation_matrix, transform_keypoints
from kdtalker_jax.spaces.keypoints import Motion


def random_motion(frames, seed=0, count=21):
    vector = np.random.default_rng(seed).normal(size=(frames, 7 + 3 * count), scale=0.3)
    vector[:, 0] += 1.5
    vector[:, 1:4] *= 40
    return Motion.from_vector(vector)


def random_kp(count=21):
    return np.random.default_rng(9).normal(size=3 * count).astype(np.float32)


def own_keypoints(kp, motion):
    """x_s of a portrait, straight from the formula."""
    rotation = rotation_matrix(motion.pitch, motion.yaw, motion.roll)
    return transform_keypoints(kp, motion.scale, rotation, motion.exp, motion.t)


def test_a_certain_bin_is_its_angle():
    logits = np.where(np.eye(66, dtype=bool), 0, -1e4).astype(np.float32)
    np.testing.assert_allclose(degrees_from_bins(logits), np.arange(66) * 3 - 97.5, atol=1e-5)


def test_angle_is_the_expected_value_over_bins():
    logits = np.full((2, 66), -1e4, np.float32)
    logits[:, 10], logits[:, 30] = np.log(0.25), np.log(0.75)
    np.testing.assert_allclose(degrees_from_bins(logits), 0.25 * 30 + 0.75 * 90 - 97.5, rtol=1e-5)
    np.testing.assert_allclose(degrees_from_bins(np.zeros(66, np.float32)), 0, atol=1e-4)


def test_rotation_is_the_transposed_product_of_three_turns():
    pitch, yaw, roll = np.float32([30, -20, 0]), np.float32([10, 50, 0]), np.float32([-40, 5, 90])
    for p, y, r, result in zip(pitch, yaw, roll, rotation_matrix(pitch, yaw, roll), strict=True):
        (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians([p, y, r])), np.sin(np.radians([p, y, r]))
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        np.testing.assert_allclose(result, (about_z @ about_y @ about_x).T, atol=1e-6)


def test_rotation_keeps_lengths_and_handedness():
    angles = np.random.default_rng(0).uniform(-180, 180, (3, 100)).astype(np.float32)
    rotation = np.asarray(rotation_matrix(*angles))
    np.testing.assert_allclose(rotation @ rotation.swapaxes(-1, -2), np.broadcast_to(np.eye(3), (100, 3, 3)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-5)


def test_placement_by_hand():
    """A quarter turn of roll takes row vector (1, 2, 3) to (-2, 1, 3); depth is scaled, not translated."""
    rotation = rotation_matrix(*np.float32([0, 0, 90]))
    exp, t = np.float32([0.5, 0, 0, 0, 0, 0]), np.float32([10, 20, 30])
    result = transform_keypoints(np.float32([1, 2, 3, 0, 0, 0]), np.float32(2), rotation, exp, t)
    np.testing.assert_allclose(result, [[7, 22, 6], [10, 20, 0]], atol=1e-5)


def test_leading_dimensions_are_free_and_jit_changes_nothing():
    motion, kp = random_motion(6), random_kp()
    expected = own_keypoints(kp, motion)
    assert expected.shape == (6, 21, 3)
    rotation = rotation_matrix(motion.pitch, motion.yaw, motion.roll)
    grid = [np.reshape(a, (2, 3, *a.shape[1:])) for a in (motion.scale, rotation, motion.exp, motion.t)]
    result = jax.jit(transform_keypoints)(np.broadcast_to(kp, (2, 3, 63)), *grid)
    np.testing.assert_allclose(result.reshape(6, 21, 3), expected, atol=1e-6)
    alone = [transform_keypoints(kp, *(a[i] for a in (motion.scale, rotation, motion.exp, motion.t))) for i in range(6)]
    np.testing.assert_allclose(np.stack(alone), expected, atol=1e-6)


def test_absolute_driving_takes_all_but_scale_from_the_driving_motion():
    source, driving, kp = random_motion(1), random_motion(5, seed=1), random_kp()
    rotation = rotation_matrix(driving.pitch, driving.yaw, driving.roll)
    expected = transform_keypoints(kp, np.repeat(source.scale, 5), rotation, driving.exp, driving.t)
    np.testing.assert_allclose(drive(kp, source, driving), expected, atol=1e-6)


def test_driving_by_its_own_motion_leaves_a_portrait_as_it_is():
    source, kp = random_motion(1), random_kp()
    np.testing.assert_allclose(drive(kp, source, source), own_keypoints(kp, source), atol=1e-6)


def test_relative_driving_starts_at_the_source_and_adds_the_change():
    source, driving, kp = random_motion(1), random_motion(5, seed=1), random_kp()
    result = drive(kp, source, driving, relative=True)
    np.testing.assert_allclose(result[0], own_keypoints(kp, source)[0], atol=1e-5)
    turns = [np.asarray(rotation_matrix(m.pitch, m.yaw, m.roll), np.float64) for m in (driving, driving, source)]
    rotation = turns[0][3] @ turns[1][0].T @ turns[2][0]
    expected = (kp.reshape(21, 3) @ rotation + (source.exp + driving.exp[3] - driving.exp[0]).reshape(21, 3)) * (
        source.scale * driving.scale[3] / driving.scale[0]
    )
    expected[:, :2] += (source.t + driving.t[3] - driving.t[0])[0, :2]
    np.testing.assert_allclose(result[3], expected, atol=1e-5)


@pytest.mark.parametrize("relative", [False, True])
def test_each_frame_is_driven_alike_across_batches(relative):
    """Relative driving refers to the first frame of the sequence, not of a batch."""
    source, driving, kp = random_motion(1), random_motion(600, seed=1), random_kp()
    whole = drive(kp, source, driving, relative=relative)
    assert whole.shape == (600, 21, 3)
    assert whole.dtype == np.float32
    vectors = driving.to_vector()
    last = drive(kp, source, Motion.from_vector(vectors[[0, 599]]), relative=relative)[1]
    np.testing.assert_allclose(whole[599], last, atol=1e-6)


def test_driving_is_compiled_once_for_all_lengths():
    source, kp = random_motion(1), random_kp()
    geometry._drive.clear_cache()
    for frames in (1, 2, 256, 257, 700):
        assert len(drive(kp, source, random_motion(frames))) == frames
    assert geometry._drive._cache_size() == 1


def test_other_numbers_of_keypoints():
    source, driving = random_motion(1, count=5), random_motion(3, count=5)
    assert drive(random_kp(5), source, driving, relative=True).shape == (3, 5, 3)
    with pytest.raises(InputError, match="moves 5 keypoints and the model has 21"):
        drive(random_kp(21), random_motion(1), driving)
