"""How far a face's landmarks are from those of a reference, and where they say that its mouth is."""

from typing import NamedTuple

import numpy as np

MOST_MISSING = 0.5  # part of the frames that may be without a face in either video
# iBUG 300-W: outer corners of the eyes, lips, and what bounds the mouth and the jaw below it.
EYES, LIPS = (36, 45), slice(48, 68)
BASE_OF_NOSE, CORNERS_OF_JAW, CHIN = 33, (4, 12), 8
OPEN_JAW = 0.35  # how far below the chin a mouth's box ends, of the chin's distance to the base of the nose


class LandmarkDistance(NamedTuple):
    """LMD as a share of the distance between the outer corners of the reference's eyes, in the same frame."""

    everywhere: float
    lips: float


def landmark_distance(landmarks: np.ndarray, references: np.ndarray) -> LandmarkDistance:
    """Mean distance of landmarks (T, 68, 2) to those of a reference, in the picture; nothing is aligned.

    NaN in a frame means that there is no face; the longer one is cut. Both are NaN where more than half of the frames
    lack a face in one of them.
    """
    frames = min(len(landmarks), len(references))
    landmarks, references = landmarks[:frames], references[:frames]
    eyes = np.linalg.norm(references[:, EYES[0]] - references[:, EYES[1]], axis=-1)  # (frames,)
    share = np.linalg.norm(landmarks - references, axis=-1) / np.where(eyes > 0, eyes, np.nan)[:, None]
    known = np.isfinite(share).all(axis=1)  # (frames,)
    if not known.size or known.mean() < 1 - MOST_MISSING:
        return LandmarkDistance(np.nan, np.nan)
    return LandmarkDistance(float(share[known].mean()), float(share[known, LIPS].mean()))


def mouth_boxes(landmarks: np.ndarray, height: int, width: int) -> np.ndarray | None:
    """Rectangles about mouths and jaws: the base of the nose, the corners of the jaw, and room below the chin.

    Args:
        landmarks: (T, 68, 2) in pixels of pictures of this size; where there is no face (NaN) those of the frames
            around are interpolated.

    Returns:
        int (T, 4): left, top, right, bottom, within the picture; None where more than half of the frames lack a face.
    """
    known = np.isfinite(landmarks[:, 0, 0])
    if not known.size or known.mean() < 1 - MOST_MISSING:
        return None
    chin, nose = landmarks[:, CHIN].copy(), landmarks[:, BASE_OF_NOSE]
    chin[:, 1] += OPEN_JAW * np.linalg.norm(chin - nose, axis=-1)
    corners = np.stack([nose, *(landmarks[:, i] for i in CORNERS_OF_JAW), chin], axis=1)  # (T, 4, 2)
    sides = np.concatenate([np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))], axis=1)  # (T, 4)
    time = np.arange(len(sides))
    sides = np.stack([np.interp(time, time[known], side[known]) for side in sides.T], axis=1)
    return np.clip(np.rint(sides), 0, (width, height, width, height)).astype(int)
