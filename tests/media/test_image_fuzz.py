"""Pictures of any mode, format, depth, profile, transparency and orientation, against the formulas of their colours."""

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from kdtalker_jax.media.image import read_image

LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}}
LOSSY = {"JPEG": {"quality": 100, "subsampling": 0}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}
STORED = {  # how a camera stores the upright picture u
    1: lambda u: u,
    2: lambda u: u[:, ::-1],
    3: lambda u: u[::-1, ::-1],
    4: lambda u: u[::-1],
    6: lambda u: np.rot90(u, 1),
    8: lambda u: np.rot90(u, -1),
}


def on(background, colours, alpha):
    """Colours (H, W, 3) of sRGB before a background, and the part (H, W) of them that is seen."""
    part = alpha[..., None] / 255
    return part * colours + (1 - part) * np.array(background)


@pytest.mark.slow
@settings(
    max_examples=1500, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    mode=st.sampled_from(["RGB", "RGBA", "P", "L", "LA", "I;16", "F"]),
    kind=st.sampled_from([*LOSSLESS, *LOSSY]),
    space=st.sampled_from([None, "sRGB", "Display P3", "Adobe RGB", "ProPhoto", "old Macintosh", "linear"]),
    fits=st.booleans(),
    orientation=st.sampled_from(list(STORED)),
    darkest=st.sampled_from([0, 30, 100]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 10_000),
)
def test_any_picture(tmp_path, spaces, mode, kind, space, fits, orientation, darkest, size, seed):
    """To two levels from what the file holds; what lossy formats lose is not at stake.

    `fits`: whether the profile is for pictures of this mode; one that is not changes nothing.
    """
    if mode in ("I;16", "F"):
        kind = "TIFF" if mode == "F" else "PNG"
    elif kind in ("WEBP", *LOSSY):
        mode = {"L": "RGB", "LA": "RGBA", "P": "RGB"}.get(mode, mode)
        mode = "RGB" if kind == "JPEG" else mode
    rng = np.random.default_rng(seed)
    grey = mode in ("L", "LA", "I;16", "F")
    upright = rng.integers(darkest, 256, (*size, 1 if grey else 3), np.uint8)
    if kind in LOSSY:
        upright[:] = upright[0, 0]
    alpha = rng.choice([0, 128, 255], size).astype(np.uint8) if mode in ("RGBA", "LA") else np.full(size, 255, np.uint8)

    image = store(upright, alpha, mode, orientation)
    profile = None if space is None else spaces[space].profile(grey=grey == fits)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {**LOSSLESS, **LOSSY}[kind]
    image.save(tmp_path / "a", format=kind, exif=exif, **({"icc_profile": profile} if profile else {}), **options)

    colours = np.broadcast_to(upright, (*size, 3)).astype(np.uint8)
    if mode == "P" or kind in LOSSY:
        with (tmp_path / "a").open("rb") as file, Image.open(file) as stored:
            stored.load()  # which turns a TIFF already
            colours = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
    converted = colours if space in (None, "sRGB") or not fits else spaces[space].shown(colours)
    background = (255, 0, 128)
    error = np.abs(read_image(tmp_path / "a", background) - on(background, converted, alpha))
    assert error.max() <= 2.5


def store(upright, alpha, mode, orientation):
    """The picture of a mode as a camera stores it."""
    turn = STORED[orientation]
    pixels, alpha = np.ascontiguousarray(turn(upright)), np.ascontiguousarray(turn(alpha))
    if mode in ("I;16", "F"):
        grey = pixels[..., 0]
        return Image.fromarray(grey.astype(np.uint16) * 257 if mode == "I;16" else grey.astype(np.float32) / 255)
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    if mode == "P":
        return image.quantize(256)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.slow
@settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kind=st.sampled_from(["png", "tiff"]), channels=st.sampled_from([1, 3, 4]), seed=st.integers(0, 10_000))
def test_any_picture_of_16_bits(tmp_path, kind, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 65536, (8, 12, channels), np.uint16)
    if channels == 4:
        pixels[..., 3] = 65535
    path = str(tmp_path / f"a.{kind}")
    assert cv2.imwrite(path, pixels)
    expected = np.broadcast_to(pixels[..., :3][..., ::-1] / 257, (8, 12, 3))
    assert np.abs(read_image(path) - expected).max() <= 1
