"""Code in the documentation: Python blocks run as they are, command lines are understood by the commands they call."""

import contextlib
import importlib
import io
import re
import shlex
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import jax
import numpy as np
import pytest
import soundfile

from configs import SMALL
from configs.latent import SMALL as LATENT
from configs.playmate import SMALL as PLAYMATE
from configs.wav2vec2 import SMALL_WAV2VEC2
from kdtalker_jax import demo, systems
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.compilation import About, write_export
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import find_system
from pipelines.command import COMMANDS
from tests.systems.dreamhead import write_mesh
from tests.systems.dreamhead import write_model as write_dreamhead
from tests.training.synthetic import make_clips, write_dataset

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:python -m ((?:pipelines|convert|benchmarks)[\w.]*)|(?<![\w./=])kdtalker (\w+))([^|>\n]*)")


def blocks(language: str) -> Iterator[pytest.param]:
    for document in DOCS:
        found = [text for kind, text in BLOCK.findall(document.read_text(encoding="utf-8")) if kind == language]
        for number, text in enumerate(found, start=1):
            yield pytest.param(text, id=f"{document.name}-{number}")


def calls() -> Iterator[pytest.param]:
    """Each command line of each block, once."""
    seen = set()
    for block in blocks(""):
        for module, name, rest in CALL.findall(block.values[0].replace("\\\n", " ")):
            rest = rest.partition(" &&")[0]
            words = shlex.split(rest if rest.count('"') % 2 == 0 else rest.replace('"', ""), comments=True)
            line = (module or COMMANDS[name][0], *words)
            if line not in seen:
                seen.add(line)
                yield pytest.param(line, id=f"{block.id}-{len(seen)}")


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_variables, monkeypatch_module) -> Path:
    """A folder with all that documents speak of, of a small model. Copied by each test.

    Its denoiser sees no noise anywhere: with random weights, motion grows from window to window beyond any head's.
    """
    networks = {**small_variables, "syncnet": random_variables("syncnet", SMALL)}
    networks["denoiser"] = jax.tree.map(np.zeros_like, networks["denoiser"])
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(demo.PORTRAITS[0], folder / "face.jpg")
    speech = load_waveform(demo.RECORDINGS[0])[: 70 * 640]  # a window and more
    with VideoWriter(folder / "clip.mp4") as clip:
        for _ in range(3):
            clip.write(read_image(folder / "face.jpg"))
    for name in ("speech.mp3", "speech.wav"):  # what a file is shows its content
        soundfile.write(folder / name, speech, 16_000, format="WAV")
    save_checkpoint(folder / "checkpoints" / "published", networks, SMALL)
    latent = {name: random_variables(name, LATENT) for name in LATENT.sections}
    save_checkpoint(folder / "checkpoints" / "latent", latent, LATENT)
    shutil.copytree(folder / "checkpoints" / "published", folder / "published")  # goes before the model of that name
    save_checkpoint(folder / "checkpoints" / "tuned", {"denoiser": networks["denoiser"]}, SMALL)
    feeling = {name: networks[name] for name in networks if name in find_system(PLAYMATE.system).required}
    feeling |= {
        name: jax.tree.map(np.zeros_like, random_variables(name, PLAYMATE))
        for name in ("diffusion_transformer", "emotion_module")
    }
    save_checkpoint(folder / "checkpoints" / "playmate", feeling, PLAYMATE)
    listener = {"wav2vec2": random_variables("wav2vec2", SMALL_WAV2VEC2)}
    save_checkpoint(folder / "checkpoints" / "wav2vec2", listener, SMALL_WAV2VEC2)
    write_dreamhead(folder / "checkpoints" / "dreamhead")
    monkeypatch_module.setenv("KDTALKER_FACE_MESH", str(write_mesh(tmp_path_factory.mktemp("mesh"), always=True)))
    write_dataset(tmp_path_factory.mktemp("clips"), {"train": make_clips()[:2]}).rename(folder / "dataset")
    model = TalkingPortrait.load(folder / "checkpoints" / "published")
    source = model.prepare(folder / "face.jpg")
    write_export(folder / "programs", model, source, About("small", "kdtalker", "float32", 4, "dpm++", 5))
    model.sample(folder / "face.jpg", speech[: 10 * 640], folder / "talk.mp4", rate=16_000, steps=2)
    return folder


@pytest.mark.parametrize("code", list(blocks("python")))
def test_python_runs_as_it_is(code, place, tmp_path, monkeypatch):
    shutil.copytree(place, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setattr(systems, "_SYSTEMS", dict(systems._SYSTEMS))
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "block", "exec"), {"__name__": "block"})


@pytest.mark.parametrize("line", list(calls()))
def test_command_lines_are_understood(line, tmp_path, monkeypatch):
    """Every option is there, and takes what it is given; nothing is run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    module, *words = line
    is_package = (ROOT / module.replace(".", "/")).is_dir()
    try:
        command = importlib.import_module(f"{module}.__main__" if is_package else module)
    except ModuleNotFoundError as error:  # of an extra; whatever is wrong with our own modules fails here
        if (error.name or "").split(".")[0] in {"benchmarks", "configs", "convert", "kdtalker_jax", "pipelines"}:
            raise
        pytest.skip(f"needs {error.name}")
    if hasattr(command, "parser"):  # of argparse, where it has to run without click
        command.parser().parse_args(words)
        return
    assert isinstance(command.main, click.Command)
    with contextlib.suppress(click.exceptions.Exit):  # --help
        command.main.make_context(module, list(words))


def test_commands_do_what_they_are_asked_for():
    """And do not only define it, where `python -m` names them."""
    for module in {line.values[0][0] for line in calls()}:
        path = ROOT / module.replace(".", "/")
        text = (path / "__main__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        assert "main()" in text.partition('if __name__ == "__main__":\n')[2], module


def test_blocks_are_found():
    assert len(list(blocks("python"))) >= 7
    assert len(list(calls())) >= 40
