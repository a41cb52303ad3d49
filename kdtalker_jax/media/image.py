"""Pictures in: any common picture file becomes uint8 RGB, upright and opaque."""

import os
import struct
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.files import input_file, looks_like_heic, looks_like_recording
from kdtalker_jax.media.metadata import without_metadata
from kdtalker_jax.media.profiles import png_profile, to_srgb

Picture = str | os.PathLike[str] | Image.Image | np.ndarray

# Only formats with a decoder of their own: Pillow hands others (EPS) to outside programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "MPO", "AVIF", "JPEG2000", "PPM", "ICO")
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")  # grey of more than 8 bits
_OVERSHOOT = 1.25  # sharpening leaves floats a little above their full scale
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | os.PathLike[str], background: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """Read a picture as people see it.

    EXIF rotation is applied, colours are converted to sRGB, transparency is composited on `background`, 16-bit values
    are scaled to 8 bits, floats by the least of 1, 255 and 65535 that holds them, and of an animation the first frame
    is taken.

    Args:
        path: a picture of any common format, whatever its extension.
        background: RGB colour, 0..255, shown where the picture is transparent.

    Returns:
        uint8 RGB of shape (H, W, 3).

    Raises:
        InputError: the file is missing, empty, damaged, too large (beyond 178 megapixels) or not a picture.
    """
    path = input_file(path, "picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata, and on sizes below its hard limit
            return _read(path, background)
    except Image.DecompressionBombError as error:
        raise InputError(f"The picture {path} has too many pixels to be read safely; make it smaller.") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(_why_not_a_picture(path)) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on damaged data with errors of every kind
        raise InputError(f"The picture {path} is damaged or cut short; save it again as PNG or JPEG.") from error


def picture_of(image: Picture, name: str) -> tuple[np.ndarray, str]:
    """A picture in any form that callers have it in, as uint8 RGB (H, W, 3), and what errors call it.

    Args:
        image: path, picture of Pillow (upright, in sRGB and on white as `read_image` makes files), or such an array.
        name: of one that is no file.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(image), str(image)
    if isinstance(image, Image.Image):
        try:
            pixels = _pixels(image, (255, 255, 255))
        except MemoryError:
            raise
        except Exception as error:  # Pillow reads a file when its pixels are asked for: it may be closed, or damaged
            reason = str(error) or type(error).__name__
            raise InputError(f"{name[:1].upper()}{name[1:]} cannot be read by Pillow ({reason}).") from error
        return check_image_array(pixels), name
    return check_image_array(image), name


def alpha_of(image: Picture) -> np.ndarray | None:
    """How opaque a picture is, uint8 (H, W) upright as `picture_of` has it; None: everywhere, or an array.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(image, np.ndarray) or not _has_alpha(image):
        return None
    read = _pixels if isinstance(image, Image.Image) else read_image
    white, black = (read(image, colour)[..., 1].astype(np.int16) for colour in ((255, 255, 255), (0, 0, 0)))
    alpha = (255 - np.clip(white - black, 0, 255)).astype(np.uint8)
    return None if alpha.min() == 255 else alpha


def _has_alpha(image: str | os.PathLike[str] | Image.Image) -> bool:
    """Without reading the pixels of a file."""
    if isinstance(image, Image.Image):
        return image.has_transparency_data
    try:
        with warnings.catch_warnings(), input_file(image, "picture").open("rb") as file:
            warnings.simplefilter("ignore")
            Image.init()
            with Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN]) as opened:
                return opened.has_transparency_data
    except InputError:
        raise
    except Exception:  # metadata, or damage of which `read_image` says more
        return False


def check_image_array(image: np.ndarray) -> np.ndarray:
    """Return `image` if it is a picture as `read_image` gives them: uint8 RGB of shape (H, W, 3).

    Raises:
        InputError: it has another type, shape or range.
    """
    if not isinstance(image, np.ndarray):
        raise InputError(
            "A picture must be a path, a picture of Pillow or a uint8 array of shape (H, W, 3), not "
            f"{type(image).__name__}."
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
        raise InputError(
            f"A picture array must be uint8 RGB of shape (H, W, 3); this one is {image.dtype} of shape {image.shape}."
        )
    return image


def _read(path: Path, background: tuple[int, int, int]) -> np.ndarray:
    with path.open("rb") as file:
        try:
            return _decode(file, background)
        except (MemoryError, Image.DecompressionBombError):
            raise
        except Exception:  # perhaps for the sake of metadata, which is no reason to refuse a picture
            bare = without_metadata(file)
            if bare is None:
                raise
        return _decode(bare[0], background, bare[1])


def _decode(file: BinaryIO, background: tuple[int, int, int], profile: bytes | None = None) -> np.ndarray:
    """`profile`: of the colours, if not in the file."""
    file.seek(0)
    Image.init()  # loads all decoders, so that OPEN lists those of this installation
    with Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN]) as image:
        image.load()
        return _upright(_to_rgb(image, background, profile or image.info.get("icc_profile")), _orientation(image))


def _pixels(image: Image.Image, background: tuple[int, int, int]) -> np.ndarray:
    """Of a picture of Pillow, upright."""
    return _upright(_to_rgb(image, background, image.info.get("icc_profile")), _orientation(image))


def _to_rgb(image: Image.Image, background: tuple[int, int, int], profile: bytes | None) -> np.ndarray:
    """Pixels of any mode as uint8 sRGB (H, W, 3)."""
    if image.mode == "La":  # which Pillow converts to nothing else
        image = image.convert("LA")
    info, colours = image.info, _opaque(image)
    if image.mode == "LAB":
        profile = None  # what it says has been heeded: such a profile is about the device that the picture is not for
    elif not profile and image.format == "PNG" and (profile := png_profile(info)):
        colours = colours.convert("RGB")
    shown = to_srgb(colours, profile)
    if image.mode not in _DEEP and image.has_transparency_data:
        rgba = image.convert("RGBA")
        if shown is not colours:
            shown.putalpha(rgba.getchannel("A"))
            rgba = shown
        shown = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), rgba)
    return np.array(shown.convert("RGB"))


def _opaque(image: Image.Image) -> Image.Image:
    """L, CMYK or RGB of any mode."""
    if image.mode in _DEEP:
        return Image.fromarray(_eight_bits(np.asarray(image)))
    return image if image.mode == "CMYK" else image.convert("L" if image.mode in ("L", "LA") else "RGB")


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Grey (H, W) of 16 bits or of floats as uint8, where Pillow itself would clip at 255."""
    if grey.dtype.kind != "f":
        return ((np.clip(grey, 0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)
    grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    full = next((full for full in (1, 255) if grey.max() <= _OVERSHOOT * full), 65535)
    return np.clip(grey * (255 / full) + 0.5, 0, 255).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_EXIF_ORIENTATION, 1)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return 1  # damaged metadata is no reason to refuse the picture


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation not in _UPRIGHT:
        return pixels
    return np.array(Image.fromarray(pixels).transpose(_UPRIGHT[orientation]))


def _why_not_a_picture(path: os.PathLike[str]) -> str:
    if looks_like_heic(path):
        return f"The picture {path} is a HEIC photo, which cannot be read; export it as JPEG or PNG."
    if looks_like_recording(path):
        return f"{path} is a recording, not a picture; the picture and the recording seem to be swapped."
    return f"{path} is not a picture of a format that can be read; use PNG, JPEG or WebP."
