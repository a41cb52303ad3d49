"""What only a GPU or TPU can show: `pytest -m accelerator`. Where there is none, every test is skipped by name.

KDTALKER_ACCELERATOR=cpu runs the same tests on a CPU: it shows that they work, not what they are for.
"""

import os

import jax
import pytest

from kdtalker_jax import demo
from kdtalker_jax.portrait import Source, TalkingPortrait


@pytest.fixture(scope="session", autouse=True)
def accelerator() -> None:
    if jax.default_backend() == "cpu" and os.environ.get("KDTALKER_ACCELERATOR") != "cpu":
        pytest.skip("needs a GPU or TPU: there is none here")


@pytest.fixture(scope="session")
def model(accelerator) -> TalkingPortrait:
    """The demo model, in float32."""
    return TalkingPortrait.load(dtype="float32")


@pytest.fixture(scope="session")
def source(model) -> Source:
    return model.prepare(demo.PORTRAITS[0], crop="none")
