"""Checkpoints come back as they were saved, and a failed write leaves nothing that looks like one."""

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import PUBLISHED, SMALL
from configs.training import SMALL_RUN
from kdtalker_jax.checkpoints import (
    RunCheckpoints,
    RunRecord,
    checkpoint_writer,
    load_checkpoint,
    read_record,
    save_checkpoint,
)
from kdtalker_jax.errors import CheckpointError, OutputError
from tests.networks import REQUIRED


@pytest.fixture
def saved(tmp_path, small_variables):
    """A checkpoint with two of its parts."""
    directory = tmp_path / "checkpoint"
    save_checkpoint(directory, {name: small_variables[name] for name in ("retargeting", "generator")}, SMALL)
    return directory


def assert_same_tree(actual, expected) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(dict(expected))
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert isinstance(a, np.ndarray)
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_variables_and_configuration_come_back(saved, small_variables):
    checkpoint = load_checkpoint(saved)
    assert checkpoint.config == SMALL
    assert set(checkpoint.parts) == {"retargeting", "generator"}
    assert checkpoint.lacking == tuple(name for name in REQUIRED if name not in checkpoint.parts)
    for name in checkpoint.parts:
        assert_same_tree(checkpoint.variables(name), small_variables[name])


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


def test_what_is_lacking_is_named_with_the_command_that_adds_it(saved):
    checkpoint = load_checkpoint(saved)
    checkpoint.require("generator")
    for ask in (lambda: checkpoint.require("generator", "warping"), lambda: checkpoint.variables("warping")):
        with pytest.raises(CheckpointError, match=r"lacks warping: .*--only warping'"):
            ask()


def test_the_landmark_file_travels_with_the_checkpoint(saved, tmp_path):
    assert load_checkpoint(saved).landmarks is None
    (tmp_path / "landmarks").write_bytes(b"68")
    with checkpoint_writer(saved, SMALL, []) as writer:
        writer.add_landmarks(tmp_path / "landmarks")
    assert load_checkpoint(saved).landmarks.read_bytes() == b"68"


def test_what_is_no_checkpoint_is_described(tmp_path):
    with pytest.raises(CheckpointError, match=r"absent does not exist: convert .*convert\.official"):
        load_checkpoint(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="is not a converted checkpoint"):
        load_checkpoint(tmp_path)


def _change(**changes):
    return lambda content: content | changes


DAMAGES = {
    "newer": (_change(format=99), "has format 99, newer than this program's 1: update kdtalker_jax"),
    "no version": (lambda content: {"model": content["model"]}, "is damaged"),
    "unknown size": (
        lambda content: content | {"model": content["model"] | {"colour": 3}},
        "another version .*'colour'",
    ),
    "unknown part": (_change(parts={"../../etc": None}), "is damaged"),
    "part that is not there": (_change(parts={"warping": None}), "is damaged: warping is named"),
    "sizes that are text": (_change(model="small"), "is damaged"),
    "a list": (lambda content: [content], "is damaged"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_description_is_an_error_not_a_crash(saved, change, message):
    path = saved / "config.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved)


def test_text_that_is_no_json(saved):
    (saved / "config.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(saved)


def test_a_damaged_part_is_an_error_not_a_crash(saved):
    shutil.rmtree(saved / "networks" / "generator" / "d")
    (saved / "networks" / "generator" / "manifest.ocdbt").write_bytes(b"x")
    with pytest.raises(
        CheckpointError, match=r"generator cannot be read; convert it again with '.*official --overwrite'"
    ):
        load_checkpoint(saved).variables("generator")


def test_every_size_and_statistic_is_stored(tmp_path):
    changed = dataclasses.replace(
        SMALL, name="mine", statistics=dataclasses.replace(SMALL.statistics, t_mean=(0.1, 1 / 3, 2.0))
    )
    with checkpoint_writer(tmp_path / "c", changed, []):
        pass
    assert load_checkpoint(tmp_path / "c").config == changed


def test_a_run_has_to_have_room_for_its_checkpoints(tmp_path):
    """A petabyte that takes no memory; nothing is begun."""
    run = RunCheckpoints(tmp_path, SMALL_RUN.checkpoints)
    with pytest.raises(OutputError, match=r"needs 4000000000 MB and .* MB left: make room"):
        run.save(1, {"params": {"kernel": np.broadcast_to(np.float32(0), 10**15)}}, {})
    run.close()
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1}', "[1]"])
def test_a_damaged_record_of_a_run_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"run.json is damaged"):
        read_record(tmp_path)


def test_a_setting_that_this_version_does_not_know_is_no_damage(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 1, "config": {"steps": 1, "x": 2}}')
    with pytest.raises(CheckpointError, match=r"run.json was written by another version .*'x'.*: update"):
        read_record(tmp_path)


def test_a_record_of_a_newer_format_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(CheckpointError, match="newer"):
        read_record(tmp_path)


RECORD = {"format": 1, "kind": "denoiser", **dataclasses.asdict(RunRecord(SMALL_RUN, SMALL.statistics, 3))}
NONSENSE = {
    "a size": ("config.denoiser.width", 10**18),
    "text for a number": ("config.steps", "many"),
    "a fraction": ("config.batch_size", 1.5),
    "null": ("clips", None),
    "a list": ("config", []),
    "statistics": ("statistics.t_std", [0, 0, 0]),
    "a version": ("format", "1"),
    "a kind": ("kind", 3),
}


@pytest.mark.parametrize(("place", "value"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_in_the_record_of_a_run_is_damage(tmp_path, place, value):
    record = json.loads(json.dumps(RECORD))
    *way, name = place.split(".")
    functools.reduce(dict.__getitem__, way, record)[name] = value
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match=r"run\.json is damaged \(.*\): start the run anew"):
        read_record(tmp_path)


def test_a_byte_order_mark_in_the_record_of_a_run_is_no_damage(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RECORD), encoding="utf-8-sig")
    assert read_record(tmp_path) == RunRecord(SMALL_RUN, SMALL.statistics, 3)


def test_a_kind_of_run_that_this_version_does_not_know(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RECORD | {"kind": "hologram"}))
    with pytest.raises(CheckpointError, match="'hologram', which this version does not train"):
        read_record(tmp_path)
