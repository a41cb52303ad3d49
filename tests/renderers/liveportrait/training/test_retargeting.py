"""Stitching and retargeting: what they are told, what they are asked for, and that the renderer stays as it is."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.renderer import PhaseConfig
from configs.retargeting import SMALL_RETARGETING, RetargetingTrainingConfig, RetargetingValidationConfig
from configs.training import CheckpointConfig
from kdtalker_jax.checkpoints import load_networks, save_checkpoint
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, fixed_choices, stack_pictures
from kdtalker_jax.renderers.liveportrait.training.reenactment import NAMES, FaceMotion, fresh_weights
from kdtalker_jax.renderers.liveportrait.training.retargeting import (
    RetargetingTask,
    border_difference,
    expressed,
    eye_ratios,
    initial_state,
    lip_ratio,
    make_losses,
    train_retargeting,
)
from tests.training.faces import TINY_RENDERER, make_face_clips, model_of, write_faces

CONFIG = RetargetingTrainingConfig(
    phase=replace(TINY_RENDERER.first, steps=2, batch_size=2),
    log_every=1,
    frames=replace(TINY_RENDERER.frames, drivings=1),
    validation=RetargetingValidationConfig(every=2, pairs=2),
    checkpoints=CheckpointConfig(every=2, keep_every=0),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """The networks of a renderer that has learnt nothing."""
    weights = fresh_weights(TINY_RENDERER)
    directory = tmp_path_factory.mktemp("model") / "model"
    save_checkpoint(directory, {name: weights.variables(name) for name in NAMES}, model_of(TINY_RENDERER))
    return directory


def face(mouth_open: float, left: float, right: float) -> jax.Array:
    """Landmarks (1, L, 2) of a mouth 0.4 wide and pupils 0.5 apart."""
    places = {
        "mouth left": (-0.2, 0.5),
        "mouth right": (0.2, 0.5),
        "inner upper lip": (0, 0.5),
        "inner lower lip": (0, 0.5 + mouth_open),
        "left pupil": (-0.25, 0),
        "right pupil": (0.25, 0),
        "left upper lid": (-0.25, -left),
        "left lower lid": (-0.25, 0),
        "right upper lid": (0.25, -right),
        "right lower lid": (0.25, 0),
    }
    return jnp.array([[places.get(name, (0, 0)) for name in LANDMARKS]])


def test_ratios_are_those_of_distances_whatever_the_size_and_the_turn():
    landmarks = face(0.1, 0.05, 0.02)
    np.testing.assert_allclose(lip_ratio(landmarks), [0.25], rtol=1e-5)
    np.testing.assert_allclose(eye_ratios(landmarks), [[0.1, 0.04]], rtol=1e-5)
    turned = landmarks @ jnp.array([[0.0, 0.5], [-0.5, 0.0]])
    np.testing.assert_allclose(lip_ratio(turned), [0.25], rtol=1e-5)
    np.testing.assert_allclose(eye_ratios(turned), [[0.1, 0.04]], rtol=1e-5)


def test_only_the_lower_border_counts():
    source = jnp.zeros((1, 20, 20, 3))
    output = jnp.zeros((1, 40, 40, 3))
    assert border_difference(output.at[:, :32].set(1.0), source) == 0
    assert border_difference(output.at[:, 32:].set(0.5), source) == 0.5


def test_another_expression_on_the_own_pose():
    def motion(angle: float, exp: float) -> FaceMotion:
        return FaceMotion(
            jnp.ones((1, 6)), jnp.ones(1), jnp.full((1, 3), angle), jnp.zeros((1, 3)), jnp.full((1, 6), exp)
        )

    own, other = motion(20.0, 0.0), motion(-20.0, 0.1)
    np.testing.assert_allclose(expressed(own, other), own.keypoints(own.kp) + 0.1, rtol=1e-5)


def test_at_first_nothing_moves_and_offsets_are_all_that_is_asked_for():
    clips = FaceClips(make_face_clips(), cache_gb=0.1)
    config = replace(TINY_RENDERER, first=CONFIG.phase, frames=CONFIG.frames)
    pictures = stack_pictures(clips, fixed_choices(clips, 2, cross=False), config, config.first, np.arange(2))
    state = initial_state(CONFIG, config, fresh_weights(config))
    losses = make_losses(CONFIG, config)(state.weights.params["retargeting"], state.renderer, pictures)
    assert set(losses) == {"shoulders", "stitching", "others", "lip", "eye", "loss"}
    np.testing.assert_array_equal(losses["stitching"], 0)
    np.testing.assert_array_equal(losses["others"], 0)
    assert (losses["lip"] > 0).all()
    weights = CONFIG.loss
    total = weights.shoulders * losses["shoulders"] + weights.lip * losses["lip"] + weights.eye * losses["eye"]
    np.testing.assert_allclose(losses["loss"], total, rtol=1e-5)


def test_a_run_gives_the_mlps(checkpoint, tmp_path):
    clips = make_face_clips()
    data = write_faces(tmp_path / "faces", {"train": clips, "validation": clips[:2]})
    told = []
    assert train_retargeting(CONFIG, data, tmp_path / "run", init=checkpoint, report=told.append) == (2, True)
    networks, _ = load_networks(tmp_path / "run")
    assert set(networks) == {"retargeting"}
    assert set(networks["retargeting"]["params"]) == {"stitching", "lip", "eye"}
    assert np.abs(networks["retargeting"]["params"]["lip"]["layer_1"]["kernel"]).max() > 0
    assert any(sentence.startswith("Step 2: ") for sentence in told)
    assert train_retargeting(CONFIG, data, tmp_path / "run", init=checkpoint) == (2, True), "nothing is left to do"


@pytest.mark.filterwarnings("error::UserWarning")
def test_missing_validation_clips_are_missed_aloud(checkpoint, tmp_path):
    """But not where nobody asked for validation."""
    data = write_faces(tmp_path / "data", {"train": make_face_clips()})
    silence = (lambda sentence: None, False)
    with pytest.warns(UserWarning, match="no clip in its validation split that is long enough"):
        RetargetingTask(CONFIG, data, str(checkpoint), tmp_path / "run", *silence)
    off = replace(CONFIG, validation=replace(CONFIG.validation, pairs=0))
    RetargetingTask(off, data, str(checkpoint), tmp_path / "other", *silence)


@pytest.mark.parametrize(
    ("data", "config", "said"),
    [
        (None, SMALL_RETARGETING, "name it as `data`"),
        ("faces", replace(SMALL_RETARGETING, phase=PhaseConfig(steps=0)), "phase.steps must be at least 1"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, data, config, said):
    with pytest.raises(InputError, match=said):
        train_retargeting(config, data, tmp_path / "run", init="model")
    assert not (tmp_path / "run").exists()
