"""From recording to frames: the whole way against what the published code computed from the same noise."""

import numpy as np
import pytest

from kdtalker_jax.motion.coefficients import normalise
from kdtalker_jax.stages import Stages

COEFFICIENTS = ("scale", "yaw", "pitch", "roll", "t", "exp")


@pytest.fixture(scope="module")
def raw(model, source, recording, expected):
    return model.animate(source, recording, initial_noise=expected["sequence/x_T"], smooth=False)


@pytest.fixture(scope="module")
def smoothed(model, source, recording, expected):
    return model.animate(source, recording, initial_noise=expected["sequence/x_T"])


def test_audio_features(model, recording, expected, assert_parity):
    features = model.audio_features(recording)
    assert len(features) == expected["audio/num_frames"]
    assert_parity(features, expected["audio/features"])


def test_normalised_motion(model, raw, expected, assert_parity):
    assert_parity(normalise(raw.to_vector(), model.config.statistics), expected["sequence/normalised"], 1e-3)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_raw_coefficients(raw, expected, assert_parity, name):
    recorded = expected[f"sequence/raw/{name}"]
    assert_parity(getattr(raw, name).reshape(recorded.shape), recorded, 1e-3)


@pytest.mark.parametrize("name", COEFFICIENTS[1:])
def test_smoothed_coefficients(smoothed, expected, assert_parity, name):
    recorded = expected[f"sequence/smoothed/{name}"]
    assert_parity(getattr(smoothed, name).reshape(recorded.shape), recorded, 1e-3)


def test_driving_keypoints_in_both_modes(model, source, smoothed, expected, assert_parity):
    assert_parity(smoothed.keypoints, expected["sequence/x_d"], 1e-3)
    relative = model.drive(source, smoothed, relative=True)
    assert_parity(relative.keypoints, expected["sequence/x_d_relative"], 1e-3)


def test_rendered_frames(model, source, smoothed, expected):
    """Three frames of the sequence, equal within 1 level on 99.9 % of the values."""
    for index, recorded in zip(
        expected["sequence/frame_index"], expected["sequence/frames_uint8_strided"], strict=True
    ):
        frame, finite = model.stages.render(model.params, source.arrays, smoothed.keypoints[index : index + 1])
        assert bool(finite.all())
        difference = np.abs(np.asarray(frame)[0, ::4, ::4].astype(int) - recorded)
        assert (difference <= 1).mean() >= 0.999


@pytest.mark.slow
def test_bfloat16_renders_the_same_picture(model, source, smoothed):
    """The cost of bfloat16 in the renderer, on weights that amplify rounding more than trained ones do."""
    import jax.numpy as jnp

    keypoints = smoothed.keypoints[:1]
    exact, _ = model.stages.render(model.params, source.arrays, keypoints)
    low, finite = Stages(model.config, jnp.bfloat16).render(model.params, source.arrays, keypoints)
    assert bool(finite.all())
    error = np.mean(np.square(np.asarray(low).astype(float) - np.asarray(exact)))
    assert 10 * np.log10(255**2 / error) > 20
