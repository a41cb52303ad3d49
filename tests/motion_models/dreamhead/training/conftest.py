"""A small data set with landmarks, and a run on it."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.motion_models.dreamhead.training.trainer import train
from tests.motion_models.dreamhead.training.tiny import TINY
from tests.training.landmarks import make_clip, write_dataset


@pytest.fixture(scope="session")
def clips() -> list[dict]:
    """Four, of which the last is too short."""
    return [make_clip(f"clip {i}", frames, i) for i, frames in enumerate((30, 50, 40, 20))]


@pytest.fixture(scope="session")
def dataset(clips, tmp_path_factory) -> Path:
    """These on disk, where ten frames of the third show no face."""
    known = [{**clip, "face": np.ones(clip["frames"], np.float32)} for clip in clips]
    known[2]["face"][10:20] = 0
    return write_dataset(tmp_path_factory.mktemp("clips"), {"train": known, "validation": known[1:3]})


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory) -> Path:
    """Not to be changed."""
    workdir = tmp_path_factory.mktemp("run")
    train(TINY, dataset, workdir)
    return workdir
