"""A driver out of a video or a picture: the face is found in every frame, cut by one box, and its motion extracted.

One box for the whole video, because one that followed the head would take its motion away. Frames are read twice, one
at a time: for the box, and for the motion.
"""

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.choices import CropMode
from kdtalker_jax.data.tracking import detect, overlap
from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.errors import InputError, NoFaceError, made_by_network
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box, FaceDetector, find_faces, find_landmarks, largest_first
from kdtalker_jax.faces.geometry import enclosing_square
from kdtalker_jax.faces.openings import eye_openings, lip_openings
from kdtalker_jax.faces.oriented import fit_face, mean_box
from kdtalker_jax.media.animations import is_still
from kdtalker_jax.media.files import input_file, looks_like_picture
from kdtalker_jax.media.frames import exact_rate, read_frames, sound_start
from kdtalker_jax.media.image import read_image
from kdtalker_jax.observing import observed
from kdtalker_jax.renderers.protocol import Renderer
from kdtalker_jax.sources.driver import DEFAULT_RATE, Driver
from kdtalker_jax.sources.templates import SUFFIXES, read_template
from kdtalker_jax.spaces.keypoints import Coefficients, Motion
from kdtalker_jax.streams import progress_bar

# The published cut of a driver, which is made by landmarks of the same extent: from the brows to the chin.
SCALE, SHIFT = 2.2, (0.0, -0.1)
HIGHEST_RATE = Fraction(60)  # of what is looked at: faces move no faster, and each frame costs a network
_GONE_AFTER = 5  # frames without a face, from where on it may come back elsewhere
_SAME_FACE = 0.1  # least intersection over union of a face with itself a frame later

Reader = Callable[[], Iterable[np.ndarray]]  # of frames uint8 (H, W, 3), as often as it is called


def check_driver(path: str | os.PathLike[str]) -> None:
    """Reads what of a driver can be read at once, without a model. Raises InputError as `read_driver`."""
    path = input_file(path, "driver")
    if path.suffix.lower() in SUFFIXES:
        read_template(path)
    elif is_still(path):
        read_image(path)
    else:
        exact_rate(path)


def read_driver(
    path: str | os.PathLike[str],
    renderer: Renderer,
    params: Any,
    detector: FaceDetector,
    *,
    driving_crop: CropMode = "square",
    driving_face_index: int | None = None,
    progress: bool = False,
) -> Driver:
    """The motion of a face in a video, a picture or a template.

    Args:
        path: a video of any rate (above 60 frames a second, 60 are looked at), such as a GIF, a picture, or a
            template (`.pkl`, `.npz`; see `read_template`).
        renderer: whose motion extractor is used. params: of its parts.
        detector: finds the face. A frame without it has the motion of the one before, and is counted.
        driving_crop: "square", or "none" where the frames are already cut to the face; nothing is then looked for, and
            how far eyes and lips are open is not known.
        driving_face_index: which of several faces of the first frame that has some, 0 the largest.
        progress: show a bar.

    Raises:
        InputError: an unreadable file, no such face, a model that is not moved by heads. NoFaceError: no face at all.
        DamagedModelError: the network gives motion that cannot be.
    """
    path = input_file(path, "driver")
    if path.suffix.lower() in SUFFIXES:
        driver = read_template(path)
        renderer.takes.check(driver.motion)
        return driver
    if renderer.takes.motion is not Motion:
        raise InputError(f"This model is moved by {renderer.takes.name}, which are not seen in a video.")
    if driving_crop not in ("square", "none"):
        raise InputError(f'`driving_crop` must be "square" or "none", not {driving_crop!r}.')
    still = is_still(path)
    if still:
        image, rate = read_image(path), DEFAULT_RATE
        frames: Reader = lambda: [image]  # noqa: E731
    else:
        rate = min(exact_rate(path), HIGHEST_RATE)
        start = sound_of(path) or 0.0  # so that the motion stays with the sound
        frames = lambda: read_frames(path, start, rate=rate)  # noqa: E731
    size = renderer.picture_size
    if driving_crop == "none":
        cuts = (cut_square(frame, enclosing_square(*frame.shape[:2]), size) for frame in frames())
        motion, canonical = extracted(cuts, renderer, params, "Driver", progress)
        return Driver(motion, rate, None, canonical)
    look = find_faces if still else detect
    bar = progress_bar(frames(), "Finding the face", unit="frame", show=progress)
    seen = follow(bar, detector, f"the driver {path.name}", driving_face_index, "driving_", look=look)
    cuts = (cut_square(frame, seen.box, size) for frame in frames())
    motion, canonical = extracted(cuts, renderer, params, "Driver", progress)
    motion, canonical, openings = seen.held_over(motion, canonical)
    seen.tell(path.name)
    return Driver(motion, rate, openings, canonical, seen.held)


@dataclass
class Seen:
    """A face through a video.

    Attributes:
        found: whether each frame shows it. landmarks: float32 (68, 2), of those that do.
    """

    found: list[bool] = field(default_factory=list)
    landmarks: list[np.ndarray] = field(default_factory=list)

    @property
    def box(self) -> Box:
        """The mean of the squares that a driver is cut by, a square."""
        squares = [fit_face(points, scale=SCALE, shift=SHIFT).box() for points in self.landmarks]
        left, top, right, bottom = mean_box(np.stack(squares))
        side = max(round(right - left), 1)
        left, top = round((left + right - side) / 2), round((top + bottom - side) / 2)
        return Box(left, top, left + side, top + side)

    @property
    def held(self) -> int:
        """How many frames do not show it."""
        return len(self.found) - len(self.landmarks)

    @property
    def last(self) -> np.ndarray:
        """For each frame the last one that shows the face, or the first that does. (T,)."""
        last = np.maximum.accumulate(np.where(self.found, np.arange(len(self.found)), -1))
        return np.where(last < 0, self.found.index(True), last)

    @property
    def points(self) -> np.ndarray:
        """(T, 68, 2): of the `last` frame that shows the face."""
        return np.stack(self.landmarks)[np.cumsum(self.found)[self.last] - 1]

    def held_over(self, motion: Motion, canonical: np.ndarray) -> tuple[Motion, np.ndarray, Openings]:
        """What was extracted of all frames, with that of the last frame that shows the face where one does not."""
        last, points = self.last[: len(motion)], self.points[: len(motion)].astype(np.float64)
        openings = Openings(eye_openings(points), lip_openings(points))
        return Motion.from_vector(motion.to_vector()[last]), canonical[last], openings

    def tell(self, name: str, become: str = "they have the motion of the frame before") -> None:
        """Warns of frames that do not show it, and what becomes of them."""
        if self.held:
            warnings.warn(
                f"The face is not seen in {self.held} of {len(self.found)} frames of {name}: {become}.",
                stacklevel=3,
            )


def follow(
    frames: Iterable[np.ndarray],
    detector: FaceDetector,
    name: str,
    face_index: int | None = None,
    prefix: str = "driving_",
    *,
    cut_too: bool = True,
    elsewhere: bool = False,
    look: Callable[[np.ndarray, FaceDetector], list[Box]] = detect,
) -> Seen:
    """One face through a video: the one chosen where faces are first seen, then whichever lies where it was.

    Args:
        name: what messages call the video. prefix: of the arguments that they name, as in `driving_face_index`.
        cut_too: whether there is one for videos that are cut to the face already.
        elsewhere: whether it may come back where it was not, as after a change of the camera: once some frames have
            not shown it, it is the face nearest to where it was.

    Raises:
        NoFaceError: there is none. InputError: there is no such one.
    """
    seen, last, missed = Seen(), None, 0
    for frame in frames:
        boxes = largest_first(look(frame, detector))
        anywhere = elsewhere and missed >= _GONE_AFTER
        box = _chosen(boxes, face_index, name, prefix) if last is None else _nearest(boxes, last, anywhere)
        try:
            points = None if box is None else find_landmarks(frame, box, detector)
        except NoFaceError:
            points = None
        seen.found.append(points is not None)
        missed = 0 if points is not None else missed + 1
        if points is not None:
            last = box
            seen.landmarks.append(points.astype(np.float32))
    if last is None:
        otherwise = f', or use `{prefix}crop="none"` if it is already cut to the face' * cut_too
        raise NoFaceError(f"No face was found in {name}: take one that shows a face from the front{otherwise}.")
    return seen


def _chosen(boxes: list[Box], face_index: int | None, name: str, prefix: str) -> Box | None:
    """Of the first frame that has faces."""
    if not boxes:
        return None
    if face_index is not None and face_index >= len(boxes):
        raise InputError(
            f"There is no face {face_index} in {name}; faces found: {len(boxes)}, counted from 0, the largest."
        )
    if face_index is None and len(boxes) > 1:
        warnings.warn(
            f"There are {len(boxes)} faces in {name}: the largest is followed, unless `{prefix}face_index` names "
            "another.",
            stacklevel=4,
        )
    return boxes[face_index or 0]


def _nearest(boxes: list[Box], last: Box, anywhere: bool) -> Box | None:
    """The face that was there before; None where what is seen is elsewhere, unless it may be `anywhere`."""
    if anywhere:
        return min(boxes, key=lambda box: np.abs(np.subtract(box, last)).sum(), default=None)
    box = max(boxes, key=lambda box: overlap(last, box), default=None)
    return box if box is not None and overlap(last, box) >= _SAME_FACE else None


def extracted(
    cuts: Iterable[np.ndarray], renderer: Renderer, params: Any, what: str, progress: bool
) -> tuple[Motion, np.ndarray]:
    """The motion of pictures cut to the face, uint8 (S, S, 3), and their canonical keypoints (T, 3 K).

    Raises:
        InputError: there are no frames. DamagedModelError: the network gives motion that cannot be.
    """
    seen = observed(renderer, params, progress_bar(cuts, what, unit="frame", show=progress))
    return made_by_network(Motion, **{name: seen[name] for name in Coefficients._fields}), seen["kp"]


def sound_of(path: str | os.PathLike[str]) -> float | None:
    """Where on its clock a driver's own sound begins, in seconds; None: it has none."""
    path = Path(path)
    if path.suffix.lower() in SUFFIXES or looks_like_picture(path):
        return None
    try:
        return sound_start(path)
    except InputError:
        return None
