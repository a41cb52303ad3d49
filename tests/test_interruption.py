"""Command lines hear signals at once, whatever the main thread does, and end with nothing unfinished left."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest

from kdtalker_jax.interruption import SIGNALS, Interruption
from tests import light

# Holds the main thread up in foreign code, where Python runs no handlers: as compilation does.
COMMAND = """
import ctypes, pathlib, time
import click
from kdtalker_jax.cli import Command
from kdtalker_jax.interruption import Interruption
from kdtalker_jax.unfinished import unfinished_file

@click.command(cls=Command)
@click.argument("output")
@click.option("--keep", is_flag=True)
def main(output, keep):
    with unfinished_file(output) as path:
        path.touch()
        if keep:
            with Interruption("this piece") as interruption:
                click.echo("begun")
                while not interruption.asked:
                    time.sleep(0.01)
            path.write_text("kept")
        else:
            click.echo("begun")
            sleep = ctypes.CDLL(None).sleep
            while True:
                sleep(60)
main()
"""


def begin(tmp_path: Path, *options: str, before: str = ""):
    process = light.start(before + COMMAND, tmp_path / "out", *options)
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("number", SIGNALS, ids=[number.name for number in SIGNALS])
def test_a_signal_ends_a_command_at_once(tmp_path, number):
    with begin(tmp_path) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (128 + number, "Stopped.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_worth_keeping_is_finished_first(tmp_path, number):
    with begin(tmp_path, "--keep") as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "Stopping after this piece; once more to stop at once.\n")
    assert (tmp_path / "out").read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_second_signal_ends_that_too(tmp_path):
    stubborn = COMMAND.replace("not interruption.asked", "True")
    with light.start(stubborn, tmp_path / "out", "--keep") as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline().startswith("Stopping")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (128 + signal.SIGINT, "Stopped.\n")
    assert not list(tmp_path.iterdir())


def test_what_nohup_ignores_is_ignored(tmp_path):
    with begin(tmp_path, before="signal.signal(signal.SIGHUP, signal.SIG_IGN)") as process:
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_terminal_that_is_full_or_gone_does_not_hold_the_end_up(tmp_path):
    with begin(tmp_path) as process:
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        process.wait(timeout=30)
    assert process.returncode == 128 + signal.SIGHUP
    assert not list(tmp_path.iterdir())


def test_a_forked_child_dies_alone():
    """Workers that are ended by SIGTERM, as those of multiprocessing, do not end the command."""
    program = """
import os, signal, time
from kdtalker_jax.interruption import listening
with listening():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    time.sleep(0.2)
print("goes on")
"""
    with light.start(program) as process:
        output, _ = process.communicate(timeout=30)
    assert output == f"{-signal.SIGTERM}\ngoes on\n"


def test_the_event_loop_of_another_library_takes_nothing_away():
    """While it runs, such a loop may have the descriptor by which signals are heard."""
    program = """
import signal, time
from kdtalker_jax.interruption import listening
with listening():
    signal.set_wakeup_fd(-1)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(60)
"""
    with light.start(program) as process:
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_all_is_as_before_after_a_command():
    program = """
import signal
import subprocess
from kdtalker_jax.interruption import SIGNALS, listening
before = [signal.getsignal(number) for number in SIGNALS]
with listening():
    assert [signal.getsignal(number) for number in SIGNALS] != before
assert [signal.getsignal(number) for number in SIGNALS] == before
assert signal.set_wakeup_fd(-1) == -1
"""
    with light.start(program) as process:
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_a_command_may_call_another():
    program = """
import signal
from kdtalker_jax.interruption import listening
with listening("Outer."):
    with listening("Inner."):
        pass
    signal.raise_signal(signal.SIGTERM)
    signal.pause()
"""
    with light.start(program) as process:
        assert process.communicate(timeout=30) == ("", "Outer.\n")
    assert process.returncode == 128 + signal.SIGTERM


def test_in_a_program_of_others_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interruption() as interruption:
        assert not interruption.asked
        signal.raise_signal(signal.SIGTERM)
        assert interruption.asked
        assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_no_handler_is_touched():
    asked = []

    def work():
        with Interruption() as interruption:
            asked.append(interruption.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
