"""Pictures that move: GIF, WebP, PNG and AVIF of several frames are videos, as far as ffmpeg reads them so."""

import warnings
from itertools import islice
from pathlib import Path

from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.files import looks_like_picture
from kdtalker_jax.media.frames import exact_rate, read_frames

_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")  # a second picture in other formats, such as of phones' JPEG, is no movement


def is_still(path: Path) -> bool:
    """Whether a file is one picture, so that `read_image` shows all of it; warns where it shows the first of several.

    Which animations ffmpeg reads depends on its version.
    """
    if not looks_like_picture(path):
        return False
    if _pictures(path) < 2:
        return True
    try:
        if len(list(islice(read_frames(path, rate=exact_rate(path)), 2))) == 2:
            return False
    except InputError:
        pass
    warnings.warn(f"Of the animation {path} the first picture is taken: save it as mp4 for all of them.", stacklevel=1)
    return True


def _pictures(path: Path) -> int:
    """How many there are in a file; 1 where that cannot be told."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            Image.init()
            with Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN]) as opened:
                return getattr(opened, "n_frames", 1)
    except MemoryError:
        raise
    except Exception:  # another format, or damage of which `read_image` says more
        return 1
