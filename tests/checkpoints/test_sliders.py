"""Directions of sliders in a model's directory: they belong to the parts that they were found with."""

import shutil

import jax
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax.checkpoints import SLIDERS_FILE, checkpoint_writer, load_checkpoint, save_checkpoint, write_model
from kdtalker_jax.edits.directions import read_directions
from kdtalker_jax.edits.sliders import PUBLISHED
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.random_parts import random_variables

PARTS = ("motion_extractor", "retargeting")
SMILE = {"smile": np.full((2, 21, 3), 0.01, np.float32)}


@pytest.fixture(scope="module")
def variables():
    return {name: random_variables(name, SMALL) for name in PARTS}


@pytest.fixture(scope="module")
def written(variables, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sliders") / "model"
    save_checkpoint(directory, variables, SMALL)
    assert load_checkpoint(directory).sliders is PUBLISHED
    with checkpoint_writer(directory, SMALL, ()) as writer:
        writer.add_sliders(SMILE, ["motion_extractor"])
    return directory


@pytest.fixture
def model(written, tmp_path):
    return shutil.copytree(written, tmp_path / "model")


def test_they_are_read_back(model):
    checkpoint = load_checkpoint(model)
    assert set(checkpoint.parts) == set(PARTS)
    assert set(checkpoint.sliders.sliders) == {"smile", "pitch", "yaw", "roll", "size", "move_x", "move_y"}
    np.testing.assert_array_equal(read_directions(model / SLIDERS_FILE)["smile"], SMILE["smile"])


def test_they_stay_while_their_parts_do(model, variables):
    other = jax.tree.map(lambda leaf: leaf + np.float32(1e-3), variables)
    save_checkpoint(model, {"retargeting": other["retargeting"]}, SMALL, overwrite=True)
    assert "smile" in load_checkpoint(model).sliders.sliders
    save_checkpoint(model, {"motion_extractor": other["motion_extractor"]}, SMALL, overwrite=True)
    assert load_checkpoint(model).sliders is PUBLISHED
    assert not (model / SLIDERS_FILE).exists()


def test_a_model_made_of_another_has_its_sliders(model, variables, tmp_path):
    other = jax.tree.map(lambda leaf: leaf + np.float32(1e-3), variables)
    for name in PARTS:
        write_model(tmp_path / name, SMALL, {name: other[name]}, load_checkpoint(model))
    assert "smile" in load_checkpoint(tmp_path / "retargeting").sliders.sliders
    assert load_checkpoint(tmp_path / "motion_extractor").sliders is PUBLISHED


def test_a_model_based_on_another_takes_its_sliders(model, variables, tmp_path):
    other = jax.tree.map(lambda leaf: leaf + np.float32(1e-3), variables)
    for name in PARTS:
        save_checkpoint(tmp_path / name, {name: other[name]}, SMALL, based_on=model)
    assert "smile" in load_checkpoint(tmp_path / "retargeting").sliders.sliders
    assert load_checkpoint(tmp_path / "motion_extractor").sliders is PUBLISHED


@pytest.mark.parametrize("content", (b"", b"PK\x05\x06" + bytes(18), b"words"))
def test_a_damaged_file_is_refused(model, content):
    (model / SLIDERS_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"sliders\.npz is missing or damaged"):
        _ = load_checkpoint(model).sliders


def test_a_link_that_leads_out(model, tmp_path):
    (model / SLIDERS_FILE).rename(tmp_path / "elsewhere")
    (model / SLIDERS_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="leads out of the model's folder"):
        load_checkpoint(model)
