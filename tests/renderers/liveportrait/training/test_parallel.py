"""The renderer learns the same on any number of devices: batch norms see the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[int, dict[str, np.ndarray]]:
    """By number of devices."""
    folder, found = tmp_path_factory.mktemp("parallel"), {}
    for devices in (1, 2):
        out = folder / f"{devices}.npz"
        settings = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        command = [sys.executable, "-m", "tests.training.renderer_worker", str(out)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[devices] = dict(np.load(out))
    assert {devices: int(result["devices"]) for devices, result in found.items()} == {1: 1, 2: 2}
    return found


def test_losses_and_gradients_are_the_same(results):
    for name, expected in results[1].items():
        if name.startswith("0/"):
            np.testing.assert_allclose(results[2][name], expected, rtol=1e-4, atol=1e-6, err_msg=name)


def test_batch_norms_have_seen_the_same(results):
    compared = [name for name in results[1] if name.startswith("statistics/")]
    assert any("batch_stats" in name for name in compared)
    for name in compared:
        np.testing.assert_allclose(results[2][name], results[1][name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_later_steps_stay_together(results):
    for number in (1, 2):
        np.testing.assert_allclose(results[2][f"{number}/loss"], results[1][f"{number}/loss"], rtol=1e-3)
