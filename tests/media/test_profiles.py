"""Pictures in the colours that their profiles mean."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.profiles import matrix_profile

WIDE = ["Display P3", "Adobe RGB", "ProPhoto", "old Macintosh", "linear"]
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


@pytest.fixture(scope="module")
def picture():
    """uint8 (24, 32, 3), dark to light in many colours."""
    steps = np.linspace(40, 255, 8).round()
    colours = np.stack(np.meshgrid(steps, steps, np.linspace(40, 255, 12).round(), indexing="ij"), axis=-1)
    return colours.reshape(24, 32, 3).astype(np.uint8)


@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "P", "RGBA"])
def test_pictures_are_converted_through_their_profile(tmp_path, picture, spaces, space, kind):
    image = Image.fromarray(picture)
    if kind == "P":
        image = image.quantize(64)
        picture = np.asarray(image.convert("RGB"))
    if kind == "RGBA":
        image.putalpha(255)
    profile = spaces[space].profile()
    path = tmp_path / "picture"
    image.save(path, format=kind if kind in ("TIFF", "WEBP") else "PNG", icc_profile=profile, lossless=True)
    np.testing.assert_allclose(read_image(path), spaces[space].shown(picture), atol=2)


def test_jpeg_and_avif(tmp_path, picture, spaces):
    plain = np.full_like(picture, (200, 120, 60))
    for kind in ("JPEG", "AVIF"):
        Image.fromarray(plain).save(
            tmp_path / "a", format=kind, quality=100, icc_profile=spaces["Display P3"].profile()
        )
        np.testing.assert_allclose(read_image(tmp_path / "a"), spaces["Display P3"].shown(plain), atol=4)


@pytest.mark.parametrize("kind", ["the library's", "version 2", "parametric"])
def test_a_profile_of_srgb_changes_no_bit(tmp_path, picture, spaces, kind):
    profile = {
        "the library's": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "version 2": spaces["sRGB"].profile(),
        "parametric": matrix_profile(SRGB, None),
    }[kind]
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_colours_are_converted_before_they_are_mixed(tmp_path, spaces):
    """The background is sRGB, what lies before it is not."""
    pixels = np.full((4, 4, 4), (200, 60, 40, 128), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=spaces["Display P3"].profile())
    part = 128 / 255
    expected = part * spaces["Display P3"].shown(pixels[..., :3]) + (1 - part) * np.array([0, 0, 200])
    np.testing.assert_allclose(read_image(tmp_path / "a.png", (0, 0, 200)), expected, atol=2)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_pictures_have_grey_profiles(tmp_path, spaces, mode):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(ramp.astype(np.uint16) * 257 if mode == "I;16" else ramp)
    if mode == "LA":
        image.putalpha(255)
    assert image.mode == mode
    image.save(tmp_path / "a.png", icc_profile=spaces["old Macintosh"].profile(grey=True))
    expected = np.maximum(spaces["old Macintosh"].shown(np.repeat(ramp[..., None], 3, axis=-1)), 0)
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), expected, atol=2)


def test_cmyk_without_a_profile_stays_as_it_was(tmp_path, picture):
    image = Image.fromarray(picture).convert("CMYK")
    for kind in ("TIFF", "JPEG"):
        image.save(tmp_path / "a", format=kind)
        with Image.open(tmp_path / "a") as stored:
            np.testing.assert_array_equal(read_image(tmp_path / "a"), np.asarray(stored.convert("RGB")))


def press(inks):
    """A profile of a press, ICC's `lut8`: Lab (16, 3) of the mixtures of all or nothing of four inks, K the fastest."""
    table = np.round(np.clip(inks * (2.55, 1, 1) + (0, 128, 128), 0, 255)).astype(np.uint8).tobytes()
    curve = bytes(range(256))
    lut = struct.pack(">4sI4B9i", b"mft1", 0, 4, 3, 2, 0, *np.eye(3, dtype=int).ravel() * 65536)
    lut += 4 * curve + table + 3 * curve
    white = struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061)
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"A2B0", 156 + len(white), len(lut))
    kinds = (b"prtr", b"CMYK", b"Lab ", b"acsp")
    header = struct.pack(">I4xI4s4s4s12x4s28x", 156 + len(white) + len(lut), 0x02100000, *kinds)
    return header + struct.pack(">3i48x", 63190, 65536, 54061) + tags + white + lut


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_is_converted_through_its_profile(tmp_path, spaces, kind):
    """Real inks are duller than the complements of the screen's colours."""
    inks = np.array([(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)])
    lab = np.array([100, 0, 0]) + inks[:, :3] @ [(-35, -20, -25), (-40, 35, 0), (-5, -5, 45)]
    lab = np.where(inks[:, 3:] == 1, [0, 0, 0], lab)
    height = (lab[:, 0] + 16) / 116
    cubes = np.stack([height + lab[:, 1] / 500, height, height - lab[:, 2] / 200], axis=-1)
    xyz = np.where(cubes > 6 / 29, cubes**3, (cubes - 4 / 29) * 108 / 841) * (0.9642, 1, 0.8249)
    light = np.clip(xyz @ np.linalg.inv(spaces["sRGB"].to_d50).T, 0, 1)
    expected = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    pixels = np.repeat(np.repeat(255 * inks.astype(np.uint8).reshape(4, 4, 4), 16, axis=0), 16, axis=1)
    image = Image.frombytes("CMYK", (64, 64), np.ascontiguousarray(pixels).tobytes())
    image.save(tmp_path / "a", format=kind, icc_profile=press(lab), **({"quality": 100} if kind == "JPEG" else {}))
    np.testing.assert_allclose(read_image(tmp_path / "a")[8::16, 8::16], expected.reshape(4, 4, 3), atol=5)


def test_lab(tmp_path, picture):
    picture = picture // 2 + 64  # eight bits of Lab are coarse for vivid colours
    lab = ImageCms.profileToProfile(
        Image.fromarray(picture), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "a.tiff")
    np.testing.assert_allclose(read_image(tmp_path / "a.tiff").astype(int), picture, atol=6)


def write_png(path, picture, *chunks):
    """A PNG with more chunks: (name, content)."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    added = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(file.getvalue()[:33] + added + file.getvalue()[33:])


def fields(chromaticity, gamma):
    """What a PNG says of its colours."""
    values = [round(100_000 * value) for value in chromaticity]
    return (b"cHRM", struct.pack(">8I", *values)), (b"gAMA", struct.pack(">I", round(100_000 / gamma)))


def test_gamma_and_primaries_of_png(tmp_path, picture, spaces):
    """A gamma of 2.2 is what programs write for the curve of sRGB."""
    write_png(tmp_path / "a.png", picture, *fields((0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06), 2.2))
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), spaces["Display P3"].shown(picture), atol=2)
    linear = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=-1)
    write_png(tmp_path / "a.png", linear, *fields(SRGB, 1.0))
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), spaces["linear"].shown(linear), atol=2)
    Image.fromarray(linear[..., 0]).save(tmp_path / "plain.png")
    write_png(tmp_path / "grey.png", linear[..., 0], *fields(SRGB, 1.0))
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), read_image(tmp_path / "a.png"))
    assert not np.array_equal(read_image(tmp_path / "grey.png"), read_image(tmp_path / "plain.png"))


@pytest.mark.parametrize(
    "chunks",
    [
        fields(SRGB, 2.2),
        (*fields(SRGB, 1.0), (b"sRGB", b"\0")),
        fields((0.3127, 0.3290, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5), 1.8),
        fields((0,) * 8, 1.8),
        ((b"gAMA", bytes(4)),),
    ],
    ids=["gamma of sRGB", "sRGB goes first", "no colours", "zeros", "no gamma"],
)
def test_fields_of_png_that_change_nothing(tmp_path, picture, chunks):
    write_png(tmp_path / "a.png", picture, *chunks)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


@pytest.mark.parametrize("wrong", ["noise", "cut short", "for grey", "for CMYK", "a device link", "empty"])
def test_profiles_that_do_not_fit_are_ignored(tmp_path, picture, spaces, wrong):
    profile = spaces["Adobe RGB"].profile()
    profile = {
        "noise": bytes(range(256)) * 4,
        "cut short": profile[:300],
        "for grey": spaces["Adobe RGB"].profile(grey=True),
        "for CMYK": profile.replace(b"RGB ", b"CMYK"),
        "a device link": profile.replace(b"mntr", b"link"),
        "empty": b" ",
    }[wrong]
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 2400), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_profiles_are_no_reason_to_refuse_a_picture(tmp_path, picture, spaces, changes):
    profile = bytearray(spaces["Adobe RGB"].profile())
    for position, value in changes:
        profile[position % len(profile)] = value
    Image.fromarray(picture[:4, :4]).save(tmp_path / "a.png", icc_profile=bytes(profile))
    assert read_image(tmp_path / "a.png").shape == (4, 4, 3)
