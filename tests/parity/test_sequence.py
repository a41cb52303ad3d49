"""From recording to frames: the whole way against what the published code computed from the same noise."""

import numpy as np
import pytest

from kdtalker_jax.animation import Animation
from kdtalker_jax.edits import smoothing
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.spaces.keypoints import normalise

COEFFICIENTS = ("scale", "yaw", "pitch", "roll", "t", "exp")


@pytest.fixture(scope="module")
def raw(model, source, recording, expected):
    return model.animate(source, recording, sampler="ddim", initial_noise=expected["sequence/x_T"], smooth=False)


@pytest.fixture(scope="module")
def smoothed(model, source, raw):
    """What `animate` gives unless told otherwise, without all steps of the diffusion a second time."""
    pieces = smoothing.smoothed([raw.to_vector()], float(Animation().smooth), model.space.smoothed)
    return model.drive(source, model.space.from_vectors(np.concatenate(list(pieces))))


def test_audio_features(model, recording, expected, assert_parity):
    features = model.audio_features(recording)
    assert len(features) == expected["audio/num_frames"]
    assert_parity("audio/features", features)


def test_normalised_motion(model, raw, expected, assert_parity):
    assert_parity("sequence/normalised", normalise(raw.to_vector(), model.config.statistics), 1e-3)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_raw_coefficients(raw, expected, assert_parity, name):
    shape = expected[f"sequence/raw/{name}"].shape
    assert_parity(f"sequence/raw/{name}", getattr(raw, name).reshape(shape), 1e-3)


@pytest.mark.parametrize("name", COEFFICIENTS[1:])
def test_smoothed_coefficients(smoothed, expected, assert_parity, name):
    shape = expected[f"sequence/smoothed/{name}"].shape
    assert_parity(f"sequence/smoothed/{name}", getattr(smoothed, name).reshape(shape), 1e-3)


def test_driving_keypoints_in_both_modes(model, source, smoothed, expected, assert_parity):
    assert_parity("sequence/x_d", smoothed.keypoints, 1e-3)
    relative = model.drive(source, smoothed, relative=True)
    assert_parity("sequence/x_d_relative", relative.keypoints, 1e-3)


def test_rendered_frames(model, source, smoothed, expected, assert_same_picture):
    for index, recorded in zip(
        expected["sequence/frame_index"], expected["sequence/frames_uint8_strided"], strict=True
    ):
        keypoints = smoothed.keypoints[index : index + 1]
        _, frame, finite = model.renderer.frames(model.params, source.arrays, (), keypoints)
        assert bool(finite.all())
        assert_same_picture(f"sequence/frames, {index}", np.asarray(frame)[0, ::4, ::4], recorded)


@pytest.mark.slow
def test_bfloat16_renders_the_same_picture(model, source, smoothed):
    """The cost of bfloat16 in the renderer, on weights that amplify rounding more than trained ones do."""
    import jax.numpy as jnp

    keypoints = smoothed.keypoints[:1]
    _, exact, _ = model.renderer.frames(model.params, source.arrays, (), keypoints)
    low_renderer = LivePortrait(model.config, jnp.bfloat16)
    _, low, finite = low_renderer.frames(model.params, source.arrays, (), keypoints)
    assert bool(finite.all())
    error = np.mean(np.square(np.asarray(low).astype(float) - np.asarray(exact)))
    assert 10 * np.log10(255**2 / error) > 20
