"""Outputs on their way: hidden folders beside them, which are gone when this process is, however it ends.

Whatever has the name that the user gave is whole. Until then it is inside a folder of its own, `.kdtalker-XXXXXXXX`, on
the same file system. That name is short and does not depend on the output's, which may be as long as a file system
allows. What ends badly is removed at the end of its `with` block; by `undo_all` when a signal ends the process; and
after `kill -9` or a loss of power by the next process that writes beside it.

A living process holds a lock on the file `owner` in each of its folders, so numbers of processes, which are used again
and mean nothing on other machines, play no part. Folders of other users and machines are never touched, nor are any
where there are no such locks (Windows, some network file systems).
"""

import contextlib
import functools
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PREFIX = ".kdtalker-"
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")  # as `tempfile` makes them
_OWNER, _INSIDE = "owner", "work"
_FORMAT = "unfinished work of kdtalker_jax"  # the first line of `owner`; then come the machine's names
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # containers of a machine share it, whatever they call themselves

_undoing: dict[object, Callable[[], object]] = {}
_in_one_go = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_undoing.clear)


@contextlib.contextmanager
def unfinished_folder(output: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields an empty folder beside `output`, on its file system; what is not moved out of it goes at the end.

    What dead processes have left beside `output` goes as well, at the first call for its folder.

    Raises:
        OSError: nothing can be written there.
    """
    parent = Path(output).absolute().parent
    _clear(parent)
    with _in_one_go:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    with undone(functools.partial(_remove, folder)):
        lock = None
        try:
            lock = _lock(folder)
            (folder / _INSIDE).mkdir()  # with the permissions that the user wants folders to have
            yield folder / _INSIDE
        finally:
            _remove(folder)
            if lock is not None:
                os.close(lock)


@contextlib.contextmanager
def unfinished_file(output: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields where to write a file, which becomes `output` when the block ends well, and is removed otherwise.

    Its name has no extension: where a library goes by that, hand it an open file.

    Raises:
        OSError: as `unfinished_folder`; an older file of that name is then still there.
    """
    with unfinished_folder(output) as folder:
        yield folder / "file"
        with _in_one_go:
            (folder / "file").replace(output)


@contextlib.contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Has `undo_all` call this, if it comes while the block runs."""
    key = object()
    _undoing[key] = undo
    try:
        yield
    finally:
        _undoing.pop(key, None)


def in_one_go() -> threading.RLock:
    """A lock that `undo_all` waits for, and then keeps: hold it while an output comes into its place."""
    return _in_one_go


def undo_all() -> None:
    """Removes all that is unfinished, newest first, from any thread. Nothing but the end of the process may follow.

    From here on nothing comes into its place: not what other threads make of files and processes that are gone.
    """
    _in_one_go.acquire(timeout=10)
    for undo in reversed(list(_undoing.values())):
        with contextlib.suppress(Exception):
            undo()


def _remove(folder: Path) -> None:
    """Another thread may still be writing into it, so once is not always enough. The owner's file goes last."""
    for path in (folder / _INSIDE, folder):
        for _ in range(3):
            if path.exists():
                shutil.rmtree(path, ignore_errors=True)


def _lock(folder: Path) -> int | None:
    """Locks and then signs the file of the owner: a signature without a lock is that of a dead process."""
    if fcntl is None:
        return None
    descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with contextlib.suppress(OSError):  # no locks here: without a signature nobody clears it
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, "\n".join([_FORMAT, *_machine()]).encode())
    return descriptor


@functools.cache
def _machine() -> tuple[str, ...]:
    """Names of this machine: of its start, and of itself, which stays after another start."""
    try:
        return _BOOT_ID.read_text().strip(), socket.gethostname()
    except OSError:
        return (socket.gethostname(),)


@functools.cache  # folders may hold very many files: once for each is enough
def _clear(parent: Path) -> None:
    """Removes the folders in `parent` that dead processes of this user have left there on this machine."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for folder in [entry for entry in os.scandir(parent) if _NAME.fullmatch(entry.name)]:
            with contextlib.suppress(OSError):
                if folder.is_dir(follow_symlinks=False) and folder.stat().st_uid == os.getuid():
                    _remove_if_left(Path(folder.path))


def _remove_if_left(folder: Path) -> None:
    """Raises OSError where the owner lives (its lock is held), or where there is none."""
    descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
    try:
        first, *names = os.read(descriptor, 4096).decode(errors="replace").split("\n")
        if first == _FORMAT and not set(names).isdisjoint(_machine()):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
    finally:
        os.close(descriptor)
