"""Runs that are killed, preempted or short of disk, as users start them; each compared with an uninterrupted one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from kdtalker_jax.motion_models.kdtalker.training.export import load_denoiser
from kdtalker_jax.training.settings import to_text
from tests.training.synthetic import TINY

ROOT = Path(__file__).parents[2]
OFTEN = "checkpoints.every=1"  # so that a run of a dozen tiny steps lasts long enough to be interrupted


def start(dataset: Path, run: Path, *changes: str, devices: int = 1, options: tuple = (), prefix: tuple = ()):
    """`python -m pipelines.train` of the tiny recipe."""
    settings = [f"--set={line}" for line in (*to_text(TINY).splitlines(), *changes)]
    command = ["-m", "pipelines.train", "--config=small", "--data", dataset, "--workdir", run, *settings, *options]
    return subprocess.Popen(
        [*prefix, sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    return output


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    give_up = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < give_up
        time.sleep(0.001)


def complete(run: Path) -> list[int]:
    return sorted(int(path.name) for path in (run / "checkpoints").glob("*") if path.name.isdigit())


def unfinished(run: Path) -> list[Path]:
    return [path for path in (run / "checkpoints").glob("*") if not path.name.isdigit()]


def assert_same_end(run: Path, other: Path, **tolerance: float) -> None:
    for ema in (False, True):
        a, b = load_denoiser(run, ema=ema), load_denoiser(other, ema=ema)
        assert (a.step, b.step) == (12, 12)
        for x, y in zip(jax.tree.leaves(a.variables), jax.tree.leaves(b.variables), strict=True):
            np.testing.assert_allclose(x, y, **{"rtol": 0, "atol": 0, **tolerance})


def test_killed_in_the_middle_of_a_checkpoint_then_preempted(dataset, finished, tmp_path):
    """kill -9 loses what came after the last complete checkpoint, SIGTERM nothing; the end is the same bit by bit."""
    run = tmp_path / "run"
    process = start(dataset, run, OFTEN)
    wait_until(lambda: len(complete(run)) > 1 and unfinished(run), process)
    process.kill()
    process.communicate()
    assert unfinished(run), "a checkpoint was being written"
    kept = complete(run)[-1]
    assert load_denoiser(run).step == kept, "what is there can be read"

    process = start(dataset, run, OFTEN)
    wait_until(lambda: complete(run)[-1] > kept, process)
    process.send_signal(signal.SIGTERM)
    output = finish(process)
    assert f"Going on after step {kept}." in output
    stopped = complete(run)[-1]
    assert f"Stopped after {stopped} of 12 steps" in output
    assert kept < stopped < 12

    output = finish(start(dataset, run, OFTEN))
    assert f"Going on after step {stopped}." in output
    assert_same_end(run, finished)


@pytest.mark.slow
def test_two_processes_stop_together_and_one_with_other_devices_goes_on(dataset, finished, tmp_path):
    """One of them is told to stop; what both have saved is taken up by one process with four devices."""
    run = tmp_path / "run"
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        coordinator = f"localhost:{listener.getsockname()[1]}"
    together = [
        start(dataset, run, OFTEN, options=("--coordinator", coordinator, "--processes", 2, "--process", i))
        for i in range(2)
    ]
    wait_until(lambda: len(complete(run)) > 1, together[0])
    together[1].send_signal(signal.SIGTERM)
    output, _ = [finish(process) for process in together]
    assert "2 devices (cpu) in 2 processes" in output
    assert "Stopped after" in output
    output = finish(start(dataset, run, devices=4))
    assert "Going on after step" in output
    assert_same_end(run, finished, rtol=1e-5, atol=1e-6)


def test_a_disk_that_fills_up_ends_with_a_sentence(dataset, tmp_path):
    """A limit on the size of files fails the writing of parameters as a full disk does, but not that of the logs."""
    limit = ("sh", "-c", 'ulimit -f 40; exec "$@"', "sh")
    process = start(dataset, tmp_path / "run", "validation.windows=0", prefix=limit)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 2, output
    assert "Error: A checkpoint cannot be written to" in output
    assert "make room, and run the same command to go on from step 0" in output


def test_a_log_that_cannot_grow_ends_with_a_sentence(dataset, tmp_path):
    """The picture of the first validation is too large here; nothing waits for ever for a writer that has died."""
    limit = ("sh", "-c", 'ulimit -f 40; exec "$@"', "sh")
    process = start(dataset, tmp_path / "run", "validation.every=2", prefix=limit)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 2, output
    assert "run cannot be written to (File too large)" in output
