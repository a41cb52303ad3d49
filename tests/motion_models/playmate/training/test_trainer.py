"""Whole runs of both stages: they learn, stage 2 leaves stage 1 as it was, and a model comes of them."""

import shutil
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest

from configs import SMALL as KDTALKER_SMALL
from kdtalker_jax.checkpoints import load_checkpoint, read_record, save_checkpoint, write_record
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.motion_models.playmate.training.export import export_run, load_model, load_run
from kdtalker_jax.motion_models.playmate.training.settings import check
from kdtalker_jax.motion_models.playmate.training.trainer import fitted, train, trained_kind
from kdtalker_jax.random_parts import random_variables
from tests.motion_models.playmate.training.tiny import FIRST, SECOND
from tests.training.metrics import read_metrics
from tests.training.synthetic import AUDIO_FEATURES, make_clip, write_dataset

# That has described the clips: its sound features are as wide as theirs.
BASE = KDTALKER_SMALL.replace(audio_encoder=AudioEncoderConfig(widths=(4, 4, 4, 4, AUDIO_FEATURES)))


def assert_equal(one, other) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("stage", ["first", "second"])
def test_ten_steps_learn(stage, request):
    metrics = read_metrics(request.getfixturevalue(stage))
    assert list(metrics) == list(range(1, 11))
    assert {"train/loss", "train/expression", "train/pose", "train/grad_norm"} <= set(metrics[1])
    assert metrics[10]["validation/loss"] < metrics[5]["validation/loss"] < 1.1
    if stage == "first":
        assert metrics[10]["validation/loss"] < 0.995, "a network that has learnt nothing says 0, and is wrong by 1"


def test_stage_2_leaves_the_transformer_as_it_was_to_the_bit(first, second):
    one, two = load_run(first), load_run(second)
    assert_equal(two.variables["diffusion_transformer"], one.variables["diffusion_transformer"])
    assert two.statistics == one.statistics
    assert set(two.variables) == {"diffusion_transformer", "emotion_module"}
    gates = two.variables["emotion_module"]["params"]["dit_0"]["modulation"]["kernel"]
    assert np.abs(gates).max() > 1e-4, "the module has learnt"
    assert read_record(second, "playmate_emotions").init == str(first)


@pytest.mark.parametrize("stage", [pytest.param("first", marks=pytest.mark.slow), "second"])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(stage, request, first, dataset, tmp_path):
    finished, config = request.getfixturevalue(stage), {"first": FIRST, "second": SECOND}[stage]
    init = first if stage == "second" else None

    def interrupt(sentence: str) -> None:
        if sentence.startswith("Step 5:"):
            signal.raise_signal(signal.SIGTERM)

    outcome = train(config, dataset, tmp_path / "run", init=init, report=interrupt)
    assert not outcome.finished
    assert train(config, dataset, tmp_path / "run") == (10, True)
    for ema in (False, True):
        assert_equal(load_run(tmp_path / "run", ema=ema).variables, load_run(finished, ema=ema).variables)


@pytest.mark.parametrize(("config", "stage"), [(FIRST, "first"), (SECOND, "second")])
def test_a_run_goes_on_without_what_it_began_with(config, stage, request, first, dataset, tmp_path):
    gone, run = (
        shutil.copytree(first, tmp_path / "gone"),
        shutil.copytree(request.getfixturevalue(stage), tmp_path / "run"),
    )
    record = read_record(run, trained_kind(config))
    write_record(run, replace(record, init=str(gone)))
    shutil.rmtree(gone)
    shutil.rmtree(run / "checkpoints" / "10")
    assert train(config, dataset, run) == (10, True)
    assert_equal(load_run(run).variables, load_run(request.getfixturevalue(stage)).variables)


def test_stage_2_needs_stage_1_and_labels(first, dataset, tmp_path):
    with pytest.raises(InputError, match="Stage 2 goes on from stage 1"):
        train(SECOND, dataset, tmp_path / "run")
    with pytest.raises(InputError, match="Stage 2 goes on from stage 1"):
        fitted(SECOND, dataset, None)
    plain = write_dataset(tmp_path / "plain", {"train": [make_clip("a", 90)]})
    with pytest.raises(InputError, match="its emotion is known"):
        train(SECOND, plain, tmp_path / "run", init=first)


def test_some_samples_have_to_be_told_their_emotion():
    with pytest.raises(InputError, match=r"emotion_dropout=0.9 and both_dropout=0.9 leave no sample"):
        check(replace(SECOND, emotion_dropout=0.9, both_dropout=0.9), 1)


def test_sizes_follow_from_what_there_is(first, dataset):
    wide = replace(FIRST, diffusion_transformer=replace(FIRST.diffusion_transformer, audio_features=99, width=32))
    of_data = fitted(wide, dataset, None).diffusion_transformer
    assert (of_data.audio_features, of_data.width) == (AUDIO_FEATURES, 32)
    wide = replace(SECOND, emotion_module=replace(SECOND.emotion_module, width=32))
    of_first = fitted(wide, dataset, str(first))
    assert of_first.diffusion_transformer == FIRST.diffusion_transformer
    assert (of_first.emotion_module.width, of_first.emotion_module.heads) == (16, 2)


def test_a_run_becomes_a_model_of_either_stage(first, second, tmp_path):
    """With renderer and sound features of a model of KDTalker, and none of its denoiser."""
    names = ("appearance", "audio_encoder", "denoiser")
    save_checkpoint(tmp_path / "base", {name: random_variables(name, BASE) for name in names}, BASE)
    said = export_run(first, tmp_path / "base", tmp_path / "one")
    assert "moving average after 10 steps" in said
    one = load_checkpoint(tmp_path / "one")
    assert one.config.system == "playmate_wav2lip"
    assert set(one.parts) == {"appearance", "audio_encoder", "diffusion_transformer"}
    assert one.config.statistics == load_run(first).statistics
    assert_equal(one.variables("diffusion_transformer"), load_run(first).variables["diffusion_transformer"])

    export_run(second, tmp_path / "one", tmp_path / "two")
    two = load_checkpoint(tmp_path / "two")
    assert set(two.parts) == {*one.parts, "emotion_module"}
    assert_equal(two.variables("diffusion_transformer"), one.variables("diffusion_transformer"))
    assert set(load_model(tmp_path / "two").variables) == {"diffusion_transformer", "emotion_module"}
    with pytest.raises(CheckpointError, match="is a model of kdtalker, not of Playmate"):
        load_model(tmp_path / "base")


def test_a_run_becomes_no_model_that_hears_otherwise(first, tmp_path):
    narrow = KDTALKER_SMALL.replace(audio_encoder=AudioEncoderConfig(widths=(4, 4, 4, 4, AUDIO_FEATURES + 1)))
    save_checkpoint(tmp_path / "base", {"audio_encoder": random_variables("audio_encoder", narrow)}, narrow)
    with pytest.raises(CheckpointError, match=r"do not fit together \(features of 9 numbers .* that hears 8 "):
        export_run(first, tmp_path / "base", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_clip_that_is_not_finite_is_named(first, clips, tmp_path):
    """Where statistics are made of it, and where they are there already and the loss shows it."""
    bad = {**clips[2], "name": "broken clip", "exp": np.full_like(clips[2]["exp"], np.nan)}
    data = write_dataset(tmp_path, {"train": [*clips[3:5], bad], "validation": clips[3:5]})
    with pytest.raises(InputError, match="motion of the clip broken clip is not finite"):
        train(FIRST, data, tmp_path / "run")
    with pytest.raises(InputError, match=r"has loss nan .* from broken clip from frame"):
        train(FIRST, data, tmp_path / "tuned", init=first)


def test_a_run_goes_on_where_it_is_complete(first, dataset, tmp_path):
    run = shutil.copytree(first, tmp_path / "run")
    assert train(FIRST, dataset, run) == (10, True)
