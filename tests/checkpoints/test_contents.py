"""A model's folder holds its own files: what leads elsewhere or is larger than any is refused before it is read."""

import os
import shutil

import pytest

from kdtalker_jax.checkpoints import contents, load_checkpoint
from kdtalker_jax.errors import CheckpointError


@pytest.fixture
def model(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def move_out(path, tmp_path) -> None:
    """Leaves a link where it was."""
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")


@pytest.mark.parametrize("place", ["config.json", "networks/generator", "networks/generator/_METADATA"])
def test_links_that_lead_out(model, tmp_path, place):
    move_out(model / place, tmp_path)
    with pytest.raises(CheckpointError, match=f"{place} leads out of the model's folder: put the file itself there"):
        load_checkpoint(model)


def test_a_link_to_nowhere(model):
    (model / "networks" / "generator" / "more").symlink_to("nowhere")
    with pytest.raises(CheckpointError, match="more is neither a file nor a folder"):
        load_checkpoint(model)


def test_a_link_that_goes_round(model):
    (model / "networks" / "generator" / "more").symlink_to("more")
    with pytest.raises(CheckpointError, match="more is neither a file nor a folder"):
        load_checkpoint(model)


def test_a_pipe_that_would_be_waited_for(model):
    os.mkfifo(model / "networks" / "generator" / "pipe")
    with pytest.raises(CheckpointError, match="pipe is neither a file nor a folder"):
        load_checkpoint(model)


def test_a_way_out_behind_a_link(model, tmp_path):
    (model / "more").mkdir()
    (model / "more" / "file").symlink_to(tmp_path)
    (model / "networks" / "generator" / "d2").symlink_to(model / "more")
    with pytest.raises(CheckpointError, match="d2/file leads out of the model's folder"):
        load_checkpoint(model)


@pytest.mark.parametrize(
    "place", ["config.json", "sliders.npz", "networks/generator/_METADATA", "networks/generator/manifest.ocdbt"]
)
def test_files_that_are_larger_than_any(model, place):
    """Which take no room on a disk, and minutes or all memory to read."""
    with (model / place).open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(CheckpointError, match=f"{place} is larger than that of any model: copy the model again"):
        load_checkpoint(model)


def test_folders_without_end(model):
    place = model / "networks" / "generator"
    for _ in range(300):
        place /= "d"
    place.mkdir(parents=True)
    with pytest.raises(CheckpointError, match="deeper folders than any model"):
        load_checkpoint(model)


def test_more_files_than_any(model, monkeypatch):
    monkeypatch.setattr(contents, "_MOST", 20)
    for number in range(30):
        (model / "networks" / "generator" / str(number)).touch()
    with pytest.raises(CheckpointError, match="has more files"):
        load_checkpoint(model)


def test_links_within_the_folder(model):
    file = model / "networks" / "generator" / "_METADATA"
    file.rename(model / "metadata")
    file.symlink_to(model / "metadata")
    assert load_checkpoint(model).variables("generator")


def test_the_folder_itself_may_be_a_link(model, tmp_path):
    (tmp_path / "link").symlink_to(model)
    assert load_checkpoint(tmp_path / "link").variables("generator")


def test_a_snapshot_of_the_hub_s_own_cache(model, tmp_path):
    """Its files are links to blobs beside it."""
    cache = tmp_path / "models--me--mine"
    snapshot = cache / "snapshots" / "0123"
    shutil.copytree(model, snapshot)
    (cache / "blobs").mkdir()
    for i, path in enumerate([path for path in snapshot.rglob("*") if path.is_file()]):
        path.rename(cache / "blobs" / str(i))
        path.symlink_to(os.path.relpath(cache / "blobs" / str(i), path.parent))
    assert load_checkpoint(snapshot).variables("generator")
