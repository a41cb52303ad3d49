"""A small data set with emotions, and runs of both stages on it."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.motion_models.playmate.training.trainer import train
from tests.motion_models.playmate.training.tiny import FIRST, SECOND
from tests.training.synthetic import make_clips, write_dataset


@pytest.fixture(scope="session")
def clips() -> list[dict]:
    """Seven, of which four are long enough, and three of these have emotions."""
    labels = (3, -1, 5, 6, 0, 1, 2)
    clips = make_clips()
    for clip, label in zip(clips, labels, strict=True):
        clip["emotion"] = np.full(len(clip["yaw"]), label, np.int8)
        clip["exp"] = clip["exp"] + np.float32(0.01 * label)  # what it is seen by
    return clips


@pytest.fixture(scope="session")
def dataset(clips, tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("clips"), {"train": clips, "validation": clips[2:5]})


@pytest.fixture(scope="module")
def first(dataset, tmp_path_factory) -> Path:
    """A run of stage 1. Not to be changed."""
    workdir = tmp_path_factory.mktemp("first")
    train(FIRST, dataset, workdir)
    return workdir


@pytest.fixture(scope="module")
def second(first, dataset, tmp_path_factory) -> Path:
    """A run of stage 2 that goes on from it."""
    workdir = tmp_path_factory.mktemp("second")
    train(SECOND, dataset, workdir, init=first)
    return workdir
