"""Records of runs come back as they were written, and what is wrong with one is told in a sentence."""

import dataclasses
import functools
import json

import numpy as np
import pytest

from configs import SMALL
from configs.training import SMALL_RUN
from kdtalker_jax.checkpoints import RunCheckpoints, RunRecord, load_item, read_record, run_kind, write_record
from kdtalker_jax.checkpoints.formats import FORMAT
from kdtalker_jax.errors import CheckpointError, OutputError


def test_a_run_has_to_have_room_for_its_checkpoints(tmp_path):
    """A petabyte that takes no memory; nothing is begun."""
    run = RunCheckpoints(tmp_path, SMALL_RUN.checkpoints)
    with pytest.raises(OutputError, match=r"needs 4000000000 MB and .* MB left: make room"):
        run.save(1, {"params": {"kernel": np.broadcast_to(np.float32(0), 10**15)}}, {})
    run.close()
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1}', '{"format": 2}', '{"format": 1, "kind": []}', "[1]"])
def test_a_damaged_record_of_a_run_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"run.json is damaged"):
        read_record(tmp_path, "denoiser")


@pytest.mark.parametrize("beginning", ['"format": 1', '"format": 2, "kind": "denoiser"'])
def test_a_setting_that_this_version_does_not_know_is_no_damage(tmp_path, beginning):
    (tmp_path / "run.json").write_text(f'{{{beginning}, "config": {{"steps": 1, "x": 2}}}}')
    with pytest.raises(CheckpointError, match=r"run.json was written by another version .*'x'.*: update"):
        read_record(tmp_path, "denoiser")


def test_a_record_of_a_newer_format_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(CheckpointError, match="newer"):
        read_record(tmp_path, "denoiser")


RECORD = RunRecord("denoiser", SMALL_RUN, 3, found={"statistics": SMALL.statistics})
CONTENT = {"format": FORMAT, **dataclasses.asdict(RECORD)}
NONSENSE = {
    "a size": ("config.denoiser.width", 10**18),
    "text for a number": ("config.steps", "many"),
    "a fraction": ("config.batch_size", 1.5),
    "null": ("clips", None),
    "a list": ("config", []),
    "statistics": ("found.statistics.t_std", [0, 0, 0]),
    "no statistics": ("found", {}),
    "what is found": ("found", [1]),
    "a version": ("format", "1"),
    "a kind": ("kind", 3),
    "a list of kinds": ("kind", ["denoiser"]),
}


@pytest.mark.parametrize(("place", "value"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_in_the_record_of_a_run_is_damage(tmp_path, place, value):
    record = json.loads(json.dumps(CONTENT))
    *way, name = place.split(".")
    functools.reduce(dict.__getitem__, way, record)[name] = value
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match=r"run\.json is damaged \(.*\): start the run anew"):
        read_record(tmp_path, "denoiser")


def test_a_byte_order_mark_in_the_record_of_a_run_is_no_damage(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(CONTENT), encoding="utf-8-sig")
    assert read_record(tmp_path, "denoiser") == RECORD


def test_a_record_comes_back_with_its_kind(tmp_path):
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path, "denoiser") == RECORD
    assert run_kind(tmp_path).name == "denoiser"
    with pytest.raises(CheckpointError, match="is the run of a denoiser: name another"):
        read_record(tmp_path, "renderer")


def test_a_kind_of_run_that_this_version_does_not_know(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(CONTENT | {"kind": "hologram"}))
    with pytest.raises(CheckpointError, match="'hologram', which this version does not train"):
        read_record(tmp_path, "denoiser")
    with pytest.raises(CheckpointError, match="'hologram', which this version does not train"):
        run_kind(tmp_path)


def test_best_of_a_run_whose_record_is_no_longer_one(tmp_path):
    """Why there is no validation loss is asked of the record, which may say anything."""
    run = RunCheckpoints(tmp_path, SMALL_RUN.checkpoints)
    run.save(1, {"params": {"kernel": np.ones(3, np.float32)}}, {})
    run.close()
    for config in (3, {"validation": 3}, {"validation": {"windows": "many"}}):
        (tmp_path / "run.json").write_text(json.dumps(CONTENT | {"config": config}))
        with pytest.raises(CheckpointError, match="has no checkpoint with a validation loss"):
            load_item(tmp_path, ("params",), "best")
