"""Follow one face through a clip, and cut it out by a square that stays where it is.

A square that followed the head would take its motion away and give it the detector's jitter instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from kdtalker_jax.errors import InputError, NoFaceError
from kdtalker_jax.faces.detector import Box, FaceDetector, find_landmarks
from kdtalker_jax.faces.geometry import face_square
from kdtalker_jax.faces.resizing import rescale

LONGEST_SIDE = 480  # pixels of the copy that the detector sees; it finds faces of 40 pixels
_BORDER = 0.25  # of the copy's longest side, for faces that the picture's edge cuts off
_SAME_FACE = 0.2  # least intersection over union of a face with itself a moment later
_OUTLIERS = 5  # per cent of squares on either side that the union need not hold
_WIDEST = 2.0  # times the face's own square; beyond, the face would be small and its picture coarse


@dataclass
class Track:
    """One face: the frames that it was found in, its boxes there and the squares around it."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    squares: list[Box] = field(default_factory=list)


def steady_square(frames: Iterable[np.ndarray], detector: FaceDetector, every: int, most_missing: float) -> Box:
    """Return the square that holds a clip's main face from beginning to end.

    The main face is the one seen most often, of several such the largest. Its square is the union of those that
    would be cut from single frames (`faces.geometry.face_square`), as a portrait is cut for inference; where
    the face is hidden for a while, it is thought to be where it was.

    Args:
        frames: uint8 (H, W, 3) each, all of one size; read once.
        detector: finds faces and landmarks.
        every: look at every so many frames.
        most_missing: part of these frames, 0 to 1, that may be without the face.

    Returns:
        A square in pixels, which may reach over the picture's edge.

    Raises:
        NoFaceError: there is no face, it is missing too often, or it wanders too far for one square.
    """
    looked, tracks = 0, []
    for index, frame in enumerate(frames):
        if index % every == 0:
            looked += 1
            _extend(tracks, index, frame, detector)
    if not tracks:
        raise NoFaceError("There is no face in any frame.")
    track = max(tracks, key=lambda track: (len(track.frames), np.mean([box.width for box in track.boxes])))
    missing = 1 - len(track.frames) / looked
    if missing > most_missing:
        raise NoFaceError(f"There is no face, or another one, in {missing:.0%} of the frames.")
    return _union(track.squares)


def check_seen(seen: np.ndarray, most_missing: float) -> None:
    """Of frames (F,) bool that a renderer's own network has looked at: which show a face.

    Raises:
        NoFaceError: none does, or more than that part of them, 0 to 1, does not.
    """
    if not seen.any():
        raise NoFaceError("There is no face in any frame.")
    missing = np.mean(~seen)
    if missing > most_missing:
        raise NoFaceError(f"There is no face in {missing:.0%} of the frames.")


def face_share(frames: Iterable[np.ndarray], detector: FaceDetector) -> float | None:
    """How wide the largest face's box is, of the picture's shorter side: the median over frames, uint8 (H, W, 3).

    None where no face is found, or dlib is not installed.
    """
    try:
        found = [(detect(frame, detector), min(frame.shape[:2])) for frame in frames]
    except InputError:
        return None
    shares = [max(box.width for box in boxes) / side for boxes, side in found if boxes]
    return float(np.median(shares)) if shares else None


def _extend(tracks: list[Track], index: int, frame: np.ndarray, detector: FaceDetector) -> None:
    """Add each face of a frame to the track whose last box it overlaps most, or else begin a track with it."""
    for box in detect(frame, detector):
        try:
            square = face_square(find_landmarks(frame, box, detector))
        except NoFaceError:
            continue
        open_tracks = [track for track in tracks if track.frames[-1] != index]
        track = max(open_tracks, key=lambda track: overlap(track.boxes[-1], box), default=None)
        if track is None or overlap(track.boxes[-1], box) < _SAME_FACE:
            track = Track()
            tracks.append(track)
        track.frames.append(index)
        track.boxes.append(box)
        track.squares.append(square)


def detect(frame: np.ndarray, detector: FaceDetector) -> list[Box]:
    """The faces of a frame (H, W, 3): on a copy of bounded size, and if there are none, with a border around it."""
    scale = min(1.0, LONGEST_SIDE / max(frame.shape[:2]))
    copy = rescale(frame, scale)
    for border in (0, round(_BORDER * max(copy.shape[:2]))):
        bordered = cv2.copyMakeBorder(copy, border, border, border, border, cv2.BORDER_REPLICATE)
        if boxes := detector.detect(bordered):
            return [box.moved(-border, -border).scaled(1 / scale) for box in boxes]
    return []


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    common = max(width, 0) * max(height, 0)
    return common / (a.width * a.height + b.width * b.height - common)


def _union(squares: list[Box]) -> Box:
    """The square around all squares but the outermost few."""
    sides = np.array(squares)  # (n, 4) left, top, right, bottom
    low = np.percentile(sides[:, :2], _OUTLIERS, axis=0)  # (2,)
    high = np.percentile(sides[:, 2:], 100 - _OUTLIERS, axis=0)
    side = max(high - low)
    usual = np.median(sides[:, 2] - sides[:, 0])
    if side > _WIDEST * usual:
        raise NoFaceError(f"The face moves over {side / usual:.1f} times its own square: cut the clip into parts.")
    left, top = (round(corner) for corner in (low + high - side) / 2)
    return Box(left, top, left + round(side), top + round(side))
