"""Models come back as they were saved, and what is no model is told in a sentence."""

import json
import shutil

import pytest

from configs import SMALL
from kdtalker_jax.checkpoints import checkpoint_writer, load_checkpoint, save_checkpoint
from kdtalker_jax.errors import CheckpointError
from tests.checkpoints.trees import assert_same_tree
from tests.networks import REQUIRED


def test_variables_and_configuration_come_back(saved, small_variables):
    checkpoint = load_checkpoint(saved)
    assert checkpoint.config == SMALL
    assert set(checkpoint.parts) == {"retargeting", "generator"}
    assert checkpoint.lacking == tuple(name for name in REQUIRED if name not in checkpoint.parts)
    for name in checkpoint.parts:
        assert_same_tree(checkpoint.variables(name), small_variables[name])


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
    "newer": (_change(format=99), "has format 99, newer than this program's 2: update kdtalker_jax"),
    "no version": (lambda content: {"model": content["model"]}, "is damaged"),
    "unknown section": (
        lambda content: content | {"model": content["model"] | {"colour": 3}},
        "another version .*'colour'",
    ),
    "unknown size": (
        lambda content: content | {"model": content["model"] | {"generator": {"colour": 3}}},
        "another version .*'colour'",
    ),
    "unknown system": (_change(system="hologram"), "no system 'hologram'"),
    "a number for the system": (_change(system=3), "is damaged"),
    "a number for the name": (_change(name=3), "is damaged"),
    "a section that is a number": (
        lambda content: content | {"model": content["model"] | {"diffusion": 3}},
        "is damaged .*model.diffusion is 3, not an object",
    ),
    "a section that is gone": (
        lambda content: content | {"model": {name: x for name, x in content["model"].items() if name != "warping"}},
        "is damaged .*model.warping is missing",
    ),
    "a base that is text": (_change(based_on="elsewhere"), "is damaged"),
    "unknown part": (_change(parts={"../../etc": None}), "is damaged"),
    "part that is not there": (_change(parts={"warping": None}), "is damaged: 'warping' is named"),
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


BASES = {
    "that is gone": ("../elsewhere", "elsewhere does not exist"),
    "that is this model": (".", "takes parts from yet another model"),
    "without what is taken": ("../other", "takes generator from .*other, where it is another one: bring back the one"),
    "that is no path": ("\0", "does not exist"),
}


@pytest.mark.parametrize(("directory", "message"), BASES.values(), ids=BASES)
def test_a_base_that_is_not_what_it_was(saved, small_variables, directory, message):
    """Parts may be taken from another model, as long as that one is there and the same."""
    save_checkpoint(saved.with_name("other"), {"retargeting": small_variables["retargeting"]}, SMALL)
    shutil.rmtree(saved / "networks" / "generator")
    path = saved / "config.json"
    content = json.loads(path.read_text())
    values = content["sums"].pop("generator")["values"]
    del content["parts"]["generator"]
    path.write_text(json.dumps(content | {"based_on": {"directory": directory, "parts": {"generator": values}}}))
    checkpoint = load_checkpoint(saved)
    assert "generator" in checkpoint.available
    with pytest.raises(CheckpointError, match=message):
        checkpoint.variables("generator")


def test_a_part_without_a_section_is_damage(saved):
    """Judges may be unknown to a model, but not those that it has."""
    path = saved / "config.json"
    content = json.loads(path.read_text())
    del content["model"]["syncnet"]
    path.write_text(json.dumps(content))
    assert set(load_checkpoint(saved).parts) == {"retargeting", "generator"}
    (saved / "networks" / "syncnet").mkdir()
    path.write_text(json.dumps(content | {"parts": content["parts"] | {"syncnet": None}}))
    with pytest.raises(CheckpointError, match=r"is damaged \(model.syncnet is missing\)"):
        load_checkpoint(saved)
