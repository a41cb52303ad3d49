"""What a model in the cache is made of, and what is left where it cannot be made."""

import dataclasses
import errno
import re
import shutil
from types import SimpleNamespace

import pytest

from configs.published import PUBLISHED
from kdtalker_jax.checkpoints import LANDMARKS_FILE, load_checkpoint
from kdtalker_jax.errors import OutputError
from kdtalker_jax.faces import detector
from kdtalker_jax.hub import installing, registry
from tests.hub.conftest import KDTALKER
from tests.hub.server import sha256
from tests.hub.test_fetching import FILE, NAME, OTHER, asked, get, pinned, written
from tests.hub.test_fetching import two as two  # a fixture


@pytest.fixture
def landmarks(hub, published_files, monkeypatch) -> bytes:
    """A landmark file, which the model has where nothing else here has it."""
    content = b"68 points" * 100
    file = next(file for file in PUBLISHED.files if file.file.endswith(LANDMARKS_FILE))
    file = dataclasses.replace(file, sha256=sha256(content))
    hub.repository(KDTALKER).put(published_files | {file.file: content})
    model = registry._REGISTERED[NAME]
    monkeypatch.setitem(registry._REGISTERED, NAME, dataclasses.replace(model, files=(*model.files, file)))
    return content


def test_a_landmark_file_that_a_package_has_is_not_fetched(hub, landmarks, tmp_path, monkeypatch, capsys):
    packaged = tmp_path / LANDMARKS_FILE
    packaged.write_bytes(landmarks)
    monkeypatch.setattr(detector, "find_packaged", lambda name: packaged)
    assert load_checkpoint(get()).landmarks is None
    assert LANDMARKS_FILE not in asked(hub, "GET")
    assert "68 landmarks" not in capsys.readouterr().err, "nor is its licence asked about"


def test_a_landmark_file_that_no_package_has_is_fetched(hub, landmarks, tmp_path, monkeypatch):
    other = tmp_path / LANDMARKS_FILE
    other.write_bytes(b"other points")
    monkeypatch.setattr(detector, "find_packaged", lambda name: other)
    assert load_checkpoint(get()).landmarks.read_bytes() == landmarks


def test_a_kill_between_leaves_no_model_without_pins(hub, cache, monkeypatch):
    """Which would never get any: what is there is not fetched again."""
    seen = []
    move = installing.move_into_place
    monkeypatch.setattr(installing, "move_into_place", lambda *places: (seen.append(pinned(cache)), move(*places)))
    get()
    assert [set(pins) for pins in seen] == [{NAME}]
    assert pinned(cache) == seen[0]


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_model_that_cannot_come_into_its_place_changes_no_pins(hub, cache, monkeypatch, published_files, upgrade):
    if upgrade:
        get()
        hub.repository(KDTALKER).put(published_files | {"README.md": b"new"})
    before, models = pinned(cache), written(cache)

    def refuse(*places) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(installing, "move_into_place", refuse)
    with pytest.raises(OutputError, match="has no room left"):
        get(upgrade=upgrade)
    assert (pinned(cache), written(cache)) == (before, models)


@pytest.mark.parametrize("share", [0.9, 1.2])
def test_a_disk_that_has_room_for_downloads_alone(hub, cache, published_files, monkeypatch, share):
    """Told before anything is fetched: what is made of them goes to the same disk."""
    size = sum(len(published_files[file]) for file in (FILE, OTHER))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=int(share * size)))
    with pytest.raises(OutputError, match="has no room left: make some"):
        get()
    assert asked(hub, "GET") == []
    assert written(cache) == set()


def test_the_disk_of_the_cache_is_another_one(hub, cache, published_files, monkeypatch):
    size = sum(len(published_files[file]) for file in (FILE, OTHER))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: SimpleNamespace(free=size if folder.is_relative_to(cache) else 2 * size)
    )
    with pytest.raises(OutputError, match=rf"{re.escape(str(cache))}\S* has no room left"):
        get()
    assert asked(hub, "GET") == []
