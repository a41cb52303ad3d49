"""Whole runs: they learn, go on after an interruption as if there had been none, and become models."""

import signal
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.dreamhead import SMALL
from configs.dreamhead_training import CosineOptimizerConfig, LandmarkRun
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import load_checkpoint, read_record, save_checkpoint, write_record
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.motion_models.dreamhead.training.export import export_run, load_trained
from kdtalker_jax.motion_models.dreamhead.training.trainer import _task, fitted, train
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.training.logs import NoLogs
from kdtalker_jax.training.one_network import make_optimizer, rate_schedule
from tests.motion_models.dreamhead.training.tiny import TINY
from tests.training.landmarks import AUDIO_FEATURES, make_clip, write_dataset
from tests.training.metrics import read_metrics


def assert_equal(one, other) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_ten_steps_learn(finished):
    metrics = read_metrics(finished)
    assert list(metrics) == list(range(1, 11))
    assert {"train/loss", "train/places", "train/changes", "train/grad_norm"} <= set(metrics[1])
    assert metrics[10]["validation/loss"] < metrics[5]["validation/loss"]
    assert metrics[10]["validation/ema/loss"] < 0.95 * metrics[1]["train/loss"]


def test_interrupted_and_resumed_is_the_same_as_uninterrupted(finished, dataset, tmp_path):
    def interrupt(sentence: str) -> None:
        if sentence.startswith("Step 5:"):
            signal.raise_signal(signal.SIGTERM)

    assert not train(TINY, dataset, tmp_path / "run", report=interrupt).finished
    assert train(TINY, dataset, tmp_path / "run") == (10, True)
    for ema in (False, True):
        assert_equal(load_trained(tmp_path / "run", ema=ema).params, load_trained(finished, ema=ema).params)


def test_parts_of_a_batch_add_up_to_it(finished, dataset, tmp_path):
    train(replace(TINY, accumulate=2, steps=3, optimizer=replace(TINY.optimizer, warmup_steps=1)), dataset, tmp_path)
    one = replace(TINY, steps=3, optimizer=replace(TINY.optimizer, warmup_steps=1))
    train(one, dataset, tmp_path / "whole")
    for parts, whole in zip(*(read_metrics(path).values() for path in (tmp_path, tmp_path / "whole")), strict=True):
        np.testing.assert_allclose(parts["train/loss"], whole["train/loss"], rtol=1e-3)


def test_it_goes_on_from_a_run_with_its_statistics(finished, dataset, tmp_path):
    train(replace(TINY, steps=3), dataset, tmp_path / "more", init=finished)
    assert load_trained(tmp_path / "more").statistics == load_trained(finished).statistics
    deeper = replace(TINY, landmark_denoiser=replace(TINY.landmark_denoiser, layers=2))
    with pytest.raises(InputError, match="landmark_denoiser of other sizes: here layers is 2, not 1"):
        train(deeper, dataset, tmp_path / "deeper", init=finished)


def test_sizes_follow_from_what_there_is(finished, dataset):
    wide = replace(TINY, landmark_denoiser=replace(TINY.landmark_denoiser, audio_features=99, points=478, width=32))
    of_data = fitted(wide, dataset, None).landmark_denoiser
    assert (of_data.audio_features, of_data.points, of_data.width) == (AUDIO_FEATURES, 162, 32)
    assert fitted(wide, dataset, str(finished)).landmark_denoiser == TINY.landmark_denoiser


def test_the_same_command_goes_on_before_the_first_checkpoint(finished, tmp_path):
    """Sizes are those of the record, which is there from the beginning."""
    write_record(tmp_path, read_record(finished, "dreamhead"))
    again = fitted(LandmarkRun(), None, str(tmp_path))
    assert again.landmark_denoiser == TINY.landmark_denoiser


def test_validation_asks_the_same_in_every_run(finished, dataset, tmp_path):
    """Whatever the seed, and in however many parts a batch is worked through."""

    def loss(name, **changes):
        task = _task(replace(TINY, **changes), dataset, tmp_path / name, str(finished), lambda sentence: None, False)
        return task.validate(parallel.place(task.initial_state(), TINY.devices.mapping), 0, NoLogs())

    assert loss("a", seed=1, accumulate=2) == pytest.approx(loss("b", seed=2), rel=1e-5)


def test_a_run_becomes_a_model(finished, tmp_path):
    base = SMALL.replace(audio_encoder=AudioEncoderConfig(widths=(4, 4, 4, 4, AUDIO_FEATURES)))
    names = ("audio_encoder", "autoencoder")
    save_checkpoint(tmp_path / "base", {name: random_variables(name, base) for name in names}, base)
    said = export_run(finished, tmp_path / "base", tmp_path / "out")
    assert "moving average after 10 steps" in said
    model, trained = load_checkpoint(tmp_path / "out"), load_trained(finished)
    assert set(model.parts) == {*names, "landmark_denoiser"}
    assert model.config.statistics == trained.statistics
    assert_equal(model.variables("landmark_denoiser")["params"], trained.params)
    assert_equal(load_trained(tmp_path / "out").params, trained.params)
    assert model.config.landmark_denoiser.window == 24
    with pytest.raises(CheckpointError, match="name as `checkpoint`"):
        export_run(finished, None, tmp_path / "none")


def test_models_and_runs_of_others_are_refused(small_checkpoint, finished, tmp_path):
    with pytest.raises(CheckpointError, match="is a model of kdtalker, not of DreamHead"):
        load_trained(small_checkpoint)
    with pytest.raises(CheckpointError, match="is a model of kdtalker, not of DreamHead"):
        export_run(finished, small_checkpoint, tmp_path / "out")


def test_what_cannot_be_trained_on_is_said(clips, dataset, tmp_path):
    with pytest.raises(InputError, match="is trained on a data set"):
        train(TINY, None, tmp_path / "run")
    other = write_dataset(tmp_path / "other", {"train": clips[:1]}, system="kdtalker")
    with pytest.raises(InputError, match="data set of the system kdtalker, not of dreamhead or dreamhead_wav2lip"):
        train(TINY, other, tmp_path / "run")
    broken = {**make_clip("broken clip", 30), "points": np.full((30, 162, 3), np.nan, np.float32)}
    bad = write_dataset(tmp_path / "bad", {"train": [clips[0], broken]})
    with pytest.raises(InputError, match="landmarks of the clip broken clip are not finite"):
        train(TINY, bad, tmp_path / "run")
    with pytest.raises(InputError, match="known_frames is a probability"):
        train(replace(TINY, known_frames=2.0), dataset, tmp_path / "run")
    with pytest.raises(InputError, match=r"leave diffusion\.prediction=sample"):
        train(replace(TINY, diffusion=replace(TINY.diffusion, prediction="noise")), dataset, tmp_path / "run")
    with pytest.raises(InputError, match="no more than optimizer"):
        train(replace(TINY, optimizer=replace(TINY.optimizer, final_rate=1.0)), dataset, tmp_path / "run")
    short = write_dataset(tmp_path / "short", {"train": [make_clip("short", 20)]})
    with pytest.raises(InputError, match="24 frames"):
        train(TINY, short, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*"))


def test_the_optimiser_may_be_muon():
    """Which moves all directions of a matrix alike."""
    gradient = {"dense": {"kernel": jnp.eye(8)[:, :4] * jnp.array([[1.0, 0.1, 0.01, 0.001]]), "bias": jnp.zeros(4)}}
    spread = {}
    for kind in ("adamw", "muon"):
        settings = replace(TINY.optimizer, kind=kind, warmup_steps=0, weight_decay=0.0, clip_norm=1e9)
        optimizer = make_optimizer(replace(TINY, optimizer=settings))
        update, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
        spread[kind] = np.linalg.svd(update["dense"]["kernel"], compute_uv=False)
    assert spread["muon"].max() / spread["muon"].min() < 2
    assert not np.allclose(spread["muon"], spread["adamw"], rtol=0.1)


def test_a_lowered_rate_stays_low():
    """As for fine-tuning: where no final rate is named, it is the peak."""
    rate = rate_schedule(LandmarkRun(optimizer=CosineOptimizerConfig(learning_rate=1e-5)))
    assert max(float(rate(step)) for step in (0, 1_000, 100_000, 200_000)) == pytest.approx(1e-5)
