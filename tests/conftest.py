"""Fixtures for all tests.

Recorded numbers and real media lie outside the repository; tests that need them skip by name.
"""

import os
from pathlib import Path

import pytest

from configs import SMALL
from kdtalker_jax.networks import NETWORKS
from kdtalker_jax.networks.random import random_variables

SHARED = Path(os.environ.get("KDTALKER_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the folder {name}/ beside the repository (or KDTALKER_SHARED)")
    return folder


@pytest.fixture(scope="session")
def parity() -> Path:
    """Recorded behaviour of the published networks."""
    return _folder("parity")


@pytest.fixture(scope="session")
def media() -> Path:
    """Real portraits, recordings and videos."""
    return _folder("media")


@pytest.fixture(scope="session")
def small_variables() -> dict:
    """Variables of all networks at the small sizes, as trained: norms not folded."""
    return {name: random_variables(name, SMALL) for name in NETWORKS}
