"""Command lines take the published spellings, and fail in one line with exit code 2."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from kdtalker_jax.cli import Command
from kdtalker_jax.errors import InputError
from pipelines import evaluate, extract, synthesize

REPOSITORY = Path(__file__).resolve().parents[1]


@click.command(cls=Command)
@click.option("--source_image", type=Path, required=True)
@click.option("--frame-rate", type=int, default=25)
@click.option("--loud/--quiet", default=False)
@click.option("--crop", type=click.Choice(["square", "none"]), multiple=True)
@click.option("--point", nargs=2, type=float)
def command(source_image, frame_rate, loud, crop, point):
    """Shows its arguments."""
    if str(source_image) == "missing":
        raise InputError(f"there is no {source_image}\x1b[31m")
    if str(source_image) == "broken":
        raise ZeroDivisionError
    if str(source_image) == "gone":
        Path("/nonexistent/file").read_text()
    click.echo(f"{source_image}|{frame_rate}|{loud}|{crop}|{point}")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize("option", ["-source_image", "--source_image", "-source-image", "--source-image"])
def test_all_spellings_of_an_option_are_one(option):
    assert run(option, "a b.png", "-frame_rate", "30").output == run(f"{option}=a b.png", "-frame-rate=30").output
    assert run(option, "a b.png", "--frame_rate=30").output == "a b.png|30|False|()|None\n"


@pytest.mark.parametrize(
    "value", ["-source_image", "--loud", "-a.wav", "--", "$(x)", "a=b", "\u4e2d 'x'", "-frame_rate=3"]
)
def test_values_are_left_as_they_are(value):
    assert run("-source_image", value, "--point", "-1", "-2").output == f"{value}|25|False|()|(-1.0, -2.0)\n"
    assert run(f"-source_image={value}", "-crop=none").output == f"{value}|25|False|('none',)|None\n"


def test_flags_take_no_value():
    assert run("-loud", "-source_image", "x").output == "x|25|True|()|None\n"
    assert run("-source_image", "x", "-quiet").output == "x|25|False|()|None\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing option '--source_image'"),
        (("-source_image",), "Option '--source_image' requires an argument"),
        (("-source_image", "x", "-frame_rate", "fast"), "'fast' is not a valid integer"),
        (("-source_image", "x", "-sorce_image", "y"), "No such option '--sorce_image'"),
        (("-source_image", "x", "-x"), "No such option '-x'"),
        (("-source_image", "x", "extra"), "unexpected extra argument (extra)"),
        (("-source_image", "missing"), "there is no missing"),
        (("-source_image", "gone"), "No such file or directory: '/nonexistent/file'"),
    ],
)
def test_failures_are_one_line_and_exit_code_2(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert message in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("command", ["sample", "evaluate --videos . --out x", "train --data . --workdir x"])
def test_platforms_that_are_not_there(command, tmp_path):
    """Also where JAX may be touched only after other processes have been joined (train)."""
    name, *arguments = command.split()
    environment = {**os.environ, "JAX_PLATFORMS": "cpu,typo", "PYTHONPATH": str(REPOSITORY)}
    program = [sys.executable, "-m", f"pipelines.{name}", *arguments]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: JAX_PLATFORMS=cpu,typo names a platform that JAX cannot use here")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("sentence", "printed"),
    [
        ('use `crop="none"` if it is cut', "use --crop none if it is cut"),
        ("replace with `loud=True`", "replace with --loud"),
        ("`frame_rate=30` and `source_image` go together", "--frame-rate 30 and --source_image go together"),
        ("install it with `pip install dlib-bin`", "install it with `pip install dlib-bin`"),
        ("give it with `keys`", "give it with `keys`"),
    ],
)
def test_arguments_of_the_library_are_named_as_options(sentence, printed):
    """An argument that the command has no option for stays as it is."""
    assert command.in_options(sentence) == printed


def test_errors_and_warnings_name_options():
    @click.command(cls=Command)
    @click.option("--mat_key", "keys")
    def fails(keys: str) -> None:
        warnings.warn("see `keys`", stacklevel=1)
        raise InputError("give it with `keys`")

    with pytest.warns(UserWarning, match="see `keys`"):
        result = CliRunner().invoke(fails, ["--mat_key", "x"])
        shown = warnings.formatwarning("see `keys`", UserWarning, "", 0)
    assert result.exit_code == 2
    assert result.output.endswith("Error: give it with --mat_key\n")
    assert shown == "Warning: see --mat_key\n"


def test_debug_shows_where_it_happened():
    assert isinstance(run("-source_image", "missing", "--debug").exception, InputError)


def test_a_mistake_of_the_program_is_not_hidden():
    assert isinstance(run("-source_image", "broken").exception, ZeroDivisionError)


def test_help_names_the_common_option():
    result = run("--help")
    assert result.exit_code == 0
    assert "--debug" in result.output


@pytest.mark.parametrize(
    ("main", "option"),
    [
        (synthesize.main, ["--seconds", "nan"]),
        (synthesize.main, ["--seconds", "inf"]),
        (synthesize.main, ["--recorded", "nan"]),
        (synthesize.main, ["--validation", "nan"]),
        (synthesize.main, ["--seed", "-1"]),
        (synthesize.main, ["--seed", str(2**64)]),
        (extract.main, ["--max_without_face", "nan"]),
        (evaluate.main, ["--speed", "nan"]),
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path, main, option):
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "out"), *option])
    assert result.exit_code == 2, result.output
    assert option[0] in result.stderr and "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_names_that_no_terminal_shows_end_nothing():
    """Neither bytes that are no UTF-8, which names of files may have, nor what moves the cursor."""
    program = """
import click, sys, warnings
from kdtalker_jax.cli import Command, result
from kdtalker_jax.streams import say

@click.command(cls=Command)
def main():
    for tell in (say, result, warnings.warn):
        tell("a\\udcff\\x1b[2J.mp4")

main()
"""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["a??[2J.mp4"] * 2
    assert "Warning: a??[2J.mp4" in done.stderr
