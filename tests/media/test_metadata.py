"""Sound pictures with unsound or endless metadata are read; unsound pictures are not."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.image import read_image

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (24, 16, 3), np.uint8)


def chunk(name, data, checksum=None):
    checksum = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(picture, *chunks, at_the_end=False):
    """The bytes of a PNG with more chunks before or behind its pixels."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    data = file.getvalue()
    place = len(data) - 12 if at_the_end else 33
    return data[:place] + b"".join(chunks) + data[place:]


def long_text(size=3 * MEGABYTE):
    return b"workflow\0\0" + zlib.compress(b"many words " * (size // 11))


CHUNKS = {
    "zTXt": chunk(b"zTXt", long_text()),
    "zTXt of a gigabyte": chunk(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(1 << 28))),
    "iTXt": chunk(b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(b"word" * MEGABYTE)),
    "XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x/>" * MEGABYTE)),
    "many tEXt": b"".join(chunk(b"tEXt", b"key%d\0" % i + bytes(MEGABYTE - 100)) for i in range(70)),
    "a text without a keyword": chunk(b"zTXt", b""),
    "an unknown compression": chunk(b"zTXt", b"key\0\7" + zlib.compress(b"word")),
    "a large profile": chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(2 * MEGABYTE))),
    "a wrong checksum": chunk(b"tEXt", b"key\0value", checksum=1),
    "a short gAMA": chunk(b"gAMA", b"\0"),
    "a short pHYs": chunk(b"pHYs", b"\0"),
    "an empty sRGB": chunk(b"sRGB", b""),
    "a short cHRM": chunk(b"cHRM", bytes(7)),
    "a broken eXIf": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff\x01\x12"),
    "an empty eXIf": chunk(b"eXIf", b""),
}


@pytest.mark.parametrize("at_the_end", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("kind", CHUNKS)
def test_png(tmp_path, picture, kind, at_the_end):
    (tmp_path / "a.png").write_bytes(png(picture, CHUNKS[kind], at_the_end=at_the_end))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_texts_that_expand_to_much_take_no_memory(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(png(picture, CHUNKS["zTXt of a gigabyte"], CHUNKS["XMP"]))
    tracemalloc.start()
    read_image(tmp_path / "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * MEGABYTE


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def test_orientation_and_colours_are_kept_beside_much_text(tmp_path, picture, spaces):
    chunks = [CHUNKS["zTXt"], chunk(b"eXIf", exif(3)[6:])]
    (tmp_path / "a.png").write_bytes(png(picture, *chunks))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture[::-1, ::-1])

    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    xmp += b'<r:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/></r:RDF></x:xmpmeta>'
    for text in (b"\0\0\0\0" + xmp, b"\1\0\0\0" + zlib.compress(xmp)):
        chunks = [CHUNKS["zTXt"], chunk(b"iTXt", b"XML:com.adobe.xmp\0" + text)]
        (tmp_path / "a.png").write_bytes(png(picture, *chunks))
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture[::-1, ::-1])

    profile = spaces["Display P3"].profile()
    for filling in (0, 2 * MEGABYTE):  # small enough for Pillow, and not
        padded = struct.pack(">I", len(profile) + filling) + profile[4:] + bytes(filling)
        chunks = [CHUNKS["zTXt"], chunk(b"iCCP", b"P3\0\0" + zlib.compress(padded))]
        (tmp_path / "a.png").write_bytes(png(picture, *chunks))
        np.testing.assert_allclose(read_image(tmp_path / "a.png"), spaces["Display P3"].shown(picture), atol=3)


def jpeg(picture, *segments):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=95)
    added = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return file.getvalue()[:2] + added + file.getvalue()[2:]


@pytest.mark.parametrize(
    "segments",
    [
        [(0xE0, b"JFIF\0")],
        [(0xEE, b"Adobe")],
        [(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10\0")],
        [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(65000))] * 100,
        [(0xE0 + i % 16, bytes(100)) for i in range(2000)],
        [(0xE2, b"ICC_PROFILE\0\2\3" + bytes(100))],
        [(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\1")],
        [(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff\x01\x12")],
        [(0xFE, bytes(65000))] * 100,
    ],
    ids=["JFIF", "Adobe", "Photoshop", "XMP", "many", "a profile's second part", "MPF", "Exif", "comments"],
)
def test_jpeg(tmp_path, picture, segments):
    (tmp_path / "plain.jpg").write_bytes(jpeg(picture))
    (tmp_path / "a.jpg").write_bytes(jpeg(picture, *segments))
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), read_image(tmp_path / "plain.jpg"))


def test_orientation_and_colours_of_jpeg_are_kept_beside_broken_segments(tmp_path, picture, spaces):
    profile = b"ICC_PROFILE\0\1\1" + spaces["Display P3"].profile()
    sound = [(0xE1, exif(3)), (0xE2, profile)]
    (tmp_path / "sound.jpg").write_bytes(jpeg(picture, *sound))
    (tmp_path / "a.jpg").write_bytes(jpeg(picture, *sound, (0xEE, b"Adobe")))
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), read_image(tmp_path / "sound.jpg"))
    (tmp_path / "plain.jpg").write_bytes(jpeg(picture))
    assert not np.array_equal(read_image(tmp_path / "sound.jpg"), read_image(tmp_path / "plain.jpg"))


@pytest.mark.parametrize("make", [png, jpeg])
def test_a_picture_cut_short_is_refused_with_or_without_its_metadata(tmp_path, picture, make):
    extra = CHUNKS["zTXt"] if make is png else (0xEE, b"Adobe")
    data = make(picture, extra)
    (tmp_path / "a.png").write_bytes(data[:-600])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_image(tmp_path / "a.png")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"gAMA", b"cHRM", b"pHYs", b"sRGB", b"tIME", b"abCd"]
    ),
    keyword=st.sampled_from([b"", b"a\0", b"XML:com.adobe.xmp\0", b"Raw profile type exif\0"]),
    rest=st.binary(max_size=40),
)
def test_any_chunk_that_is_not_needed(tmp_path, picture, name, keyword, rest):
    (tmp_path / "a.png").write_bytes(png(picture, chunk(name, keyword + rest)))
    assert read_image(tmp_path / "a.png").size == picture.size
