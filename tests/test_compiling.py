"""What is said while JAX compiles, and that clocks leave it out."""

import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax import compiling, streams
from kdtalker_jax.compiling import announced, compiling_seconds


def compile_anew() -> None:
    """A program that no cache holds."""
    scale = float(np.random.default_rng().random())
    jax.jit(lambda x: jnp.sin(x * scale) + scale)(np.ones(3, np.float32)).block_until_ready()


def test_compiling_is_counted_and_running_is_not():
    compiling_seconds()
    began = time.perf_counter()
    before = compiling_seconds()
    compile_anew()
    elapsed = time.perf_counter() - began
    counted = compiling_seconds() - before
    assert 0 < counted <= elapsed
    time.sleep(0.05)
    assert compiling_seconds() - before == counted


def test_seconds_that_lie_in_others_count_once():
    clock = compiling._Clock()
    clock._hear("/jax/core/compile/jaxpr_trace_duration", 0.0)
    time.sleep(0.2)
    clock._hear("/jax/core/compile/jaxpr_trace_duration", 0.1)  # within the next one
    clock._hear("/jax/core/compile/jaxpr_trace_duration", 0.2)
    clock._hear("/jax/core/compile/something_else", 5.0)
    assert clock._seconds == pytest.approx(0.2, abs=0.02)


def test_what_takes_long_is_announced_once(monkeypatch, capsys):
    monkeypatch.setattr(compiling, "QUICK", 0.02)
    with announced("the renderer", "a minute"):
        compiling._clock.busy = True
        time.sleep(0.3)
    assert capsys.readouterr().err == "Compiling the renderer, which takes a minute ...\n"


@pytest.mark.parametrize(("busy", "show"), [(False, True), (True, False)])
def test_nothing_is_said_of_running_programs_or_to_nobody(monkeypatch, capsys, busy, show):
    monkeypatch.setattr(compiling, "QUICK", 0.02)
    with announced("the renderer", "a minute", show):
        compiling._clock.busy = busy
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_bars_leave_compiling_out(monkeypatch, capsys):
    """Time left after a first step that took a hundred seconds to compile."""
    compiled = 0.0
    monkeypatch.setattr(streams, "compiling_seconds", lambda: compiled)
    clock = 1000.0
    monkeypatch.setattr("tqdm.std.time", lambda: clock)
    bar = streams.progress_bar(total=10)
    bar._time = lambda: clock
    for seconds in (101, 1, 1):
        clock, compiled = clock + seconds, 100.0
        bar.update()
    assert bar.format_dict["elapsed"] == pytest.approx(3)


def test_a_bar_counts_each_item_once(monkeypatch, capsys):
    """Also where compiling holds back what it shows."""
    compiled = itertools.count(step=5.0)
    monkeypatch.setattr(streams, "compiling_seconds", lambda: next(compiled))
    monkeypatch.setattr(streams, "SECONDS_APART", 0.01)
    bar = streams.progress_bar(range(20))
    for number in bar:
        assert bar.n <= number
        time.sleep(0.01)


def test_a_bar_that_is_piped_gives_a_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(streams, "SECONDS_APART", 0.05)
    for _ in streams.progress_bar(range(12), "Clips", unit="file"):
        time.sleep(0.02)
    printed = capsys.readouterr().err
    lines = printed.splitlines()
    assert 2 <= len(lines) <= 8, lines
    assert all(line.startswith("Clips: ") for line in lines)
    assert "12/12" in lines[-1] and "\r" not in printed
