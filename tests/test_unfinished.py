"""What is unfinished is hidden, and goes when its process does, in whatever way; what lives or is another's stays."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kdtalker_jax.unfinished import unfinished_file, unfinished_folder

fcntl = pytest.importorskip("fcntl", reason="needs file locks of Unix")

MODULES = Path(__file__).parents[1] / "kdtalker_jax"  # the module alone, without the seconds that JAX needs
WRITER = """
import sys
from unfinished import unfinished_folder
with unfinished_folder(sys.argv[1]) as folder:
    (folder / "half").write_bytes(b"half a video")
    print("begun", flush=True)
    sys.stdin.read()
"""
# A folder is looked through once by each process, so the next one is a process of its own.
NEXT = "import sys; from unfinished import unfinished_file as f\nwith f(sys.argv[1]) as p: p.touch()"


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of writing `first` in `tmp_path`."""
    command = [sys.executable, "-c", WRITER, tmp_path / "first"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=MODULES) as process:
        assert process.stdout.readline() == b"begun\n"
        yield process
        process.kill()


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def write_next(output: Path) -> None:
    subprocess.run([sys.executable, "-c", NEXT, output], cwd=MODULES, check=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["a.mp4", "n" * 255])
def test_a_file_appears_whole_under_any_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"old")
    with unfinished_file(tmp_path / name) as path:
        path.write_bytes(b"new")
        assert (tmp_path / name).read_bytes() == b"old"
    assert (tmp_path / name).read_bytes() == b"new"
    assert names(tmp_path) == [name]


def test_nothing_appears_when_it_ends_badly(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), unfinished_file(tmp_path / "a") as path:
        path.write_bytes(b"new")
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_files_have_the_permissions_of_any_other(tmp_path):
    (tmp_path / "plain").touch()
    with unfinished_file(tmp_path / "a") as path:
        path.touch()
    with unfinished_folder(tmp_path / "b") as folder:
        folder.rename(tmp_path / "b")
    (tmp_path / "folder").mkdir()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "b").stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert not hidden(tmp_path)


def test_the_next_process_clears_what_a_dead_one_left(writer, tmp_path):
    kill(writer)
    assert hidden(tmp_path)
    write_next(tmp_path / "second")
    assert names(tmp_path) == ["second"]


def test_a_living_process_keeps_its_work(writer, tmp_path):
    (folder,) = hidden(tmp_path)
    write_next(tmp_path / "second")
    assert (folder / "work" / "half").read_bytes() == b"half a video"
    writer.communicate(b"")
    assert writer.returncode == 0
    assert names(tmp_path) == ["second"]


def test_work_of_another_machine_stays(writer, tmp_path):
    kill(writer)
    (folder,) = hidden(tmp_path)
    first, *_ = (folder / "owner").read_text().split("\n")
    (folder / "owner").write_text(f"{first}\nanother-start\nanother-machine")
    write_next(tmp_path / "second")
    assert folder.exists()


def test_what_others_made_stays(tmp_path):
    """Of our names, but not signed; or signed, but behind a link."""
    (tmp_path / ".kdtalker-abcdefgh").mkdir()
    (tmp_path / ".kdtalker-abcdefgh" / "owner").write_text("somebody")
    (tmp_path / ".kdtalker-12345678").mkdir()
    (tmp_path / ".kdtalker-notes.txt").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".kdtalker-linked__").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    write_next(tmp_path / "second")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "second"])


def test_all_is_undone_from_another_thread(tmp_path):
    """As when a signal comes while the main thread is held up: the newest first."""
    program = """
import os, sys, threading, time
from unfinished import undo_all, undone, unfinished_folder
def end():
    undo_all()
    os._exit(7)
with undone(lambda: print("this ended well")):
    pass
with unfinished_folder(sys.argv[1]) as folder, undone(lambda: print(os.listdir(folder), flush=True)):
    (folder / "half").touch()
    threading.Thread(target=end).start()
    time.sleep(60)
"""
    command = [sys.executable, "-c", program, tmp_path / "first"]
    done = subprocess.run(command, cwd=MODULES, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (7, "['half']\n", "")
    assert names(tmp_path) == []


def test_nothing_comes_into_place_once_all_is_undone(tmp_path):
    """A thread that sees its helpers die must not write down what it concludes: a good video would be a bad one."""
    program = """
import contextlib, os, sys, threading, time
from unfinished import undo_all, undone, unfinished_file
dead = threading.Event()
def end():
    undo_all()
    time.sleep(0.5)
    os._exit(7)
with contextlib.suppress(OSError), undone(dead.set), unfinished_file(sys.argv[1]) as path:
    path.touch()
    threading.Thread(target=end).start()
    dead.wait()
with unfinished_file(sys.argv[1]) as path:
    path.write_text("unreadable")
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "first"], cwd=MODULES, capture_output=True)
    assert done.returncode == 7
    assert names(tmp_path) == []
