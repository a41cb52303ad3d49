"""Running the ffmpeg binary that imageio-ffmpeg brings. No user's file name ever reaches its command line."""

import contextlib
import functools
import io
import os
import re
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.unfinished import undone

# Reads the open file given as standard input (seekable, ffmpeg 6 or later); nothing in that file, such as a
# playlist's entries, can make ffmpeg open another one. Gaps in a file's clock are left as they are, up to an hour:
# ffmpeg would close those above ten seconds in some containers, of each stream alone.
READ_STDIN = ("-protocol_whitelist", "fd", "-dts_delta_threshold", "3600", "-i", "fd:")

_MESSAGES_READ = 1 << 16  # bytes; a damaged file can cause any number of messages
_GLANCE = 1.0  # seconds between two looks at a process that is waited for
_IDLE_LIMIT = 60.0  # seconds that it may let us wait without computing
_SILENT_LIMIT = 600.0  # seconds that it may compute without taking or giving a byte


class FFmpeg:
    """One run of ffmpeg, killed when its `with` block ends early.

    Files are handed over as open descriptors (`READ_STDIN`) or as constant names in a working folder, because ffmpeg
    reads meaning into names ("concat:a", "http://b", "-y"). The process has its own session: Ctrl-C stops
    Python, which then stops ffmpeg, in that order.

    A process that makes no progress while it is waited for is killed: its pipes end, and `finish` tells why. However
    long we let it wait for us does not count.

    Args:
        arguments: of the command line, after the common ones.
        patient: whoever reads its output may pause for as long as they like: it is not given up.
        popen: `stdin`, `stdout` and `cwd` for `subprocess.Popen`.
    """

    def __init__(self, *arguments: str, patient: bool = False, **popen: Any) -> None:
        command = [executable(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments]
        self._stalled, self._patient = False, patient
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe could fill up and block; closed in __exit__
        self.process = subprocess.Popen(
            command, stderr=self._messages, start_new_session=True, bufsize=0, **popen
        )  # unbuffered, because the pipes get buffers of their own here
        self._undone = contextlib.ExitStack()
        self._undone.enter_context(undone(self._kill))
        if self.process.stdin is not None:
            self.process.stdin = io.BufferedWriter(_Pipe(self.process.stdin, self))
        if self.process.stdout is not None:
            self.process.stdout = io.BufferedReader(_Pipe(self.process.stdout, self))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._kill()
        self.process.wait()
        self._undone.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                _close(pipe)
        self._messages.close()

    def finish(self) -> str | None:
        """Wait for the end; return None on success, otherwise ffmpeg's last message."""
        if self.process.stdin is not None:
            _close(self.process.stdin)
        patience = _Patience(self.process.pid)
        while (status := self._status(_GLANCE)) is None:
            if patience.is_over():
                self.give_up()
        if self._stalled:
            return "ffmpeg made no progress and was stopped"
        if status == 0:
            return None
        last = self.messages().strip().rpartition("\n")[2]
        return re.sub(r"^\[[^]]*\] ", "", last) or f"ffmpeg stopped with status {status}"

    def lacks_stream(self) -> bool:
        """Whether it failed because an input has no stream of the kind asked for; only after `finish`."""
        return "matches no streams" in self.messages()

    def messages(self) -> str:
        """The last that it said; only after `finish`: ffmpeg would go on writing where these were read."""
        size = self._messages.seek(0, os.SEEK_END)
        self._messages.seek(max(0, size - _MESSAGES_READ))
        return self._messages.read().decode(errors="replace")

    def give_up(self) -> None:
        """Kill a process that makes no progress, but for one whose readers may pause."""
        if self._patient:
            return
        self._stalled = True
        self._kill()

    def _kill(self) -> None:
        if self.process.poll() is None:  # its number is not yet another's
            os.killpg(self.process.pid, signal.SIGKILL)

    def _status(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)
        return None


class _Pipe(io.RawIOBase):
    """Our end of a pipe to or from ffmpeg, which gives ffmpeg up where it makes no progress."""

    def __init__(self, pipe: io.FileIO, ffmpeg: FFmpeg) -> None:
        self._pipe, self._ffmpeg = pipe, ffmpeg
        os.set_blocking(pipe.fileno(), False)

    def fileno(self) -> int:
        return self._pipe.fileno()

    def readable(self) -> bool:
        return self._pipe.readable()

    def writable(self) -> bool:
        return self._pipe.writable()

    def readinto(self, buffer: memoryview) -> int:
        while (count := self._pipe.readinto(buffer)) is None:
            self._wait(select.POLLIN)
        return count

    def write(self, data: memoryview) -> int:
        while (count := self._pipe.write(data)) is None:
            self._wait(select.POLLOUT)
        return count

    def close(self) -> None:
        super().close()
        self._pipe.close()

    def _wait(self, event: int) -> None:
        poll, patience = select.poll(), _Patience(self._ffmpeg.process.pid, _SILENT_LIMIT)
        poll.register(self, event)
        while not poll.poll(1000 * _GLANCE):
            if patience.is_over():
                self._ffmpeg.give_up()  # which ends the pipe, and with it this loop


class _Patience:
    """Ends after `_IDLE_LIMIT` seconds without computing, where the system tells, and after `limit` in any case."""

    def __init__(self, process: int, limit: float = float("inf")) -> None:
        self._process = process
        self._end = time.monotonic() + limit
        self._look()

    def is_over(self) -> bool:
        if _cpu_time(self._process) != self._computed:
            self._look()
        now = time.monotonic()
        return now > self._end or (self._computed is not None and now > self._last_progress + _IDLE_LIMIT)

    def _look(self) -> None:
        self._computed, self._last_progress = _cpu_time(self._process), time.monotonic()


def _cpu_time(process: int) -> tuple[str, str] | None:
    """What a process has computed so far, in ticks as user and system; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[11], fields[12]


def _close(pipe: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # ffmpeg ended first; its status and messages tell why
        pipe.close()


@functools.cache
def executable() -> str:
    import imageio_ffmpeg  # not needed by whoever takes frames and writes no video

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise KDTalkerError("No ffmpeg was found; install imageio-ffmpeg again, which brings one.") from error
