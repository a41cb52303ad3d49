"""Programs work as well where standard streams are not there, or go away."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdtalker_jax import streams
from tests import light

COMMAND = """
import sys
import click
from tqdm import tqdm
from kdtalker_jax.cli import Command

@click.command(cls=Command)
@click.argument("output")
@click.option("--lines", default=1)
def main(output, lines):
    for number in tqdm(range(lines)):
        click.echo("word " * 100)
        click.echo("word " * 100, err=True)
        tqdm.write("word")
        print("word")
    with open(output, "w") as file:
        file.write("whole")
main()
"""


def run(tmp_path, redirection, *options):
    """In a shell, with its redirection; returns what has come of it."""
    command = ["bash", "-o", "pipefail", "-c", f'"$@" {redirection}', "bash"]
    command += light.command(COMMAND, tmp_path / "out", *options)
    return subprocess.run(command, cwd=light.REPOSITORY, capture_output=True, text=True)


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path, redirection):
    done = run(tmp_path, redirection)
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "whole"
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("redirection", ["| head -c 1", "2>&1 | head -c 1", "2>&1 >/dev/null | head -c 1"])
def test_readers_that_go_away(tmp_path, redirection):
    """The work is done all the same, and nobody is told of a broken pipe."""
    done = run(tmp_path, redirection, "--lines=2000")
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "whole"
    assert "roken" not in done.stdout + done.stderr


def test_help_into_a_closed_pipe(tmp_path):
    done = run(tmp_path, "| true", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_told(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = run(tmp_path, ">/dev/full")
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_do_not_get_the_number_of_a_closed_stream(tmp_path):
    """What a library in C prints on it would land in the file."""
    program = """
import os, sys
from kdtalker_jax.streams import mend_streams
mend_streams()
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2
    os.write(2, b"words of a library")
    file.write("whole")
"""
    command = ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", *light.command(program, tmp_path / "out")]
    subprocess.run(command, cwd=light.REPOSITORY, check=True)
    assert (tmp_path / "out").read_text() == "whole"


def test_bars_in_files_say_nothing_twice(monkeypatch):
    """A bar that closes is drawn again, with another time beside it."""
    monkeypatch.setattr(streams, "SECONDS_APART", 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with streams.progress_bar(total=3) as bar:
        for _ in range(3):
            bar.update()
            time.sleep(0.01)
        time.sleep(1.1)
    lines = sys.stderr.getvalue().splitlines()
    assert [line.split("|")[-1].split(" [")[0].strip() for line in lines] == ["0/3", "1/3", "2/3", "3/3"]


@pytest.mark.parametrize("stream", ["None", "open('/dev/null')"])
def test_bars_of_the_library_without_a_stream(stream):
    program = f"""
import sys
from kdtalker_jax.streams import progress_bar
sys.stderr = {stream}
if sys.stderr:
    sys.stderr.close()
assert list(progress_bar(range(3))) == [0, 1, 2]
with progress_bar(total=3) as bar:
    bar.update(1)
"""
    with light.start(program) as process:
        process.communicate(timeout=30)
    assert process.returncode == 0
