import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.image import check_image_array, picture_of, read_image

# How a camera stores the upright picture u under each EXIF orientation.
STORED = {
    1: lambda u: u,
    2: lambda u: u[:, ::-1],
    3: lambda u: u[::-1, ::-1],
    4: lambda u: u[::-1],
    5: lambda u: u.transpose(1, 0, 2),
    6: lambda u: np.rot90(u, 1),
    7: lambda u: u.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda u: np.rot90(u, -1),
}


@pytest.fixture(scope="module")
def picture():
    """uint8 (48, 32, 3): no two of its eight orientations are alike."""
    picture = np.zeros((48, 32, 3), np.uint8)
    picture[:16, :16], picture[:16, 16:], picture[16:, :16] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    return picture


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff", "avif"])
def test_exif_orientations_all_give_the_upright_picture(tmp_path, picture, orientation, extension):
    path = tmp_path / f"photo.{extension}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](picture)))
    stored.save(path, exif=exif, **({"quality": 100} if extension in ("jpg", "avif") else {"lossless": True}))
    image = read_image(path)
    assert image.shape == picture.shape
    assert np.abs(image.astype(int) - picture).mean() < 3  # what JPEG and AVIF lose at the borders of colours


def test_damaged_exif_leaves_the_picture_as_stored(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\x01\x12")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_colour_and_grey_modes(tmp_path, picture):
    image = Image.fromarray(picture)
    for mode, extension in [("RGB", "png"), ("P", "png"), ("L", "png"), ("1", "png"), ("CMYK", "tiff"), ("RGB", "bmp")]:
        converted = image.convert(mode)
        converted.save(tmp_path / f"a.{extension}")
        np.testing.assert_array_equal(read_image(tmp_path / f"a.{extension}"), np.array(converted.convert("RGB")))


def test_transparency_shows_the_background_and_never_hidden_colour(tmp_path):
    rgba = np.full((4, 6, 4), (250, 10, 10, 255), np.uint8)
    rgba[:, :2, 3], rgba[:, 2:4, 3] = 0, 128
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    image = read_image(tmp_path / "rgba.png", background=(0, 0, 200))
    np.testing.assert_array_equal(image[0, 0], (0, 0, 200))
    np.testing.assert_allclose(image[0, 2].astype(int), (125, 5, 105), atol=2)
    np.testing.assert_array_equal(image[0, 5], (250, 10, 10))
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png")[0, 0], (255, 255, 255))


@pytest.mark.parametrize("kind", ["LA", "P", "RGB with a transparent colour", "animated webp"])
def test_transparency_of_other_modes(tmp_path, kind):
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[:, 3:] = (102, 102, 102, 255)  # in the palette of P
    image = Image.fromarray(rgba)
    if kind == "LA":
        image.convert("LA").save(tmp_path / "a.png")
    elif kind == "P":
        image.convert("RGB").convert("P").save(tmp_path / "a.png", transparency=0)
        with Image.open(tmp_path / "a.png") as written:
            assert written.mode == "P"
    elif kind == "animated webp":
        other = Image.new("RGBA", image.size, (1, 2, 3, 255))
        image.save(tmp_path / "a.png", format="WEBP", save_all=True, append_images=[other], lossless=True)
    else:
        image.convert("RGB").save(tmp_path / "a.png", transparency=(0, 0, 0))
    pixels = read_image(tmp_path / "a.png", background=(7, 8, 9))
    np.testing.assert_array_equal(pixels[0, 0], (7, 8, 9))
    np.testing.assert_array_equal(pixels[0, 5], (102, 102, 102))


@pytest.mark.parametrize("extension", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, extension):
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    grey, colour = str(tmp_path / f"grey.{extension}"), str(tmp_path / f"colour.{extension}")
    cv2.imwrite(grey, ramp)
    cv2.imwrite(colour, np.stack([ramp, ramp[::-1], ramp.T], axis=-1))
    expected = np.arange(256).reshape(16, 16)
    np.testing.assert_array_equal(read_image(grey)[..., 0], expected)
    if extension == "png":
        red, green, blue = np.moveaxis(read_image(colour).astype(int), -1, 0)
        for channel, wanted in [(blue, expected), (green, expected[::-1]), (red, expected.T)]:
            assert np.abs(channel - wanted).max() <= 1


@pytest.mark.parametrize("full", [1, 255, 65535])
def test_floats_have_the_scale_that_holds_them(tmp_path, full):
    """Also with what sharpening leaves above, and where there is no number at all."""
    ramp = np.linspace(0, full, 256, dtype=np.float32).reshape(16, 16)
    expected = np.arange(256).reshape(16, 16)
    ramp[0, 0], ramp[-1, -1], ramp[0, 1], ramp[0, 2] = np.nan, full * 1.1, -full, -np.inf
    expected[0, 1:3] = 0
    Image.fromarray(ramp).save(tmp_path / "a.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tiff")[..., 0], expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits(tmp_path, bits):
    """A PNG of few bits a pixel goes from black to white."""
    levels = 1 << bits
    ramp = np.arange(16, dtype=np.uint8).reshape(2, 8) % levels
    rows = np.unpackbits(ramp[..., None], axis=-1)[..., -bits:].reshape(2, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(rows, axis=-1))
    (tmp_path / "a.png").write_bytes(png_file(8, 2, bits, 0, zlib.compress(rows)))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[..., 1], ramp.astype(int) * 255 // (levels - 1))


def test_animations_give_their_first_frame(tmp_path, picture):
    frames = [Image.fromarray(picture), Image.new("RGB", (32, 48), (9, 9, 9))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif"), picture)


def test_content_decides_and_extensions_do_not(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "portrait.wav", format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "portrait.wav"), picture)


@pytest.mark.parametrize(
    "name", ["-dash.png", "with space.png", "quote'\".png", "ünï 肖像.png", "$(echo hi).png", "a%d.png"]
)
def test_odd_file_names(tmp_path, picture, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture).save(tmp_path / name)
    np.testing.assert_array_equal(read_image(name), picture)


def test_a_portrait_of_8000_pixels(tmp_path):
    Image.new("L", (8000, 8000), 77).save(tmp_path / "large.png", compress_level=1)
    image = read_image(tmp_path / "large.png")
    assert image.shape == (8000, 8000, 3)
    assert (image[::999, ::999] == 77).all()


def png_file(width, height, bits=8, kind=2, pixels=None):
    """A PNG of these compressed pixels, or one that announces a size and holds nothing."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels or zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_file(60_000, 60_000))
    with pytest.raises(InputError, match=r"bomb\.png has too many pixels"):
        read_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "gif", "tiff"])
def test_truncated_pictures_are_refused(tmp_path, extension):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = tmp_path / f"cut.{extension}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(InputError, match=r"cut\.\w+ is (damaged|not a picture)"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"Dear diary, this is no picture.\n", "is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "is not a picture"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "seem to be swapped"),
        (b"ID3\x04\0\0\0\0\0\0", "seem to be swapped"),
        (b"\xff\xfb\x90\x64\0\0\0\0", "seem to be swapped"),
        (b"OggS\0\x02", "seem to be swapped"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0", "seem to be swapped"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", "seem to be swapped"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
    ],
)
def test_other_content_is_named_for_what_it_is(tmp_path, content, sentence):
    path = tmp_path / "face.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"face\.png.*{sentence}"):
        read_image(path)


def test_paths_without_a_file(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.png does not exist"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(InputError, match=r"cannot be read|does not exist"):
        read_image(tmp_path / ("n" * 300 + ".png"))
    with pytest.raises(InputError, match=r"cannot be read|does not exist"):
        read_image("nul\0.png")
    with pytest.raises(InputError, match="not a regular file"):
        read_image("/dev/null")


def test_real_portraits_are_read_like_opencv_reads_them(media):
    for path in sorted((media / "portraits").glob("*.jpg")):
        expected = cv2.imread(str(path))[..., ::-1]  # OpenCV applies EXIF too, but no profile
        with Image.open(path) as file:
            profile = file.info.get("icc_profile")
        if profile:
            profiles = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(Image.fromarray(np.ascontiguousarray(expected)), *profiles)
            expected = np.asarray(converted)
        image = read_image(path)
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 1  # the two JPEG decoders differ in rounding


def test_picture_arrays(picture):
    assert check_image_array(picture) is picture
    wrong = [picture / 255, picture[..., :1], picture[..., 0], picture.transpose(2, 0, 1), picture[:0], picture[None]]
    for array in wrong:
        with pytest.raises(InputError, match=r"uint8 RGB of shape \(H, W, 3\)"):
            check_image_array(array)
    with pytest.raises(InputError, match="not list"):
        check_image_array(picture.tolist())


STARTS = [
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x04\0\0\0\x04\x08\x06\0\0\0",
    b"\xff\xd8\xff\xe1\0\x20Exif\0\0MM\0*\0\0\0\x08",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    b"GIF89a\x04\0\x04\0\xf7\0\0",
    b"RIFF\x40\0\0\0WEBPVP8L",
    b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"P6 4 4 255\n",
    b"\0\0\1\0\1\0\x04\x04",
    b"\0\0\0\x20ftypavif\0\0\0\0",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=120))
def test_random_bytes_behind_real_headers_give_a_picture_or_an_input_error(tmp_path, start, rest):
    path = tmp_path / "fuzz.png"
    path.write_bytes(start + rest)
    try:
        check_image_array(read_image(path))
    except InputError as error:
        assert "fuzz.png" in str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF"]),
    changes=st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_pictures_give_a_picture_or_an_input_error(tmp_path, kind, changes):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((8, 8)).convert("RGB").save(file, format=kind)
    data = bytearray(file.getvalue())
    for position, value in changes:
        data[position % len(data)] = value
    (tmp_path / "fuzz.png").write_bytes(data)
    try:
        check_image_array(read_image(tmp_path / "fuzz.png"))
    except InputError as error:
        assert "fuzz.png" in str(error)


def test_pictures_of_pillow_that_cannot_be_read_are_refused_in_a_sentence(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    closed = Image.open(tmp_path / "a.png")
    closed.close()
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:-40])
    with Image.open(tmp_path / "cut.png") as damaged:
        for image in (closed, damaged):
            with pytest.raises(InputError, match=r"^The portrait cannot be read by Pillow \(.+\)\.$"):
                picture_of(image, "the portrait")


def test_premultiplied_grey_of_pillow():
    image = Image.new("LA", (4, 4), (200, 128))
    expected, _ = picture_of(image, "the picture")
    premultiplied, _ = picture_of(image.convert("La"), "the picture")
    np.testing.assert_allclose(premultiplied.astype(int), expected, atol=2)
