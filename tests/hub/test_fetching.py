"""Published models are fetched with the real huggingface_hub from a hub on the loopback, and whatever goes wrong with
it is one sentence that says what to do, and leaves nothing half-written.

Most of this is about two of the files: converting seven takes seconds.
"""

import dataclasses
import json
import os
import pty
import re
import shutil
import subprocess

import huggingface_hub.constants
import pytest

from benchmarks.published_layout import FILES
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError, OutputError
from kdtalker_jax.hub import registry
from kdtalker_jax.hub.names import find_model
from tests.hub.conftest import KDTALKER, LIVE_PORTRAIT
from tests.hub.server import Repository, breaks_off, gives, sha256
from tests.networks import REQUIRED

PARTS = ("appearance", "retargeting")
FILE, OTHER = FILES["retargeting"], FILES["appearance"]
NAME = "two"


@pytest.fixture(autouse=True)
def two(hub, monkeypatch) -> None:
    """A published model of two parts."""
    whole = registry._REGISTERED["published"]
    files = tuple(file for file in whole.files if file.file in (FILE, OTHER))
    monkeypatch.setitem(registry._REGISTERED, NAME, dataclasses.replace(whole, name=NAME, files=files, parts=PARTS))


def get(name=NAME, **options):
    return find_model(name, accept_licence=True, **options)


def asked(hub, command: str) -> list[str]:
    """The files that were asked for."""
    return [line.rpartition("/")[2] for line in hub.requests if line.startswith(f"{command} /") and "/resolve/" in line]


def written(cache) -> set[str]:
    """Names in the cache of models: those of models, and of what is on its way; not of locks."""
    folder = cache / "models"
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")} if folder.exists() else set()


@pytest.fixture
def fails(cache):
    """Call it with what the one sentence has to say. Nothing is left of the model, and nothing is pinned."""

    def check(message: str, kind=KDTalkerError, name=NAME) -> str:
        before, pins = written(cache), pinned(cache)
        with pytest.raises(kind, match=message) as caught:
            get(name)
        assert str(caught.value).count("\n") == 0
        assert written(cache) == before
        assert pinned(cache) == pins
        return str(caught.value)

    return check


def pinned(cache) -> dict[str, dict]:
    file = cache / "models.lock.json"
    return json.loads(file.read_text())["pins"] if file.is_file() else {}


def test_the_published_model_by_its_name(hub, cache, published_files, capsys):
    """All of it, once; and after that without any network."""
    model = get("published")
    assert model == cache / "models" / "published"
    checkpoint = load_checkpoint(model)
    assert set(checkpoint.parts) == set(REQUIRED)
    assert {origin.file: origin.sha256 for origin in checkpoint.parts.values()} == {
        file: sha256(published_files[file]) for file in FILES.values()
    }
    assert sorted(asked(hub, "GET")) == sorted(file.rpartition("/")[2] for file in FILES.values())
    pins = pinned(cache)["published"]
    assert {name: pin["sha256"] for name, pin in pins.items()} == {
        file: sha256(published_files[file]) for file in FILES.values()
    }
    told = capsys.readouterr()
    assert told.out == ""  # which commands have for results
    assert "2.7 MB to fetch" in told.err and "CC BY-NC 4.0" in told.err and KDTALKER in told.err

    hub.requests.clear()
    assert get("published") == model
    assert hub.requests == []
    assert capsys.readouterr() == ("", "")


def test_optional_models_are_fetched_the_same_way(hub):
    checkpoint = load_checkpoint(get("syncnet"))
    assert tuple(checkpoint.parts) == ("syncnet",)
    assert asked(hub, "GET") == ["syncnet_v2.model"]


def test_files_come_from_where_they_are(hub, published_files):
    """LivePortrait's own repository has other folders, and KDTalker's may have fewer."""
    rest = {OTHER.rpartition("/")[2]: published_files[OTHER]}
    hub.repositories[KDTALKER] = Repository()
    hub.repository(KDTALKER).put(rest)
    hub.repository(LIVE_PORTRAIT).put({FILE.removeprefix("pretrained_weights/"): published_files[FILE]})
    assert set(load_checkpoint(get()).parts) == set(PARTS)


def test_a_download_that_breaks_off_is_resumed(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 100)  # the client keeps whole ones
    hub.faults[FILE] = breaks_off(times=2, after=300)
    assert load_checkpoint(get()).variables("retargeting")
    assert [start for path, start in hub.starts if path == FILE] == [0, 300, 600], "where it broke off"


def test_what_is_whole_is_kept_when_another_file_cannot_be_fetched(fails, hub):
    hub.faults[FILE] = gives(b"", 503)
    fails(r"gives no .* \(status 503\): check the network.* keeps the files that are whole")
    hub.requests.clear()
    hub.faults.clear()
    get()
    assert asked(hub, "GET") == [FILE.rpartition("/")[2]]


def test_other_content_than_the_hub_announces(fails, hub, published_files):
    """Of the same length: only a sum can tell. It is not kept, so the same command fetches it again."""
    hub.faults[FILE] = gives(bytes(len(published_files[FILE])))
    fails(f"What arrived as {FILE} of {KDTALKER} is not what the hub says it is, and was removed: run the same again")
    hub.faults.clear()
    get()


def test_a_page_in_place_of_a_file(fails, hub, published_files):
    page = b"<!DOCTYPE html><title>Log in</title>"
    hub.faults[FILE] = gives(page)
    fails(f"gives no {FILE} of {KDTALKER}")
    hub.faults[FILE] = gives(page + bytes(len(published_files[FILE]) - len(page)))
    fails("is not what the hub says it is")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"),
        (b"<html>" + bytes(999), "a web page"),
    ],
)
def test_what_somebody_has_uploaded_in_place_of_a_file(fails, hub, published_files, content, what):
    hub.repository(KDTALKER).put(published_files | {FILE: content})
    fails(f"{FILE} of {KDTALKER} is {what}, not the file itself")
    hub.repository(KDTALKER).put(published_files)
    get()


def test_a_network_that_answers_everything_with_a_page(fails, hub):
    hub.page = b"<html>log in</html>"
    fails("answers what no hub answers .*a page of the network to log in to, perhaps", CheckpointError)


def test_a_file_that_cannot_be_converted(fails, hub, published_files):
    """Sums hold, but these are no weights. Nothing is pinned, so that a corrected file is taken."""
    hub.repository(KDTALKER).put(published_files | {FILE: published_files[OTHER]})
    assert FILE in fails(f"{NAME}: {FILE} ")
    hub.repository(KDTALKER).put(published_files)
    get()


@pytest.mark.parametrize(
    ("asks", "token", "message"),
    [
        (
            "login",
            None,
            f"shows no model {KDTALKER}: check the name, and if it is private, log in with 'hf auth login'",
        ),
        ("terms", None, f"{KDTALKER} has terms of its own, .* accept them at http\\S+/{KDTALKER}, log in"),
        ("terms", "hf_of_a_member", f"{KDTALKER} has terms of its own, which you have not accepted"),
        ("nobody", None, f"You may not have {KDTALKER}: log in as somebody who may"),
        (None, "hf_expired", "does not accept your token: log in again with 'hf auth login', or remove HF_TOKEN"),
    ],
)
def test_who_may_not_have_it(fails, hub, monkeypatch, asks, token, message):
    hub.repository(KDTALKER).asks = asks
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    fails(message)


def test_who_may_have_it(hub, monkeypatch):
    hub.repository(KDTALKER).asks = "login"
    monkeypatch.setenv("HF_TOKEN", hub.token)
    get()


def test_a_repository_or_a_file_that_is_gone(fails, hub, published_files):
    del hub.repositories[KDTALKER]
    fails(f"shows no model {KDTALKER}")
    hub.repository(KDTALKER).put({name: data for name, data in published_files.items() if name != FILE})
    hub.repository(LIVE_PORTRAIT).put({"README.md": b""})
    fails(f"{NAME} needs {FILE} of {KDTALKER}, .* of {LIVE_PORTRAIT}, and the hub has no such file")


def test_a_server_that_is_not_there(fails, hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    fails(rf"http://127.0.0.1:9 gives no {KDTALKER} \(\w+\): check the network")


def test_offline_without_and_with_what_is_needed(fails, hub, cache, offline, tmp_path):
    """Downloads are enough, and so is the model itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        fails(f"{KDTALKER} has not been downloaded, and HF_HUB_OFFLINE forbids to: unset it once")
    get()
    offline()
    hub.requests.clear()
    assert get()
    (cache / "models" / NAME).rename(tmp_path / "gone")
    assert load_checkpoint(get()).variables("retargeting")
    (cache / "models" / NAME).rename(tmp_path / "gone too")
    (cache / "models.lock.json").unlink()
    assert load_checkpoint(get()).variables("retargeting")
    assert hub.requests == []


def forget_model(cache, downloads) -> None:
    shutil.rmtree(cache / "models" / NAME)
    shutil.rmtree(downloads)


def test_a_revision_that_has_moved_is_not_taken_unasked(hub, cache, downloads, published_files):
    """As long as the hub has the pinned one, it is fetched again, with a warning; `upgrade` takes the new one."""
    old = hub.repository(KDTALKER).branches["main"]
    get()
    forget_model(cache, downloads)
    new = hub.repository(KDTALKER).put(published_files | {OTHER: published_files[OTHER], "README.md": b"new"})
    with pytest.warns(
        UserWarning, match=f"{KDTALKER} has changed since {NAME} was fetched first; .*{old[:8]} is taken"
    ):
        get()

    assert {pin["commit"] for pin in pinned(cache)[NAME].values()} == {old}
    get(upgrade=True)
    assert {pin["commit"] for pin in pinned(cache)[NAME].values()} == {new}


def test_a_pinned_revision_that_is_gone(fails, hub, cache, downloads, published_files):
    get()
    forget_model(cache, downloads)
    repository = hub.repositories[KDTALKER] = Repository()
    repository.put({"README.md": b"first"})
    repository.put(published_files)
    fails(
        f"has no revision .{{8}} any more, which {NAME} is pinned to: 'python -m .* fetch {NAME} --upgrade' takes what"
    )
    assert get(upgrade=True)


def test_other_content_under_the_pinned_revision(fails, hub, cache, downloads, published_files):
    """As only a hub or a mirror that lies can give it."""
    get()
    forget_model(cache, downloads)
    repository = hub.repository(KDTALKER)
    repository.revisions[repository.branches["main"]][FILE] = published_files[OTHER]
    sentence = fails(f"{FILE} of {KDTALKER} is not the file that it was when {NAME} was fetched first", CheckpointError)
    assert f"fetch {NAME} --upgrade' takes what is there today" in sentence
    assert not (cache / "models" / NAME).exists()


def test_a_failed_upgrade_leaves_the_model_as_it_was(hub, cache, published_files):
    model = get()
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    pins = (cache / "models.lock.json").read_bytes()
    hub.repository(KDTALKER).put(published_files | {FILE: published_files[OTHER]})
    with pytest.raises(CheckpointError):
        get(upgrade=True)
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before
    assert (cache / "models.lock.json").read_bytes() == pins


def test_a_damaged_lock_file_is_not_taken_for_none(hub, cache):
    get()
    (cache / "models.lock.json").write_text("{")
    with pytest.raises(OutputError, match=r"models.lock.json is damaged .*: bring it back, or delete it to pin models"):
        get(upgrade=True)


def test_licences_are_asked_about_once(hub, monkeypatch, capsys):
    with pytest.raises(
        InputError, match=r"nobody can be asked here: say `accept_licence=True`, or set KDTALKER_ACCEPT"
    ):
        find_model(NAME)
    assert "MIT (LivePortrait)" in capsys.readouterr().err
    assert asked(hub, "GET") == []
    monkeypatch.setenv("KDTALKER_ACCEPT_LICENCE", "1")
    find_model(NAME)
    monkeypatch.delenv("KDTALKER_ACCEPT_LICENCE")
    find_model(NAME, upgrade=True)


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"yess\n", b"\x04"])
def test_who_does_not_accept_gets_nothing(hub, cache, monkeypatch, answer):
    main, terminal = pty.openpty()
    with os.fdopen(os.dup(terminal), "w") as err, os.fdopen(terminal) as stream, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", stream)
        patch.setattr("sys.stderr", err)
        os.write(main, answer)
        with pytest.raises(InputError, match=r"two is not fetched: its licences were not accepted\."):
            find_model(NAME)
    os.close(main)
    assert asked(hub, "GET") == []
    assert not (cache / "models.lock.json").exists()


@pytest.fixture
def mount():
    """A function that mounts something on a folder, for users who may."""
    mounted = []

    def do(folder, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if subprocess.run(["mount", *arguments, folder], capture_output=True).returncode:
            pytest.skip("needs a user who may mount")
        mounted.append(folder)

    yield do
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk(mount):
    return lambda folder, size: mount(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


@pytest.fixture
def make_read_only(mount):
    """For whom permissions are nothing: a view of the folder that may not be written."""

    def do(folder) -> None:
        mount(folder, "--bind", folder)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)

    return do


@pytest.mark.filterwarnings("default:Not enough free disk space")  # huggingface_hub's own word about it
def test_a_disk_that_is_full(fails, hub, cache, downloads, small_disk, published_files, monkeypatch):
    """Before anything is fetched, where the sizes tell; in the middle, where they do not."""
    small_disk(downloads, "40k")
    sentence = fails(
        f"{re.escape(str(downloads))} has no room left: make some, or name a folder on a larger disk", OutputError
    )
    assert "HF_HOME for downloads" in sentence
    assert asked(hub, "GET") == []
    monkeypatch.setattr("kdtalker_jax.hub.installing._check_room", lambda files, converts: None)
    fails("has no room left", OutputError)


def test_a_disk_that_is_full_when_it_comes_to_converting(fails, hub, cache, small_disk, monkeypatch):
    monkeypatch.setattr("kdtalker_jax.hub.installing._check_room", lambda files, converts: None)
    small_disk(cache, "60k")
    fails("KDTALKER_CACHE|no room left|cannot be written", OutputError)
    assert written(cache) == set()


def test_a_cache_that_may_only_be_read(fails, hub, cache, make_read_only):
    model = get()
    make_read_only(cache)
    hub.requests.clear()
    assert get() == model
    assert load_checkpoint(model).variables("retargeting")
    assert hub.requests == []
    sentence = fails(
        r"cannot be written \(Read-only file system\): name another folder with KDTALKER_CACHE", OutputError, "syncnet"
    )
    assert str(cache) in sentence


def test_a_file_in_place_of_the_cache(fails, hub, cache):
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text("a file in place of the folder")
    fails("cannot be written", OutputError)
