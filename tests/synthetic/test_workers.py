"""Processes that draw a world: the same clips as this process makes, whatever happens to them."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from kdtalker_jax.errors import InputError, KDTalkerError
from kdtalker_jax.synthetic import workers
from kdtalker_jax.synthetic.builder import build_world
from kdtalker_jax.synthetic.clips import WorldOptions, fingerprint, plan_world
from kdtalker_jax.synthetic.performance import random_performance
from tests.light import REPOSITORY

OPTIONS = WorldOptions(performances=3, people_per_performance=2, frames=10, size=32)
BUILD = f"""
import sys
from pathlib import Path
from kdtalker_jax.synthetic import workers
from kdtalker_jax.synthetic.builder import build_world
from kdtalker_jax.synthetic.clips import WorldOptions
workers.FEW = 1
build_world(Path(sys.argv[1]), WorldOptions(**{vars(replace(OPTIONS, performances=1000))}))
"""


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def by_one(monkeypatch):
    """Worlds of any size are drawn by one process."""
    monkeypatch.setattr(workers, "FEW", 1)
    monkeypatch.setattr(workers, "_cores", lambda: 1)


def test_a_process_that_is_killed_leaves_what_is_gone_on_with_here_to_the_same_bytes(tmp_path, by_one, monkeypatch):
    draw = workers.Worker.draw

    def killed_at_two(worker, performance):
        if performance == 2:
            worker.process.kill()
        draw(worker, performance)

    monkeypatch.setattr(workers.Worker, "draw", killed_at_two)
    out, kept = tmp_path / "out", tmp_path / "out.unfinished" / fingerprint(OPTIONS)
    with pytest.raises(KDTalkerError, match="was ended"):
        build_world(out, OPTIONS)
    drawn = files(kept)
    assert sorted(drawn) == [f"{plan.name}.npz" for plan in plan_world(OPTIONS) if plan.performance < 2]
    monkeypatch.undo()
    build_world(out, OPTIONS)
    build_world(tmp_path / "here", OPTIONS)
    assert files(out) == files(tmp_path / "here")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["here", "out"]


def test_where_python_is_part_of_another_program_nothing_is_started(tmp_path, by_one, monkeypatch):
    monkeypatch.setattr(sys, "executable", None)
    monkeypatch.setattr(workers, "Worker", None)
    build_world(tmp_path / "out", replace(OPTIONS, performances=2, people_per_performance=1))
    assert (tmp_path / "out").is_dir()


@pytest.mark.slow
def test_several_processes_draw_what_this_one_draws(tmp_path, monkeypatch):
    options = replace(OPTIONS, look="varied", plain=0.3, expressive=2, expressive_frames=4)
    build_world(tmp_path / "here", options)
    monkeypatch.setattr(workers, "FEW", 1)
    monkeypatch.setattr(workers, "_cores", lambda: 2)
    monkeypatch.chdir(tmp_path)  # where modules of other people's may lie
    (tmp_path / "json.py").write_text("raise SystemExit('stolen')")
    build_world(Path("there"), options)
    assert files(tmp_path / "here") == files(tmp_path / "there")


@pytest.mark.slow
def test_what_is_wrong_is_told_as_if_it_had_happened_here(tmp_path, by_one):
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", random_performance(number, 30).waveform, 16_000)
    options = replace(OPTIONS, recordings=tmp_path, recorded=1.0)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError, match=r"\.wav"):
        build_world(tmp_path / "world", options)
    with pytest.raises(RuntimeError, match="Traceback"), workers.Worker(OPTIONS, tmp_path) as worker:
        worker.draw(1000)


def runs(process: str) -> bool:
    """Also one that has ended is there until somebody asks how."""
    arguments = Path("/proc", process, "cmdline")
    return arguments.exists() and arguments.read_bytes() != b""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_processes_end_with_their_parent_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", BUILD, tmp_path / "world"], cwd=REPOSITORY) as process:
        while process.poll() is None and not list(tmp_path.rglob("*.npz")):
            time.sleep(0.1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(children) == len(os.sched_getaffinity(0))
    end = time.monotonic() + 60
    while any(map(runs, children)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(runs, children))
