"""What the tests of training share; a conftest beside them imports what they use."""

from pathlib import Path

import pytest

from kdtalker_jax.motion_models.kdtalker.training.trainer import train
from tests.training.synthetic import TINY, make_clips, write_dataset


@pytest.fixture(scope="session")
def clips() -> list[dict]:
    return make_clips()


@pytest.fixture(scope="session")
def dataset(clips, tmp_path_factory) -> Path:
    """The clips as a data set on disk: all in the train split, two of them for validation as well."""
    return write_dataset(tmp_path_factory.mktemp("clips"), {"train": clips, "validation": clips[3:5]})


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory) -> Path:
    """A run of the tiny recipe that nothing interrupted. Not to be changed: copy it."""
    workdir = tmp_path_factory.mktemp("run")
    train(TINY, dataset, workdir)
    return workdir
