"""Pictures whose metadata Pillow chokes on: the same file without what nobody needs to see it."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_MOST_BYTES = 1 << 30  # of a file that is copied; the pixels of a picture that may be read need no more
_MOST_METADATA = 1 << 20  # bytes of one piece, expanded: what Pillow reads
_MOST_PROFILE = 1 << 24  # bytes; those of printers take a few millions

_COLOUR_FIELDS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}  # and their bytes
_EXIF_IN_TEXT = (b"XML:com.adobe.xmp", b"Raw profile type exif")  # keywords of texts that may hold the orientation
_JPEG_SEGMENTS = {0xE0: (b"JFIF\0", 14), 0xE1: (b"Exif\0", 14), 0xE2: (b"ICC_PROFILE\0", 15), 0xEE: (b"Adobe", 12)}


def without_metadata(file: BinaryIO) -> tuple[BinaryIO, bytes | None] | None:
    """Leave of a PNG or JPEG the pixels, and what is sound of orientation and colours.

    Args:
        file: seekable.

    Returns:
        The picture, and an ICC profile that is too large to be in it; None for a file of another kind.
    """
    file.seek(0)
    if file.read(len(_PNG)) == _PNG:
        return _without_chunks(file)
    file.seek(0)
    if file.read(len(_JPEG)) == _JPEG:
        return _without_segments(file), None
    return None


def _without_chunks(file: BinaryIO) -> tuple[BinaryIO, bytes | None]:
    picture, profile, texts = io.BytesIO(), None, set()
    picture.write(_PNG)
    for name, length in _chunks(file):
        if picture.tell() + length > _MOST_BYTES:
            break
        needed = name[:1].isupper() or name == b"tRNS"
        if not needed and length > _MOST_PROFILE:
            continue
        data, checksum = file.read(length), file.read(4)
        sound = checksum == struct.pack(">I", zlib.crc32(name + data))
        if name == b"iCCP" and sound:
            profile = profile or _expand(data.partition(b"\0")[2][1:], _MOST_PROFILE)
        elif needed or (sound and _tells_colours_or_orientation(name, data, texts)):
            picture.write(struct.pack(">I", length) + name + data + checksum)
    picture.seek(0)
    return picture, profile


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk of a PNG, with the file at its content; wherever that is left, the next follows."""
    position = file.tell()
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        yield name, length
        position += length + 12
        file.seek(position)


def _tells_colours_or_orientation(name: bytes, data: bytes, texts: set[bytes]) -> bool:
    """`texts`: keywords that were there before; of each the first counts."""
    if name in _COLOUR_FIELDS:
        return len(data) == _COLOUR_FIELDS[name]
    if name == b"eXIf":
        return len(data) <= _MOST_METADATA
    keyword, _, rest = data.partition(b"\0")
    if name not in (b"tEXt", b"zTXt", b"iTXt") or keyword not in _EXIF_IN_TEXT or keyword in texts:
        return False
    texts.add(keyword)
    if name == b"tEXt" or (name == b"iTXt" and rest[:1] == b"\0"):
        return len(data) <= _MOST_METADATA
    text = rest[1:] if name == b"zTXt" else rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _expand(text, _MOST_METADATA) is not None


def _expand(data: bytes, most: int) -> bytes | None:
    """The content of a zlib stream; None: it is damaged, or longer than `most`."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, most)
    except zlib.error:
        return None
    return content if stream.eof else None


def _without_segments(file: BinaryIO) -> BinaryIO:
    picture = io.BytesIO()
    picture.write(_JPEG)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        marker, length = struct.unpack(">xBH", head)
        content = file.read(max(length - 2, 0))
        optional = 0xE0 <= marker <= 0xEF or marker == 0xFE
        start, least = _JPEG_SEGMENTS.get(marker, (b"", 1 << 16))
        if not optional or (content.startswith(start) and len(content) >= least):
            picture.write(head + content)
        if marker == 0xDA:  # the pixels follow
            picture.write(file.read(_MOST_BYTES))
    picture.seek(0)
    return picture
