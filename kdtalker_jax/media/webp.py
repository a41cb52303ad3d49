"""Animated WebP of ffmpeg, mended: its frames are whole, but say that they are to be blended with those before."""

import struct
from pathlib import Path

_DO_NOT_BLEND = 2


def replace_frames(path: Path) -> None:
    """Have each frame (chunk ANMF) replace the one before: what moves then leaves no trail where it is transparent."""
    with path.open("r+b") as file:
        file.seek(12)  # RIFF, size, WEBP
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            start = file.tell()
            if name == b"ANMF":
                file.seek(start + 15)  # after place, size and duration, 3 bytes for each number
                flags = file.read(1)[0]
                file.seek(start + 15)
                file.write(bytes([flags | _DO_NOT_BLEND]))
            file.seek(start + size + size % 2)
