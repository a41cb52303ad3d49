"""The user's cache of models, and the lock file beside them.

    CACHE/models/<name>/       model directories, each whole: built elsewhere and moved there
    CACHE/models.lock.json     of each model what was fetched: repository, revision, size and SHA-256 of every file;
                               the licences that were accepted, and landmark files that are trusted

CACHE is KDTALKER_CACHE, or where the system keeps caches of users. The lock file outlives the models: what is fetched
again has to be what it was.
"""

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from kdtalker_jax.errors import OutputError
from kdtalker_jax.records import UnknownSettingError, from_json, read_json
from kdtalker_jax.unfinished import unfinished_file

ENVIRONMENT = "KDTALKER_CACHE"
_FORMAT = 1


@dataclass(frozen=True)
class Pin:
    """What a file was when it was fetched first.

    Attributes:
        repository, path: where it is on the hub. commit: the revision there.
        size: bytes. sha256: of the content.
    """

    repository: str
    path: str
    commit: str
    size: int
    sha256: str


@dataclass
class Lock:
    """What the lock file holds.

    Attributes:
        pins: by a model's name and the file's name in it.
        licences: that were accepted, by a model's name.
        landmarks: SHA-256 of landmark files that dlib may read, beside those that are known.
    """

    pins: dict[str, dict[str, Pin]] = field(default_factory=dict)
    licences: dict[str, tuple[str, ...]] = field(default_factory=dict)
    landmarks: tuple[str, ...] = ()


def cache_folder() -> Path:
    """Raises OutputError where there is no home to keep one in."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen).absolute()
    import platformdirs

    try:
        return platformdirs.user_cache_path("kdtalker_jax").absolute()
    except RuntimeError as error:
        raise OutputError(f"There is no folder for a cache ({error}): name one with {ENVIRONMENT}.") from error


def models_folder() -> Path:
    return cache_folder() / "models"


def model_folder(name: str) -> Path:
    """Where a model is, or would be. Any name is one folder."""
    return models_folder() / _file_name(name)


def present_models() -> dict[str, Path]:
    """The folders of all models in the cache, by their names."""
    try:
        folders = sorted(path for path in models_folder().iterdir() if path.is_dir() and path.name[0] != ".")
    except (OSError, OutputError):
        return {}
    return {unquote(folder.name): folder for folder in folders}


@contextmanager
def locked(name: str, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """One process at a time for a name; `waiting` is called where another one has it.

    Raises:
        OutputError: the cache cannot be written.
    """
    import filelock

    with writing_cache():
        models_folder().mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(models_folder() / f".{_file_name(name)}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing_cache() -> Iterator[None]:
    """Says in a sentence why nothing can be written there."""
    try:
        yield
    except OSError as error:
        raise no_room(error, cache_folder()) from error


def no_room(error: OSError, folder: Path) -> OutputError:
    """What to do where a disk is full, or may not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(
            f"{folder} has no room left: make some, or name a folder on a larger disk with {ENVIRONMENT} for models "
            "and HF_HOME for downloads."
        )
    return OutputError(
        f"{folder} cannot be written ({error.strerror or error}): name another folder with {ENVIRONMENT} for models "
        "and HF_HOME for downloads."
    )


def read_lock() -> Lock:
    """Raises OutputError where the lock file is damaged: nothing may be taken for unpinned then."""
    path = _lock_file()
    try:
        content = read_json(path)
        if from_json(int, content.get("format"), "format") != _FORMAT:
            raise ValueError(f"its format is {content['format']}, not {_FORMAT}")
        return Lock(
            from_json(dict[str, dict[str, Pin]], content.get("pins"), "pins"),
            from_json(dict[str, tuple[str, ...]], content.get("licences"), "licences"),
            from_json(tuple[str, ...], content.get("landmarks"), "landmarks"),
        )
    except FileNotFoundError:
        return Lock()
    except (OSError, ValueError, UnknownSettingError) as error:
        raise OutputError(f"{path} is damaged ({error}): bring it back, or delete it to pin models anew.") from error


def change_lock(change: Callable[[Lock], object]) -> None:
    """Changes the lock file, whole. Raises OutputError where it cannot be written."""
    with locked("models.lock.json"), writing_cache():
        lock = read_lock()
        change(lock)
        with unfinished_file(_lock_file()) as unfinished:
            content = {"format": _FORMAT, **dataclasses.asdict(lock)}
            unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _file_name(name: str) -> str:
    """A hidden folder is none of a model's, and the parent is none at all."""
    quoted = quote(name, safe=":@")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _lock_file() -> Path:
    return cache_folder() / "models.lock.json"
