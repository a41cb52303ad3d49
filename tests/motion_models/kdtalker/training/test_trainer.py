"""A whole run: what it leaves behind, what it refuses, how it goes on."""

import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS, SMALL
from kdtalker_jax.checkpoints import load_checkpoint, read_record, save_checkpoint, write_record
from kdtalker_jax.data.statistics import STATISTICS_FILE, load_statistics, save_statistics
from kdtalker_jax.errors import CheckpointError, InputError, OutputError
from kdtalker_jax.motion_models.kdtalker.training.export import export_denoiser, load_denoiser
from kdtalker_jax.motion_models.kdtalker.training.trainer import DenoiserTask, train
from kdtalker_jax.training.settings import with_settings
from tests.training.metrics import read_metrics
from tests.training.synthetic import TINY, make_clip, write_dataset


def assert_same_end(run: Path, other: Path) -> None:
    """The same parameters and moving averages, bit by bit."""
    for ema in (False, True):
        a, b = load_denoiser(run, ema=ema), load_denoiser(other, ema=ema)
        assert a.step == b.step
        jax.tree.map(np.testing.assert_array_equal, a.variables, b.variables)


def interrupt_at(step: int):
    """A report that sends SIGTERM to this process when it hears of the validation at a step."""

    def report(sentence: str) -> None:
        if sentence.startswith(f"Step {step}:"):
            signal.raise_signal(signal.SIGTERM)

    return report


def test_a_run_learns_and_says_so(finished):
    metrics = read_metrics(finished)
    assert list(metrics) == list(range(1, 13))
    assert {"train/loss", "train/expression", "train/pose", "train/grad_norm", "train/learning_rate"} <= set(metrics[1])
    assert {"train/samples_per_second", "train/data_wait"} <= set(metrics[2])
    assert {"validation/loss", "validation/ema/loss"} <= set(metrics[12])
    assert metrics[12]["validation/loss"] < metrics[6]["validation/loss"]


def test_checkpoints_are_kept_by_policy(finished):
    """The last two, and the best by validation, which is the last."""
    assert sorted(int(path.name) for path in (finished / "checkpoints").iterdir()) == [8, 12]
    assert load_denoiser(finished, which="best").step == 12
    assert load_denoiser(finished, which=8).step == 8


def test_the_record_has_all_settings(finished, dataset):
    record = read_record(finished, "denoiser")
    assert record.config == TINY
    assert record.found["statistics"] == load_statistics(dataset)
    assert (record.clips, record.init) == (6, None)


def test_parameters_and_moving_average_come_on_their_own(finished, dataset):
    params, ema = load_denoiser(finished, ema=False), load_denoiser(finished)
    assert (params.ema, ema.ema) == (False, True)
    assert params.config.denoiser == TINY.denoiser
    assert params.statistics == load_statistics(dataset)
    difference = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), params.variables, ema.variables)
    assert max(jax.tree.leaves(difference)) > 1e-5


def test_a_step_that_is_not_there_is_refused_by_name(finished):
    with pytest.raises(CheckpointError, match="no checkpoint of step 7: there are 8, 12"):
        load_denoiser(finished, which=7)


def test_a_finished_run_has_nothing_to_do(finished, dataset, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    outcome = train(TINY, dataset, run)
    assert outcome == (12, True)
    assert_same_end(run, finished)


def test_interrupted_and_resumed_is_the_same_as_uninterrupted(finished, dataset, tmp_path):
    """Stopped where no checkpoint was due; parameters, averages, and logged losses are the same bit by bit."""
    outcome = train(TINY, dataset, tmp_path / "run", report=interrupt_at(6))
    assert outcome.step in (7, 8)
    assert not outcome.finished
    told = []
    assert train(TINY, dataset, tmp_path / "run", report=told.append) == (12, True)
    assert f"Going on after step {outcome.step}." in told
    assert_same_end(tmp_path / "run", finished)
    again, once = read_metrics(tmp_path / "run"), read_metrics(finished)
    assert [again[step]["train/loss"] for step in again] == [once[step]["train/loss"] for step in once]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed=1", "seed is 1, not 0"),
        ("optimizer.learning_rate=0.5", "optimizer.learning_rate is 0.5, not 0.001"),
        ("steps=20", "steps is 20, not 12"),
    ],
)
def test_a_run_is_not_resumed_as_another(finished, dataset, change, message):
    with pytest.raises(InputError, match=message):
        train(with_settings(TINY, [change]), dataset, finished)


def test_a_run_is_not_resumed_with_other_data(finished, tmp_path):
    data = write_dataset(tmp_path, {"train": [make_clip("a", 90)]})
    with pytest.raises(InputError, match="the data set has 1 clips, not 6"):
        train(TINY, data, finished)


def test_a_run_goes_on_without_what_it_began_with(finished, dataset, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    write_record(run, replace(read_record(run, "denoiser"), init=str(tmp_path / "gone")))
    assert train(TINY, dataset, run) == (12, True)


def test_what_does_not_matter_may_change(finished, dataset, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    config = with_settings(TINY, ["log_every=5", "checkpoints.keep_last=3", "input.cache_gb=0"])
    assert train(config, dataset, run).finished
    assert read_record(run, "denoiser").config == config


@pytest.mark.parametrize("mapping", ["jit", "fsdp"])
def test_a_run_goes_on_with_another_mapping(finished, dataset, tmp_path, mapping):
    """From the checkpoint before the last; devices change nothing but rounding."""
    run = shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(run / "checkpoints" / "12")
    told = []
    assert train(with_settings(TINY, [f"devices.mapping={mapping}"]), dataset, run, report=told.append) == (12, True)
    assert "Going on after step 8." in told
    assert read_metrics(run)[12]["validation/loss"] == pytest.approx(read_metrics(finished)[12]["validation/loss"])
    for ema in (False, True):
        trained, wanted = load_denoiser(run, ema=ema).variables, load_denoiser(finished, ema=ema).variables
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), trained, wanted)


def test_a_loss_that_is_not_finite_stops_and_names_the_clip(tmp_path):
    bad = make_clip("broken clip", 70)
    bad["exp"][:, 5] = np.nan
    data = write_dataset(tmp_path, {"train": [make_clip("a", 90), bad, make_clip("c", 70), make_clip("d", 70)]})
    of_the_clip = pytest.raises(InputError, match=r"Step 1 has loss nan .*, from broken clip from frame \d\. ")
    with pytest.warns(UserWarning, match="nothing is validated"), of_the_clip as error:
        train(TINY, data, tmp_path / "run")
    assert "clip a" not in str(error.value)
    assert not list((tmp_path / "run" / "checkpoints").iterdir()), "nothing was learnt from it"


def test_data_without_validation_clips_can_be_trained_on(tmp_path):
    data = write_dataset(tmp_path, {"train": [make_clip("a", 90)]})
    told = []
    with pytest.warns(
        UserWarning, match=r"no clip in its validation split that is long enough: .* \(python.* --split\)"
    ):
        assert train(TINY, data, tmp_path / "run", report=told.append).finished
    assert any("validation: 0 clips" in sentence for sentence in told)
    with pytest.raises(CheckpointError, match="no checkpoint with a validation loss, because no clip in its"):
        load_denoiser(tmp_path / "run", which="best")


def test_validation_clips_that_are_too_short_are_none(tmp_path):
    data = write_dataset(tmp_path, {"train": [make_clip("a", 90)], "validation": [make_clip("b", 60)]})
    with pytest.warns(UserWarning, match="no clip in its validation split that is long enough"):
        DenoiserTask(TINY, data, tmp_path / "run", None, lambda sentence: None, False)


@pytest.mark.filterwarnings("error::UserWarning")
def test_validation_that_is_off_is_not_missed(tmp_path):
    data = write_dataset(tmp_path, {"train": [make_clip("a", 90)]})
    assert train(with_settings(TINY, ["validation.windows=0", "steps=3"]), data, tmp_path / "run").finished
    with pytest.raises(CheckpointError, match=r"loss, because it was trained with validation.windows=0: name a step"):
        load_denoiser(tmp_path / "run", which="best")


def test_fine_tuning_starts_from_the_average_of_a_run_with_its_statistics(finished, dataset, tmp_path):
    """The first step has learning rate 0, so that after it nothing has changed."""
    other = replace(PUBLISHED_STATISTICS, scale_mean=(9.0,))
    (tmp_path / "data").mkdir()
    data = shutil.copytree(dataset, tmp_path / "data" / "1.0.0")
    save_statistics(data / STATISTICS_FILE, other)
    config = with_settings(TINY, ["checkpoints.every=1", "checkpoints.keep_last=12"])
    train(config, data, tmp_path / "tuned", init=finished)
    start, tuned = load_denoiser(finished, ema=True), load_denoiser(tmp_path / "tuned", ema=False, which=1)
    jax.tree.map(np.testing.assert_array_equal, tuned.variables, start.variables)
    assert tuned.statistics == load_statistics(dataset)
    assert read_record(tmp_path / "tuned", "denoiser").init == str(finished)


def test_fine_tuning_starts_from_a_converted_checkpoint(finished, dataset, tmp_path):
    trained = load_denoiser(finished)
    config = SMALL.replace(denoiser=TINY.denoiser, diffusion=TINY.diffusion, statistics=trained.statistics)
    save_checkpoint(tmp_path / "model", {"denoiser": trained.variables}, config)
    changes = ["checkpoints.every=1", "checkpoints.keep_last=12"]
    changes += ["diffusion.beta_end=0.02", "diffusion.noise_offset=0.5"]
    train(with_settings(TINY, changes), dataset, tmp_path / "tuned", init=tmp_path / "model")
    tuned = load_denoiser(tmp_path / "tuned", ema=False, which=1)
    jax.tree.map(np.testing.assert_array_equal, tuned.variables, trained.variables)
    diffusion = tuned.config.diffusion
    assert (diffusion.beta_end, diffusion.noise_offset) == (0.02, 0.5), "sampling has to know them"


def test_other_sizes_cannot_be_tuned(dataset, small_variables, tmp_path):
    save_checkpoint(tmp_path / "model", {"denoiser": small_variables["denoiser"]}, SMALL)
    with pytest.raises(InputError, match=r"denoiser of other sizes: here .*width is 16, not 48"):
        train(TINY, dataset, tmp_path / "tuned", init=tmp_path / "model")


def test_a_trained_denoiser_becomes_part_of_a_checkpoint(finished, small_variables, tmp_path):
    save_checkpoint(tmp_path / "base", {name: small_variables[name] for name in ("retargeting", "denoiser")}, SMALL)
    trained = load_denoiser(finished)
    export_denoiser(trained, tmp_path / "base", tmp_path / "out")
    exported = load_checkpoint(tmp_path / "out")
    assert set(exported.parts) == {"retargeting", "denoiser"}
    assert exported.config.denoiser == TINY.denoiser
    assert exported.config.retargeting == SMALL.retargeting
    jax.tree.map(np.testing.assert_array_equal, exported.variables("denoiser"), trained.variables)
    jax.tree.map(np.testing.assert_array_equal, exported.variables("retargeting"), small_variables["retargeting"])


def test_a_folder_with_other_things_is_left_alone(dataset, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match=r"holds other things \(thesis.tex\)"):
        train(TINY, dataset, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_workdir_that_cannot_be_made_is_named(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/run cannot be written to \(Not a directory\)"):
        train(TINY, dataset, tmp_path / "file" / "run")


def test_a_damaged_checkpoint_says_which_folder_to_remove(finished, dataset, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    for path in (run / "checkpoints" / "12" / "params").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="checkpoints/12 is damaged: remove that folder"):
        train(TINY, dataset, run)
    shutil.rmtree(run / "checkpoints" / "12")
    assert train(TINY, dataset, run).finished
    assert_same_end(run, finished)
