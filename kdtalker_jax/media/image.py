"""Pictures in: any common picture file becomes uint8 RGB, upright and opaque."""

import os
import struct
import warnings

import numpy as np
from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.files import input_file, looks_like_heic, looks_like_recording

# Only formats with a decoder of their own: Pillow hands others (EPS) to outside programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "MPO", "AVIF", "JPEG2000", "PPM", "ICO")
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

    EXIF rotation is applied, transparency is composited on `background`, 16-bit values are scaled to 8 bits, and of
    an animation the first frame is taken.

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
            Image.init()  # loads all decoders, so that OPEN lists those of this installation
            with Image.open(path, formats=[name for name in _FORMATS if name in Image.OPEN]) as image:
                image.load()
                return _upright(_to_rgb(image, background), _orientation(image))
    except Image.DecompressionBombError as error:
        raise InputError(f"The picture {path} has too many pixels to be read safely; make it smaller.") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(_why_not_a_picture(path)) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders fail on damaged data with errors of every kind
        raise InputError(f"The picture {path} is damaged or cut short; save it again as PNG or JPEG.") from error


def check_image_array(image: np.ndarray) -> np.ndarray:
    """Return `image` if it is a picture as `read_image` gives them: uint8 RGB of shape (H, W, 3).

    Raises:
        InputError: it has another type, shape or range.
    """
    if not isinstance(image, np.ndarray):
        raise InputError(f"A picture must be a path or a uint8 array of shape (H, W, 3), not {type(image).__name__}.")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or image.size == 0:
        raise InputError(
            f"A picture array must be uint8 RGB of shape (H, W, 3); this one is {image.dtype} of shape {image.shape}."
        )
    return image


def _to_rgb(image: Image.Image, background: tuple[int, int, int]) -> np.ndarray:
    """Pixels of any mode as uint8 RGB (H, W, 3)."""
    if image.mode == "I" or image.mode.startswith("I;16"):  # 16-bit grey, which Pillow itself would clip at 255
        grey = (np.clip(np.asarray(image), 0, 65535).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image)
    return np.array(image.convert("RGB"))


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
