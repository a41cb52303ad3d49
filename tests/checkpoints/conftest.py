"""A model on disk that lacks most of its parts."""

import pytest

from configs import SMALL
from kdtalker_jax.checkpoints import save_checkpoint


@pytest.fixture
def saved(tmp_path, small_variables):
    """With two of its parts."""
    directory = tmp_path / "checkpoint"
    save_checkpoint(directory, {name: small_variables[name] for name in ("retargeting", "generator")}, SMALL)
    return directory
