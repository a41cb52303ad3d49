"""Colours of pictures: through the profile that comes with a picture to sRGB."""

import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageCms

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of pictures, by the colour space of a profile
_DEVICES = {"scnr", "mntr", "prtr", "spac"}  # classes of profiles that say what the numbers of a picture mean
# Little CMS would replace curves by coarse tables, nine levels off in the dark; those of four inks take it too long.
_HOW = {"RGB": ImageCms.Flags.NOOPTIMIZE, "L": ImageCms.Flags.NOOPTIMIZE, "CMYK": ImageCms.Flags.HIGHRESPRECALC}
_SAME = 2  # levels: a profile that changes no colour by more is sRGB's, rounded in somebody's way

_CHROMATICITY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # of sRGB: x, y of white, red, green and blue
_GAMMA = 0.45455  # what programs write into a PNG for the curve of sRGB
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture of mode L, RGB or CMYK from the colours of an ICC profile to sRGB.

    Returns:
        RGB; or `image` itself where the profile is missing, damaged, sRGB's, or one for other kinds of pictures.
    """
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip(), "")
        if mode != image.mode or source.profile.device_class.strip() not in _DEVICES:
            return image
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL, _HOW[mode]
        )
        return image if _changes_nothing(transform, mode) else ImageCms.applyTransform(image, transform)
    except MemoryError:
        raise
    except Exception:
        return image


def png_profile(info: Mapping[str, Any]) -> bytes | None:
    """The profile that the fields gAMA and cHRM of a PNG amount to; None: they say sRGB, nothing, or nonsense.

    Args:
        info: of Pillow's image.
    """
    if "srgb" in info or not ("gamma" in info or "chromaticity" in info):
        return None
    gamma = info.get("gamma", _GAMMA)
    try:
        return matrix_profile(
            info.get("chromaticity", _CHROMATICITY), None if abs(gamma - _GAMMA) < 0.005 else 1 / gamma
        )
    except (ArithmeticError, ValueError, TypeError, struct.error, np.linalg.LinAlgError):
        return None


def matrix_profile(chromaticity: tuple[float, ...], gamma: float | None) -> bytes:
    """An ICC profile of three primaries and one curve.

    Args:
        chromaticity: x, y of white, red, green and blue.
        gamma: light is the value to this power; None: the curve of sRGB.

    Raises:
        ArithmeticError, LinAlgError, struct.error: there are no such colours.
    """
    x, y = np.array(chromaticity, np.float64).reshape(4, 2).T
    with np.errstate(all="raise"):
        white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=-1)  # (3,) each: XYZ
        primaries = np.stack(primaries, axis=-1)
        to_xyz = primaries * np.linalg.solve(primaries, white)
        cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
        to_d50 = np.linalg.inv(_BRADFORD) @ (cones[:, None] * _BRADFORD) @ to_xyz

    numbers = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)) if gamma is None else (0, (gamma,))
    curve = struct.pack(">4sIHH", b"para", 0, numbers[0], 0) + _fixed(*numbers[1])
    tags = {
        name: struct.pack(">4sI", b"XYZ ", 0) + _fixed(*column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt"), (*to_d50.T, _D50), strict=True)
    }
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(data), 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    header += _fixed(*_D50) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + data


def _fixed(*numbers: float) -> bytes:
    """ICC's s15Fixed16Number."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    steps = np.arange(0, 256, 1 if mode == "L" else 15, np.uint8)
    colours = np.stack(np.meshgrid(*[steps] * len(mode)), axis=-1).reshape(1, -1, len(mode))  # (1, colours, channels)
    probe = Image.fromarray(colours.squeeze(-1) if mode == "L" else colours)
    shown = np.asarray(ImageCms.applyTransform(probe, transform)).astype(int)  # (1, colours, 3)
    return np.abs(shown - colours).max() <= _SAME
