"""The model with the reproducible weights whose behaviour is recorded, converted the way a user converts it.

The weights come as .pth where PyTorch is installed and as .safetensors where it is not. KDTALKER_SEED0 may name a
folder converted before, which saves the half minute.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import save_file

from convert.official import convert
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.edits.retargeting import Networks
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from tests.networks import REQUIRED
from tests.parity.modes import Modes

DIFFERENCES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def expected(parity):
    """Recorded inputs and outputs by name, in PyTorch's layout (channels first)."""
    with np.load(parity / "expected_seed0.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def converted(request, tmp_path_factory) -> Path:
    """Directory of the converted checkpoint of published sizes, seed 0; one for all workers of pytest-xdist."""
    if "KDTALKER_SEED0" in os.environ:
        return Path(os.environ["KDTALKER_SEED0"])
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "seed0"
    with FileLock(f"{folder}.lock"):
        if not (folder / "converted").exists():
            write_published(request.getfixturevalue("parity"), folder / "published")
            convert(folder / "published", folder / "converted", REQUIRED, "published")
    return folder / "converted"


def write_published(parity: Path, folder: Path, *options: str) -> None:
    """The reproducible weights in the published layout; `options` go to the script that makes them."""
    kind = "pth" if importlib.util.find_spec("torch") else "npz"
    script = parity / "make_checkpoints.py"
    subprocess.run([sys.executable, script, "--out", folder, "--format", kind, *options], check=True)
    for path in folder.rglob("*.npz"):
        with np.load(path) as file:
            # In the order of C: safetensors writes the bytes as they lie, and reads them in that order.
            tensors = {name.replace("/", "."): np.ascontiguousarray(value) for name, value in file.items()}
        save_file(tensors, path.with_suffix(".safetensors"))


@pytest.fixture(scope="session")
def checkpoint(converted):
    return load_checkpoint(converted)


@pytest.fixture(scope="session")
def model(converted):
    return TalkingPortrait.load(converted, dtype="float32")


@pytest.fixture(scope="session")
def source(model, media):
    """The recorded portrait, cut as published."""
    return model.prepare(media / "portraits" / "WDA_BenCardin1_000.png", crop="legacy")


@pytest.fixture(scope="session")
def recording(media) -> Path:
    return media / "audio" / "WDA_BenCardin1_000.wav"


@pytest.fixture
def assert_parity(request):
    """A check that the largest difference is below `tolerance` of the recording's standard deviation."""

    def check(name, actual, tolerance=1e-4):
        actual, recorded = np.asarray(actual), request.getfixturevalue("expected")[name]
        assert actual.shape == recorded.shape
        assert np.std(recorded) > 0, "a recording that never varies proves nothing"
        difference = np.abs(actual.astype(np.float64) - recorded).max() / np.std(recorded)
        request.config.stash[DIFFERENCES].append(f"{name:35} {difference:.1e} of std, at most {tolerance:.0e}")
        assert difference <= tolerance, f"{name}: {difference:.2e} of the standard deviation"

    return check


@pytest.fixture
def assert_same_picture(request):
    """A check that pictures are equal within 1 level, or so many, on 99.9 % of the values."""

    def check(name, actual, recorded, levels=1):
        difference = np.abs(actual.astype(int) - recorded)
        shares = f"{(difference > 0).mean():.3%} of values differ, {(difference > 1).mean():.3%} by more than 1 level"
        request.config.stash[DIFFERENCES].append(f"{name:35} {shares}")
        assert (difference <= levels).mean() >= 0.999, shares

    return check


def pytest_configure(config):
    config.stash[DIFFERENCES] = []


def pytest_terminal_summary(terminalreporter, config):
    """The table of docs/parity.md."""
    if config.stash[DIFFERENCES]:
        terminalreporter.section("largest differences from the recording")
        terminalreporter.write_line("\n".join(config.stash[DIFFERENCES]))


@pytest.fixture(scope="session")
def modes(parity) -> Modes:
    """Recorded behaviour of LivePortrait's modes."""
    with np.load(parity / "expected_modes_seed0.npz") as file:
        return Modes(file)


@pytest.fixture(scope="session")
def networks(checkpoint) -> Networks:
    """Stitching and retargeting with the seed's weights."""
    params = {"retargeting": checkpoint.variables("retargeting")}
    return LivePortrait(checkpoint.config).retargeting(params)
