"""Several processes, and some that end in the middle: with real commands, as users run them."""

import contextlib
import json
import os
import pty
import signal
import time

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.hub.listing import verify
from tests.hub.conftest import begin

FETCH = ("models", "fetch", "two")


def wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def finish(process) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def models(cache) -> set[str]:
    return {path.name for path in (cache / "models").iterdir() if not path.name.endswith(".lock")}


def test_one_waits_for_the_other_and_a_kill_in_the_middle_leaves_nothing(hub, cache, tmp_path, monkeypatch):
    """The first is killed while it converts; the second, which waited, does all of it and clears up; and once the model
    is there, a third needs no hub.
    """
    monkeypatch.setenv("STOP_AT", str(tmp_path / "converting"))
    first = begin(*FETCH, "--accept_licence")
    wait_for((tmp_path / "converting").exists)
    monkeypatch.delenv("STOP_AT")
    assert "two" not in models(cache)
    assert any(name.startswith(".kdtalker-") for name in models(cache))
    second = begin(*FETCH, "--accept_licence")
    assert "Waiting for another process, which is fetching two" in second.stderr.readline()
    assert "two" not in models(cache)
    asked = len([line for line in hub.requests if line.startswith("GET") and "/resolve/" in line])
    first.send_signal(signal.SIGKILL)
    assert finish(first)[0] == -signal.SIGKILL
    code, out, err = finish(second)
    assert code == 0, err
    assert out == f"two is in {cache / 'models' / 'two'}\n"
    assert models(cache) == {"two"}
    assert asked == len([line for line in hub.requests if line.startswith("GET") and "/resolve/" in line])
    assert load_checkpoint(verify(str(cache / "models" / "two"))).variables("retargeting")


def test_two_at_once_make_one_model(hub, cache):
    both = [begin(*FETCH, "--accept_licence") for _ in range(2)]
    for code, out, err in map(finish, both):
        assert code == 0, err
        assert out.startswith("two is in ")
    assert models(cache) == {"two"}
    sent = [line for line in hub.requests if line.startswith("GET") and "/resolve/" in line]
    assert len(sent) == len(set(sent)) == 2
    assert set(json.loads((cache / "models.lock.json").read_text())["pins"]) == {"two"}


def test_somebody_at_a_terminal_is_asked(hub, cache):
    main, terminal = pty.openpty()
    process = begin(*FETCH, stdin=terminal, stderr=terminal)
    os.close(terminal)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(main, 4096)
    assert b"MIT (LivePortrait)" in seen and b"to fetch" in seen
    os.write(main, b"y\n")
    with contextlib.suppress(OSError):  # the other end is closed
        while os.read(main, 4096):
            pass
    os.close(main)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (cache / "models" / "two").is_dir()
