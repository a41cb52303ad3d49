"""Cut the face out of a portrait: into a true square, as published (`legacy`), or not at all (`none`)."""

from dataclasses import dataclass

import cv2
import numpy as np

from kdtalker_jax.choices import CropMode, check_crop_mode
from kdtalker_jax.errors import InputError, NoFaceError
from kdtalker_jax.faces.detector import Box, FaceDetector, find_faces, find_landmarks, largest_first
from kdtalker_jax.faces.geometry import enclosing_square, face_square, legacy_cut
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.image import check_image_array


@dataclass(frozen=True)
class Crop:
    """A portrait cut to the face.

    Attributes:
        image: uint8 (size, size, 3).
        region: what `image` shows, in pixels of the original picture, right and bottom not included. It may reach over
            the picture's edge (`square`, `none`) and need not be a square (`legacy`).
        landmarks: float64 (68, 2), x and y in pixels of the original picture; None where no face was looked for.
        box: the face as the detector saw it; None where no face was looked for.
        faces: how many faces were found.
    """

    image: np.ndarray
    region: Box
    landmarks: np.ndarray | None = None
    box: Box | None = None
    faces: int = 0


def crop_portrait(
    image: np.ndarray,
    mode: CropMode,
    detector: FaceDetector,
    face_index: int | None = None,
    *,
    size: int = 256,
    name: str = "the picture",
) -> Crop:
    """Cut the face out of a portrait.

    Args:
        image: uint8 (H, W, 3), upright.
        mode: `square` is the upright square around the face; where it leaves the picture, the picture's edge is
            continued softly. `legacy` is the published cut, bit for bit: the same square, but clamped to the picture
            and then squeezed. `none` takes the whole picture, and needs neither a face nor dlib; one that is not square
            is continued to a square.
        detector: finds the face and its landmarks.
        face_index: which face, from 0, the largest, on by falling size. Without it `square` takes the largest
            face and `legacy`, as published, the one that dlib is surest of.
        size: height and width of the result.
        name: what messages call the picture, such as its file name.

    Raises:
        NoFaceError: no face was found.
        InputError: there is no face of that index, or `image` or `mode` is not as said above.
        CheckpointError: the landmark predictor is missing or damaged.
    """
    check_image_array(image)
    check_crop_mode(mode, face_index)
    if mode == "none":
        region = enclosing_square(*image.shape[:2])
        return Crop(cut_square(image, region, size), region)

    boxes = detector.detect(image) if mode == "legacy" else find_faces(image, detector)
    box = _choose(boxes, face_index, name)
    if mode == "legacy":
        landmarks = detector.landmarks(image, box)  # (68, 2)
        cut, region = _cut_legacy(image, landmarks, size)
    else:
        landmarks = find_landmarks(image, box, detector)  # (68, 2)
        region = face_square(landmarks)
        cut = cut_square(image, region, size)
    return Crop(cut, region, landmarks, box, len(boxes))


def _choose(boxes: list[Box], face_index: int | None, name: str) -> Box:
    if not boxes:
        raise NoFaceError(
            f"No face was found in {name}: take a picture that shows a face from the front, "
            'or use `crop="none"` if it is already cut to the face.'
        )
    if face_index is None:
        return boxes[0]
    if not 0 <= face_index < len(boxes):
        raise InputError(
            f"There is no face {face_index} in {name}; faces found: {len(boxes)}, counted from 0, the largest."
        )
    return largest_first(boxes)[face_index]


def cut_square(image: np.ndarray, region: Box, size: int) -> np.ndarray:
    """Return the square `region` of `image` as uint8 (size, size, 3); beyond the picture its edge runs on and blurs."""
    inside = image[max(region.top, 0) : max(region.bottom, 0), max(region.left, 0) : max(region.right, 0)]
    scale = size / region.width
    height, width = (max(round(side * scale), 1) for side in inside.shape[:2])
    above = min(round(max(-region.top, 0) * scale), size - height)
    left = min(round(max(-region.left, 0) * scale), size - width)
    below, right = size - height - above, size - width - left
    cut = cv2.copyMakeBorder(resize(inside, height, width), above, below, left, right, cv2.BORDER_REPLICATE)
    if (height, width) == (size, size):
        return cut

    # A mirrored border would show a second head above one that touches the edge, and this one alone stripes.
    beyond = np.ones((size, size), np.uint8)
    beyond[above : above + height, left : left + width] = 0
    distance = cv2.distanceTransform(beyond, cv2.DIST_L2, 5)[..., None]  # (size, size, 1) pixels from the picture
    blur = np.minimum(distance / (size / 16), 1)
    blurred = cv2.GaussianBlur(cut, (0, 0), size / 32)  # (size, size, 3)
    return np.rint(cut * (1 - blur) + blurred * blur).astype(np.uint8)


def _cut_legacy(image: np.ndarray, landmarks: np.ndarray, size: int) -> tuple[np.ndarray, Box]:
    """Return the published cut, uint8 (size, size, 3), and the region of `image` that it shows."""
    shrink, crop, face = legacy_cut(landmarks, *image.shape[:2])
    if shrink > 1:
        height, width = (round(side / shrink) for side in image.shape[:2])
        image = cv2.resize(image, (width, height))
    left, top, right, bottom = (int(side) for side in face)
    cut = image[crop.top : crop.bottom, crop.left : crop.right][top:bottom, left:right]
    region = Box(left, top, left + cut.shape[1], top + cut.shape[0]).moved(crop.left, crop.top).scaled(shrink)
    return cv2.resize(cut, (size, size)), region
