"""Running the ffmpeg binary that imageio-ffmpeg brings. No user's file name ever reaches its command line."""

import contextlib
import functools
import os
import re
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Self

import imageio_ffmpeg

from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.unfinished import undone

# Reads the open file given as standard input (seekable, ffmpeg 6 or later); nothing in that file, such as a
# playlist's entries, can make ffmpeg open another one.
READ_STDIN = ("-protocol_whitelist", "fd", "-i", "fd:")

_MESSAGES_READ = 1 << 16  # bytes; a damaged file can cause any number of messages


class FFmpeg:
    """One run of ffmpeg, killed when its `with` block ends early.

    Files are handed over as open descriptors (`READ_STDIN`) or as constant names in a working folder, because ffmpeg
    reads meaning into names ("concat:a", "http://b", "-y"). The process has its own session: Ctrl-C stops
    Python, which then stops ffmpeg, in that order.

    Args:
        arguments: of the command line, after the common ones.
        popen: `stdin`, `stdout` and `cwd` for `subprocess.Popen`.
    """

    def __init__(self, *arguments: str, **popen: Any) -> None:
        command = [_executable(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe could fill up and block; closed in __exit__
        self.process = subprocess.Popen(command, stderr=self._messages, start_new_session=True, **popen)
        self._undone = contextlib.ExitStack()
        self._undone.enter_context(undone(self.process.kill))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
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
        status = self.process.wait()
        if status == 0:
            return None
        last = self._last_messages().strip().rpartition("\n")[2]
        return re.sub(r"^\[[^]]*\] ", "", last) or f"ffmpeg stopped with status {status}"

    def lacks_stream(self) -> bool:
        """Whether it failed because an input has no stream of the kind asked for; only after `finish`."""
        return "matches no streams" in self._last_messages()

    def _last_messages(self) -> str:
        """Only after the end: ffmpeg would go on writing where these were read."""
        size = self._messages.seek(0, os.SEEK_END)
        self._messages.seek(max(0, size - _MESSAGES_READ))
        return self._messages.read().decode(errors="replace")


def _close(pipe: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # ffmpeg ended first; its status and messages tell why
        pipe.close()


@functools.cache
def _executable() -> str:
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise KDTalkerError("No ffmpeg was found; install imageio-ffmpeg again, which brings one.") from error
