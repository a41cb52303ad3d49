"""From recorded heads and sampled motion to recorded keypoints."""

import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.edits.smoothing import smooth
from kdtalker_jax.spaces.geometry import degrees_from_bins, drive, rotation_matrix, transform_keypoints
from kdtalker_jax.spaces.keypoints import Motion, canonical_token, denormalise, normalise

NAMES = ("scale", "yaw", "pitch", "roll", "t", "exp")


def as_motion(expected, group, **others):
    """Recorded coefficients, some of them (T, 1), as a motion."""
    recorded = {name: expected.get(f"{group}/{name}") for name in NAMES} | others
    return Motion(**{name: value.squeeze(-1) if value.shape[1:] == (1,) else value for name, value in recorded.items()})


@pytest.fixture(scope="module")
def source(expected):
    return as_motion(expected, "keypoint_info")


@pytest.mark.parametrize("angle", ["pitch", "yaw", "roll"])
def test_degrees(expected, angle):
    degrees = degrees_from_bins(expected[f"motion_extractor/{angle}"])
    np.testing.assert_allclose(degrees, expected[f"keypoint_info/{angle}"][:, 0], atol=1e-4)


def test_rotation_and_source_keypoints(expected, source):
    rotation = rotation_matrix(source.pitch, source.yaw, source.roll)
    np.testing.assert_allclose(rotation, expected["keypoint_info/rotation"], atol=1e-6)
    x_s = transform_keypoints(expected["keypoint_info/kp"], source.scale, rotation, source.exp, source.t)
    np.testing.assert_allclose(x_s, expected["keypoint_info/x_s"], atol=1e-6)


def test_denoiser_tokens(expected, source):
    reference = normalise(source.to_vector(), PUBLISHED_STATISTICS)
    np.testing.assert_allclose(reference, expected["sampling/ref"], atol=1e-5)
    canonical = canonical_token(expected["keypoint_info/kp"], PUBLISHED_STATISTICS)
    np.testing.assert_allclose(canonical, expected["sampling/ori"], atol=1e-5)


def test_denormalised_and_smoothed_motion(expected):
    raw = Motion.from_vector(denormalise(expected["sequence/normalised"], PUBLISHED_STATISTICS))
    smoothed = smooth(raw)
    recorded_raw = as_motion(expected, "sequence/raw")
    recorded_smoothed = as_motion(expected, "sequence/smoothed", scale=expected["sequence/raw/scale"])
    for name in NAMES:
        np.testing.assert_allclose(getattr(raw, name), getattr(recorded_raw, name), rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(getattr(smoothed, name), getattr(recorded_smoothed, name), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("relative", "name"), [(False, "x_d"), (True, "x_d_relative")])
def test_driving_keypoints(expected, source, relative, name):
    driving = as_motion(expected, "sequence/smoothed", scale=expected["sequence/raw/scale"])
    x_d = drive(expected["keypoint_info/kp"][0], source, driving, relative=relative)
    np.testing.assert_allclose(x_d, expected[f"sequence/{name}"], atol=1e-5)
