"""A small data set of pictures with landmarks, and a run of each network on it."""

from pathlib import Path

import pytest

from kdtalker_jax.renderers.latent.training.trainer import train
from tests.renderers.latent.training.tiny import AUTOENCODER, IMAGES
from tests.training.landmarks import make_clip, write_dataset


@pytest.fixture(scope="session")
def clips() -> list[dict]:
    return [make_clip(f"clip {i}", frames, i, pictures=True) for i, frames in enumerate((12, 20, 1))]


@pytest.fixture(scope="session")
def dataset(clips, tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("clips"), {"train": clips, "validation": clips[:2]})


@pytest.fixture(scope="module")
def autoencoder(dataset, tmp_path_factory) -> Path:
    """A run. Not to be changed."""
    workdir = tmp_path_factory.mktemp("autoencoder")
    train(AUTOENCODER, dataset, workdir)
    return workdir


@pytest.fixture(scope="module")
def images(autoencoder, dataset, tmp_path_factory) -> Path:
    """A run that goes on from it."""
    workdir = tmp_path_factory.mktemp("images")
    train(IMAGES, dataset, workdir, init=autoencoder)
    return workdir
