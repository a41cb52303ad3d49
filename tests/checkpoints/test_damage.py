"""Damaged, mixed up and hostile checkpoints are told in one sentence that names the part; nothing else is computed."""

import dataclasses
import json
import os
import random
import shutil

import jax
import numpy as np
import pytest

from configs import SMALL
from configs.training import SMALL_RUN
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import RunCheckpoints, checkpoint_writer, load_checkpoint, save_checkpoint
from kdtalker_jax.errors import CheckpointError, KDTalkerError

NAMES = ("audio_encoder", "generator")


@pytest.fixture(scope="module")
def written(tmp_path_factory, small_variables):
    directory = tmp_path_factory.mktemp("written") / "model"
    save_checkpoint(directory, {name: small_variables[name] for name in NAMES}, SMALL)
    return directory


@pytest.fixture
def model(written, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(written, tmp_path / "model")


def edit(model, change) -> None:
    path = model / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def files_of(model, name):
    return sorted(path for path in (model / "networks" / name).rglob("*") if path.is_file())


def flip(path, *places) -> None:
    data = bytearray(path.read_bytes())
    for place in places:
        data[place % len(data)] ^= 255
    path.write_bytes(data)


def same(tree, other) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, tree, dict(other)))


def test_flipped_bytes_never_give_other_weights(model, small_variables):
    """Whatever file they are in: an error, or the weights that were written."""
    whole, damaged, draw = model.with_name("whole"), 0, random.Random(0)
    shutil.copytree(model, whole)
    for path in files_of(model, "generator"):
        flip(path, *(draw.randrange(1 << 20) for _ in range(3)))
        try:
            assert same(load_checkpoint(model).variables("generator"), small_variables["generator"])
        except CheckpointError as error:
            assert "is damaged: generator cannot be read" in str(error)
            damaged += 1
        shutil.copyfile(whole / path.relative_to(model), path)
    assert damaged, "no flip did any harm"
    assert same(load_checkpoint(model).variables("audio_encoder"), small_variables["audio_encoder"])


def test_one_changed_value_shows(model, small_variables):
    """Weights that are there, finite and of the right shapes, but are not those that were written."""
    other = jax.tree.map(np.array, dict(small_variables["generator"]))
    jax.tree.leaves(other)[-1].reshape(-1)[0] += 1e-3
    save_checkpoint(model.with_name("other"), {"generator": other}, SMALL)
    shutil.rmtree(model / "networks" / "generator")
    shutil.copytree(model.with_name("other") / "networks" / "generator", model / "networks" / "generator")
    with pytest.raises(
        CheckpointError, match="is damaged: generator cannot be read: its values are not those that were"
    ):
        load_checkpoint(model).variables("generator")


def test_a_model_without_sums_is_read(model, small_variables):
    edit(model, lambda content: (content.pop("sums"), content.pop("landmarks")))
    assert same(load_checkpoint(model).variables("generator"), small_variables["generator"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(model, small_variables, value):
    """Also without sums, and also where they were written like that."""
    bad = jax.tree.map(np.array, dict(small_variables["generator"]))
    bad["params"]["fc"]["bias"][1] = value
    save_checkpoint(model, {"generator": bad}, SMALL, overwrite=True)
    for change in (lambda content: None, lambda content: content.pop("sums")):
        edit(model, change)
        with pytest.raises(CheckpointError, match="generator cannot be read: params/fc/bias holds values that are not"):
            load_checkpoint(model).variables("generator")


def test_swapped_networks_are_named_with_the_first_array_that_does_not_fit(model):
    a, b = (model / "networks" / name for name in NAMES)
    a.rename(model / "c")
    b.rename(a)
    (model / "c").rename(b)
    for name in NAMES:
        with pytest.raises(CheckpointError, match=rf"{name} cannot be read: \S+ is not one of its arrays"):
            load_checkpoint(model).variables(name)


SIZES = {
    "another width": ("width", 25, r"generator cannot be read: \S+ has shape \(.*\) where its sizes make it \(.*\)"),
    "fewer blocks": ("middle_blocks", 1, r"generator cannot be read: params/middle_1\S+ is not one of its arrays"),
    "more blocks": ("middle_blocks", 3, r"generator cannot be read: params/middle_2\S+ is missing"),
    "no network": ("up_widths", [], "generator cannot be read"),
}


@pytest.mark.parametrize(("size", "value", "message"), SIZES.values(), ids=SIZES)
def test_sizes_that_are_not_those_of_the_weights(model, monkeypatch, size, value, message):
    """Told before any array is read."""
    edit(model, lambda content: content["model"]["generator"].update({size: value}))
    monkeypatch.setattr("kdtalker_jax.checkpoints.converted.read_tree", lambda path: pytest.fail("arrays were read"))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(model).variables("generator")


def test_settings_that_are_no_sizes_may_be_edited(model, small_variables):
    edit(model, lambda content: content.update(name="mine"))
    edit(model, lambda content: content["model"]["diffusion"].update(sampler="ddpm"))
    assert load_checkpoint(model).config.name == "mine"
    assert load_checkpoint(model).config.diffusion.sampler == "ddpm"
    assert same(load_checkpoint(model).variables("generator"), small_variables["generator"])


NONSENSE = [0, -5, 10**9, 10**18, 1e18, 64.5, True, "64", None, [64], {}, [], float("nan"), float("inf")]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize(
    "place",
    ["warping.keypoints", "generator.middle_blocks", "appearance.widths", "statistics.t_std", "diffusion.times"],
)
def test_nonsense_in_the_description_is_damage(model, place, value):
    part, name = place.split(".")
    wrong = [value] if name in ("widths", "t_std") and not isinstance(value, (list, dict)) else value
    edit(model, lambda content: content["model"][part].update({name: wrong}))
    if place == "appearance.widths" and value in ([64], []):  # a list of sizes, but of another network
        return
    with pytest.raises(CheckpointError, match=r"config\.json is damaged \(.*\): copy the model or convert"):
        load_checkpoint(model)


@pytest.mark.parametrize(
    "place",
    [
        *("format", "system", "name", "model", "parts", "model.generator", "model.statistics", "model.diffusion"),
        *("model.generator.width", "model.diffusion.times"),
    ],
)
def test_what_is_missing_is_damage(model, place):
    *way, name = place.split(".")

    def remove(content):
        for step in way:
            content = content[step]
        del content[name]

    edit(model, remove)
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        load_checkpoint(model)


@pytest.mark.parametrize("content", [b"[" * 50_000, b"[]", b"", b'{"format": NaN}', b'{"format": "1"}'])
def test_text_that_is_no_description(model, content):
    (model / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        load_checkpoint(model)


def test_a_byte_order_mark_is_no_damage(model):
    path = model / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_checkpoint(model).config == SMALL


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "model.pth").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"model\.pth is a file, not the folder"):
        load_checkpoint(tmp_path / "model.pth")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(model):
    (model / "config.json").chmod(0)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(model)


def test_parts_that_do_not_fit_together(model):
    edit(model, lambda content: content["model"]["denoiser"].update(audio_features=8))
    edit(model, lambda content: content["parts"].update(denoiser=None))
    (model / "networks" / "denoiser").mkdir()
    load_checkpoint(model).require("generator")
    with pytest.raises(
        CheckpointError, match=r"do not fit together \(features of 16 numbers .* of audio_encoder .* 8 at 25, denoiser"
    ):
        load_checkpoint(model).require("audio_encoder", "denoiser")


def test_kept_parts_keep_the_sums_that_they_had(model, small_variables):
    """Adding a part must not make damage of another one look like what was written."""
    before = load_checkpoint(model).sums
    for path in files_of(model, "generator"):
        if path.parent.name == "d":
            flip(path, 1000, 2000, 3000, 4000)
    save_checkpoint(model, {"retargeting": small_variables["retargeting"]}, SMALL)
    after = load_checkpoint(model)
    assert set(after.sums) == {*before, "retargeting"}
    assert {name: after.sums[name] for name in before} == before
    with pytest.raises(CheckpointError, match="is damaged: generator"):
        after.variables("generator")
    assert same(after.variables("retargeting"), small_variables["retargeting"])


def test_a_damaged_landmark_file_is_named(model, tmp_path):
    (tmp_path / "landmarks").write_bytes(bytes(100))
    with checkpoint_writer(model, SMALL, []) as writer:
        writer.add_landmarks(tmp_path / "landmarks")
    checkpoint = load_checkpoint(model)
    assert checkpoint.landmarks
    flip(checkpoint.landmarks, 50)
    with pytest.raises(CheckpointError, match=r"shape_predictor\S+ is damaged: copy it again"):
        _ = load_checkpoint(model).landmarks


def test_a_failed_write_leaves_the_landmark_file_as_it_was(model, tmp_path):
    (tmp_path / "landmarks").write_bytes(b"old")
    with checkpoint_writer(model, SMALL, []) as writer:
        writer.add_landmarks(tmp_path / "landmarks")
    (tmp_path / "landmarks").write_bytes(b"new")
    with pytest.raises(KeyboardInterrupt), checkpoint_writer(model, SMALL, []) as writer:
        writer.add_landmarks(tmp_path / "landmarks")
        raise KeyboardInterrupt
    assert load_checkpoint(model).landmarks.read_bytes() == b"old"


def test_networks_of_other_sizes_are_not_written(tmp_path, small_variables):
    with pytest.raises(KDTalkerError, match=r"generator is not of the sizes of the model small: \S+ has shape"):
        save_checkpoint(
            tmp_path / "c",
            {"generator": small_variables["generator"]},
            SMALL.replace(generator=dataclasses.replace(SMALL.generator, width=25)),
        )
    assert not (tmp_path / "c").exists()


def test_the_model_of_the_package_has_sums_that_hold():
    checkpoint = load_checkpoint(demo.MODEL)
    assert set(checkpoint.sums) == set(checkpoint.parts)
    for name in checkpoint.parts:
        checkpoint.variables(name)


@pytest.fixture
def run(tmp_path):
    """A run with two checkpoints."""
    draw = np.random.default_rng(0)
    trees = {name: {"kernel": draw.standard_normal((64, 64)).astype(np.float32)} for name in ("params", "optimizer")}
    checkpoints = RunCheckpoints(tmp_path / "run", SMALL_RUN.checkpoints)
    for step in (1, 2):
        checkpoints.save(step, trees, {"input": step}, loss=1.0)
    checkpoints.close()
    return tmp_path / "run", trees


def restored(folder, trees):
    checkpoints = RunCheckpoints(folder, SMALL_RUN.checkpoints)
    try:
        return checkpoints.restore(trees)
    finally:
        checkpoints.close()


def test_a_run_comes_back(run):
    folder, trees = run
    found, progress = restored(folder, trees)
    assert same(found, trees)
    assert progress == {"step": 2, "input": 2}


def test_flipped_bytes_in_a_run_never_give_other_weights(run):
    folder, trees = run
    damaged = 0
    for path in [path for path in (folder / "checkpoints" / "2").rglob("*") if path.is_file() and path.stat().st_size]:
        whole = path.read_bytes()
        if "metrics" in path.parts:
            continue  # what the best is chosen by
        flip(path, len(whole) // 2, len(whole) // 3)
        try:
            found, _ = restored(folder, trees)
            assert same(found, trees)
        except CheckpointError as error:
            assert str(error).endswith("2 is damaged: remove that folder to go on from the one before")
            damaged += 1
        path.write_bytes(whole)
    assert damaged
