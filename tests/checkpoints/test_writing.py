"""What is saved is whole, and a failed write leaves nothing that looks like a model."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import PUBLISHED, SMALL
from kdtalker_jax.checkpoints import checkpoint_writer, load_checkpoint, move_into_place, save_checkpoint
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.unfinished import unfinished_folder
from tests.checkpoints.trees import assert_same_tree
from tests.networks import REQUIRED


def test_arrays_spread_over_devices_come_back_as_plain_arrays(tmp_path, small_variables):
    """Training saves what it has on its devices; loading must not need as many."""
    on_device = jax.tree.map(jax.numpy.asarray, small_variables["retargeting"])
    save_checkpoint(tmp_path / "c", {"retargeting": on_device}, SMALL)
    assert_same_tree(load_checkpoint(tmp_path / "c").variables("retargeting"), small_variables["retargeting"])


def test_parts_are_added_to_those_that_are_there(saved, small_variables):
    (saved / "notes.txt").write_text("mine")
    save_checkpoint(saved, {"appearance": small_variables["appearance"]}, SMALL)
    checkpoint = load_checkpoint(saved)
    assert set(checkpoint.parts) == {"retargeting", "generator", "appearance"}
    assert_same_tree(checkpoint.variables("generator"), small_variables["generator"])
    assert (saved / "notes.txt").read_text() == "mine"


def test_what_is_there_is_replaced_on_demand_only(saved, small_variables):
    other = jax.tree.map(lambda x: np.asarray(x) + 1, small_variables["generator"])
    with pytest.raises(OutputError, match="has generator already: replace with `overwrite=True`"):
        save_checkpoint(saved, {"generator": other}, SMALL)
    assert_same_tree(load_checkpoint(saved).variables("generator"), small_variables["generator"])
    save_checkpoint(saved, {"generator": other}, SMALL, overwrite=True)
    assert_same_tree(load_checkpoint(saved).variables("generator"), other)
    assert_same_tree(load_checkpoint(saved).variables("retargeting"), small_variables["retargeting"])


def test_parts_of_different_sizes_are_not_mixed(saved, small_variables):
    with pytest.raises(OutputError, match="other sizes"):
        save_checkpoint(saved, {"appearance": small_variables["appearance"]}, PUBLISHED)


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_changes_nothing(saved, small_variables, failure):
    before = sorted(saved.rglob("*"))
    with pytest.raises(failure), checkpoint_writer(saved, SMALL, ["appearance"]) as writer:
        writer.add("appearance", small_variables["appearance"])
        raise failure
    assert sorted(saved.rglob("*")) == before
    assert list(saved.parent.iterdir()) == [saved]
    assert "appearance" in load_checkpoint(saved).lacking


def test_an_interrupted_first_write_leaves_nothing(tmp_path, small_variables):
    with pytest.raises(KeyboardInterrupt), checkpoint_writer(tmp_path / "new" / "c", SMALL, REQUIRED) as writer:
        writer.add("retargeting", small_variables["retargeting"])
        raise KeyboardInterrupt
    assert not (tmp_path / "new" / "c").exists()
    assert list((tmp_path / "new").iterdir()) == []


def test_a_failed_exchange_brings_the_old_checkpoint_back(saved, small_variables, monkeypatch):
    rename, calls = Path.rename, []

    def fail_second(path, target):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_second)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(saved, {"appearance": small_variables["appearance"]}, SMALL)
    assert set(load_checkpoint(saved).parts) == {"retargeting", "generator"}


def test_what_is_replaced_goes_also_if_the_process_dies(tmp_path):
    """It is where the next process clears up, before any of it is removed."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with unfinished_folder(tmp_path / "model") as staging:
        (staging / "new").touch()
        move_into_place(staging, tmp_path / "model")
        assert [path.name for path in staging.iterdir()] == ["old"]
        assert {path.name for path in tmp_path.iterdir()} == {"model", staging.parent.name}
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_other_peoples_folders_are_left_alone(tmp_path, small_variables):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_text("x")
    (tmp_path / "file").write_text("x")
    for name, message in (
        ("photos", "is not a checkpoint"),
        ("file", "is a file"),
        ("file/inside", "cannot be written"),
    ):
        with pytest.raises(OutputError, match=message):
            save_checkpoint(tmp_path / name, {"retargeting": small_variables["retargeting"]}, SMALL, overwrite=True)
    assert (tmp_path / "photos" / "a.png").read_text() == "x"


def test_an_empty_folder_may_be_filled(tmp_path, small_variables):
    save_checkpoint(tmp_path, {"retargeting": small_variables["retargeting"]}, SMALL)
    assert set(load_checkpoint(tmp_path).parts) == {"retargeting"}


def test_every_size_and_statistic_is_stored(tmp_path):
    changed = SMALL.replace(
        "mine",
        statistics=dataclasses.replace(SMALL.statistics, t_mean=(0.1, 1 / 3, 2.0)),
        diffusion=dataclasses.replace(SMALL.diffusion, noise_offset=1 / 3),
    )
    with checkpoint_writer(tmp_path / "c", changed, []):
        pass
    assert load_checkpoint(tmp_path / "c").config == changed


def test_a_model_that_rests_on_another(saved, small_variables, tmp_path):
    """Its parts are those of the other, seen from wherever one is, until it has its own."""
    mine = tmp_path / "mine"
    own = {"retargeting": jax.tree.map(lambda x: np.asarray(x) + 1, small_variables["retargeting"])}
    save_checkpoint(mine, own, SMALL.replace("mine"), based_on=saved)
    checkpoint = load_checkpoint(mine)
    assert (set(checkpoint.parts), set(checkpoint.available)) == ({"retargeting"}, {"retargeting", "generator"})
    assert_same_tree(checkpoint.variables("retargeting"), own["retargeting"])
    assert_same_tree(checkpoint.variables("generator"), small_variables["generator"])
    with pytest.raises(CheckpointError, match="takes parts from yet another model"):
        save_checkpoint(tmp_path / "third", own, SMALL, based_on=mine)
    with pytest.raises(CheckpointError, match="a generator of other sizes than the model published"):
        save_checkpoint(tmp_path / "third", {}, PUBLISHED, based_on=saved)
    assert not (tmp_path / "third").exists()


def test_another_model_in_the_place_of_one_that_rests_on_another_does_so_where_that_fits(
    saved, small_variables, tmp_path
):
    mine, part = tmp_path / "mine", {"retargeting": small_variables["retargeting"]}
    save_checkpoint(mine, part, SMALL, based_on=saved)
    save_checkpoint(mine, part, SMALL, overwrite=True)
    assert set(load_checkpoint(mine).available) == {"retargeting", "generator"}
    wider = SMALL.replace("wider", generator=dataclasses.replace(SMALL.generator, width=2 * SMALL.generator.width))
    save_checkpoint(mine, part, wider, overwrite=True)
    assert set(load_checkpoint(mine).available) == {"retargeting"}
