"""The audio encoder learns the same on any number of devices: batch norms see the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SPLITS = [("pmap", 2), ("jit", 1), ("jit", 2)]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[int, dict[str, np.ndarray]]:
    """By number of devices."""
    folder, found = tmp_path_factory.mktemp("parallel"), {}
    for devices in (1, 2):
        out = folder / f"{devices}.npz"
        settings = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        command = [sys.executable, "-m", "tests.recipes.audio_worker", str(out)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[devices] = dict(np.load(out))
    assert {devices: int(result["devices"]) for devices, result in found.items()} == {1: 1, 2: 2}
    return found


@pytest.mark.parametrize(("mapping", "devices"), SPLITS)
def test_losses_gradients_and_norms_are_the_same(results, mapping, devices):
    compared = [name.removeprefix("pmap/") for name in results[1] if name.startswith("pmap/")]
    assert sum("batch_stats" in name for name in compared) == 26, "mean and variance of 13 layers"
    for name in compared:
        found, wanted = results[devices][f"{mapping}/{name}"], results[1][f"pmap/{name}"]
        # The optimiser makes rounding larger, and the statistics after it hear of that.
        rounding = 2e-4 if name.startswith("statistics/") else 1e-5
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=rounding, err_msg=name)
