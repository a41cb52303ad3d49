"""Training in processes of their own, each with its number of devices."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def on_one_and_two_devices(module: str, folder: Path) -> dict[int, dict[str, np.ndarray]]:
    """What `python -m module OUT.npz` finds, by number of devices."""
    found = {}
    for devices in (1, 2):
        out = folder / f"{devices}.npz"
        settings = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
        command = [sys.executable, "-m", module, str(out)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[devices] = dict(np.load(out))
    assert {devices: int(result["devices"]) for devices, result in found.items()} == {1: 1, 2: 2}
    return found
