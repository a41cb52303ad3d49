"""The command lines of training: what they refuse in one line, and that they do what they say."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from click.testing import CliRunner

from configs import DEMO, PUBLISHED_STATISTICS, SMALL
from configs.audio import SMALL_AUDIO
from configs.training import CONFIGS, SMALL_RUN
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import RunCheckpoints, RunRecord, load_checkpoint, save_checkpoint, write_record
from kdtalker_jax.training.kinds import find_kind
from pipelines import export, train, train_renderer
from tests.training.synthetic import make_clips, write_dataset


def run(command, *arguments: object):
    return CliRunner().invoke(command.main, [str(argument) for argument in arguments])


@pytest.fixture
def trained(tmp_path, small_variables):
    """A run as it is on disk after five steps."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_record(folder, RunRecord("denoiser", SMALL_RUN, 3, found={"statistics": PUBLISHED_STATISTICS}))
    params = small_variables["denoiser"]["params"]
    checkpoints = RunCheckpoints(folder, SMALL_RUN.checkpoints)
    checkpoints.save(5, {"params": params, "ema": jax.tree.map(lambda leaf: leaf + 1, params)}, {}, loss=0.5)
    checkpoints.close()
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "optimizer.learning_rat=1"), "did you mean 'optimizer.learning_rate'?"),
        (("--set", "steps=many"), "steps is a whole number, not 'many'"),
        (("--process", 1), "go together: give all three, or none"),
        (("--set", "steps=10"), "optimizer.warmup_steps=2000 must be fewer than steps=10"),
        ((), "is not a data set"),
        (("--config", "kdtalkr"), "There is no recipe 'kdtalkr' of a denoiser: there are kdtalker, demo, small."),
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, message):
    result = run(train, "--data", tmp_path, "--workdir", tmp_path / "run", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_without_a_name_the_recipe_is_that_of_the_run(tmp_path, trained):
    """Of its settings nothing is told before it is clear that it can go on: here there is no data."""
    assert train.choose_recipe(find_kind("denoiser"), trained, None, ()) == SMALL_RUN
    result = run(train, "--data", tmp_path, "--workdir", trained)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)


def test_sizes_come_from_the_data(tmp_path):
    """The small recipe asks for 16 audio features, an extraction with the demo's has 96, these clips 8."""
    data = write_dataset(tmp_path / "clips", {"train": make_clips()[:2]})
    fit = train.fit_recipe(find_kind("denoiser"), SMALL_RUN, tmp_path / "run", "small", (), data, None)
    assert fit == replace(SMALL_RUN, denoiser=replace(SMALL_RUN.denoiser, audio_features=8))


def test_sizes_come_from_what_is_started_from(tmp_path, trained):
    kind, run = find_kind("denoiser"), tmp_path / "new"
    fit = train.fit_recipe(kind, CONFIGS["kdtalker"], run, None, ("diffusion.beta_end=0.01",), None, str(demo.MODEL))
    assert fit.denoiser == DEMO.denoiser
    assert fit.diffusion == replace(DEMO.diffusion, beta_end=0.01), "but what is set"
    assert fit.steps == CONFIGS["kdtalker"].steps
    assert train.fit_recipe(kind, CONFIGS["kdtalker"], run, None, (), None, str(trained)).denoiser == SMALL_RUN.denoiser


@pytest.mark.parametrize("kind", ["denoiser", "renderer"])
def test_what_is_started_from_is_looked_for_first(tmp_path, kind):
    result = run(train, kind, "--data", tmp_path / "data", "--workdir", tmp_path / "run", "--init", tmp_path / "absent")
    assert result.exit_code == 2
    assert f"{tmp_path / 'absent'} does not exist" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_drawn_world_says_what_trains_on_it(tmp_path):
    (tmp_path / "world").mkdir()
    (tmp_path / "world" / "dataset_info.json").write_text('{"name": "synthetic_talking_heads"}')
    result = run(train, "--data", tmp_path / "world", "--workdir", tmp_path / "run")
    assert result.exit_code == 2
    assert "is a drawn world: renderers and retargeting train on it" in result.stderr


@pytest.mark.parametrize(("options", "offset"), [((), 1), (("--raw",), 0), (("--step", "best"), 1), (("--step", 5), 1)])
def test_export_puts_the_denoiser_into_the_model(tmp_path, trained, small_variables, options, offset):
    parts = {name: small_variables[name] for name in ("retargeting", "denoiser")}
    save_checkpoint(tmp_path / "model", parts, SMALL)
    result = run(export, "--run", trained, "--checkpoint", tmp_path / "model", "--out", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    model = load_checkpoint(tmp_path / "out")
    bias = model.variables("denoiser")["params"]["output_projection"]["bias"]
    np.testing.assert_allclose(bias, parts["denoiser"]["params"]["output_projection"]["bias"] + offset, rtol=1e-6)


@pytest.mark.parametrize(
    ("step", "message"),
    [("7", "no checkpoint of step 7: there are 5"), ("last", "neither latest, nor best"), ("²", "neither")],
)
def test_export_names_what_there_is(tmp_path, trained, step, message):
    result = run(export, "--run", trained, "--checkpoint", tmp_path, "--out", tmp_path / "out", "--step", step)
    assert result.exit_code == 2
    assert message in result.output


def test_who_asks_for_the_memory_of_stage_2_gets_no_training(tmp_path):
    given = ("--data", tmp_path / "world", "--workdir", tmp_path / "run", "--init", tmp_path / "model")
    result = run(train_renderer, *given, "--stage2", "--memory")
    assert result.exit_code == 2
    assert "--memory tells of a step of the renderer" in result.output


def test_export_leaves_the_audio_encoder_to_the_command_that_trains_it(tmp_path):
    """A denoiser knows one audio encoder: a model with another would speak nonsense."""
    write_record(tmp_path, RunRecord("audio_encoder", SMALL_AUDIO, 4))
    result = run(export, "--run", tmp_path, "--checkpoint", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "pipelines.train_demo makes both" in result.output
    assert not (tmp_path / "out").exists()
