"""Compiled programs are found again, and exported ones compute the same."""

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from click.testing import CliRunner

from configs.playmate import SMALL as FEELING
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.compilation import SHORTEST, About, cache_directory, load_export, write_export
from kdtalker_jax.errors import CheckpointError, InputError, OutputError
from kdtalker_jax.motion_models.playmate.model import Playmate
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.seeds import random_key
from kdtalker_jax.systems import find_system
from pipelines.compile import main

ROOT = Path(__file__).parents[1]
ABOUT = About("small", "kdtalker", "float32", 2, "ddpm", 3)


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.fixture(scope="module")
def exported(small_model, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "new" / "folder"
    write_export(folder, small_model, source, ABOUT)
    return folder


def test_exported_programs_compute_the_same(small_model, source, exported):
    loaded = load_export(exported)
    assert loaded.about == ABOUT
    random = np.random.default_rng(0)
    keypoints = source.keypoints + random.normal(0, 0.02, (2, 21, 3)).astype(np.float32)
    _, expected, _ = small_model.renderer.frames(small_model.params, source.arrays, (), keypoints)
    _, frames, finite = loaded.frames(small_model.params, source.arrays, (), keypoints)
    assert finite.all()
    # The export has the plain convolutions that every device knows; here a CPU may use faster forms, rounded otherwise.
    difference = np.abs(np.int32(frames) - np.int32(expected))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_exported_motion_goes_on_from_window_to_window(small_model, source, exported):
    """By a sampler that adds noise: its random key is an argument of the program."""
    loaded, mover = load_export(exported), small_model.motion_model
    features = np.random.default_rng(0).standard_normal((1, 64, 16)).astype(np.float32)
    rule, state = mover.rule("ddpm", 3), mover.begin([source.own])
    expected_state = state
    for window in range(2):
        noise = mover.noise(random_key(1)[None], window)
        expected_state, expected = mover.window(
            small_model.params, rule, expected_state, features, mover.Controls(), noise
        )
        state, motion = loaded.motion(small_model.params, state, features, noise)
        np.testing.assert_allclose(motion, expected, atol=1e-5)
        other, _ = loaded.motion(small_model.params, state, features, mover.noise(random_key(2)[None], window))
        assert np.abs(other.reference - state.reference).max() > 1e-2


def test_one_file_serves_all_platforms(exported):
    program = jax.export.deserialize(bytearray((exported / "frames.jax").read_bytes()))
    assert program.platforms == ("cpu", "cuda", "tpu")


def test_what_is_no_export_is_refused(exported, tmp_path):
    for name in ("export.json", "frames.jax", "motion.jax"):
        folder = tmp_path / name
        folder.mkdir()
        for path in exported.iterdir():
            (folder / path.name).write_bytes(path.read_bytes() if path.name != name else b"{}")
        with pytest.raises(CheckpointError, match="--export"):
            load_export(folder)
    with pytest.raises(CheckpointError, match="nowhere"):
        load_export(tmp_path / "nowhere")


@pytest.mark.parametrize("change", [{"version": 99}, {"version": None}, {"batch_size": "8"}, {"steps": 1e400}])
def test_nonsense_in_the_description_of_an_export_is_refused(exported, tmp_path, change):
    folder = shutil.copytree(exported, tmp_path / "export")
    about = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps(about), encoding="utf-8-sig")
    assert load_export(folder)
    (folder / "export.json").write_text(json.dumps(about | change))
    with pytest.raises(CheckpointError, match="--export"):
        load_export(folder)


def test_what_cannot_be_exported_is_said(small_model, source, tmp_path):
    with pytest.raises(InputError, match="euler"):
        write_export(tmp_path, small_model, source, replace(ABOUT, sampler="euler"))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        write_export(tmp_path / "file", small_model, source, ABOUT)


def test_command_exports(small_checkpoint, tmp_path):
    arguments = ["--checkpoint", small_checkpoint, "--export", tmp_path / "out", "--steps", "2"]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["export.json", "frames.jax", "motion.jax"]
    assert load_export(tmp_path / "out").about.steps == 2


def test_a_model_that_feels_is_compiled_with_an_emotion_and_without(tmp_path, monkeypatch):
    names = (*find_system("playmate_wav2lip").required, "emotion_module")
    save_checkpoint(tmp_path / "model", {name: random_variables(name, FEELING) for name in names}, FEELING)
    asked, window = [], Playmate.window

    def heard(self, *arguments):
        asked.append(bool(arguments[4].feelings))
        return window(self, *arguments)

    monkeypatch.setattr(Playmate, "window", heard)
    result = CliRunner().invoke(main, ["--checkpoint", str(tmp_path / "model"), "--steps", "1", "--no_cache"])
    assert result.exit_code == 0, result.output
    assert asked == [False, True]


def test_cache_folder_is_the_users_and_named_by_versions(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = cache_directory()
    assert directory.parent == tmp_path / "kdtalker_jax"
    assert f"jax{jax.__version__}-" in directory.name and directory.name.endswith("cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory().parent == tmp_path / ".cache" / "kdtalker_jax"


def compile_in_new_process(cache, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, "-m", "pipelines.compile", "--steps", "1", *arguments]
    environment |= {"XDG_CACHE_HOME": str(cache), SHORTEST: "0", **variables}  # on machines of any speed
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result


def test_command_lines_keep_programs(tmp_path):
    """In a folder that is nobody else's; a second run finds them there."""
    first = compile_in_new_process(tmp_path)
    (folder,) = (tmp_path / "kdtalker_jax").iterdir()
    assert str(folder) in first.stdout
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    programs = list(folder.glob("jit_render-*-cache"))
    assert len(programs) == 1
    compile_in_new_process(tmp_path)
    assert list(folder.glob("jit_render-*-cache")) == programs


@pytest.mark.parametrize(("arguments", "variables"), [(["--no_cache"], {}), ([], {"KDTALKER_NO_CACHE": "1"})])
def test_the_cache_can_be_switched_off(tmp_path, arguments, variables):
    assert "not kept" in compile_in_new_process(tmp_path, *arguments, **variables).stdout
    assert not list(tmp_path.iterdir())


def test_a_cache_that_cannot_be_made_does_no_harm(tmp_path):
    (tmp_path / "kdtalker_jax").touch()
    assert "not kept" in compile_in_new_process(tmp_path).stdout
