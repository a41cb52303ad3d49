"""A video beside a reference that should show the same: which file it is, and what forbids or spoils a comparison."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kdtalker_jax.data.doubts import SAME_ASPECT, same_length
from kdtalker_jax.data.tracking import LONGEST_SIDE, detect
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.faces.detector import FaceDetector, find_landmarks
from kdtalker_jax.faces.geometry import face_square
from kdtalker_jax.faces.resizing import rescale, resize
from kdtalker_jax.media.frames import frame_rate
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.metrics.mouth import loudness, mouth_sync
from kdtalker_jax.metrics.similarity import HIGHEST_PSNR, Similarity, compare
from kdtalker_jax.metrics.video_file import VideoFile

LOOKS = 5  # frames that faces are looked for in
OTHER_CUT, DOUBTFUL_CUT = 1.5, 1.2  # times that a face is larger in one of the two: refused from, doubted from
OTHER_PLACE = 0.15  # of the picture's width that it lies elsewhere
SAME_SOUND = 0.7  # least correlation of loudness; of different speakers it is up to 0.6 at the best offset
SAME_SCENE = 0.3  # least SSIM
OTHER_COLOURS = 16.0  # levels between the means of all frames
SAME_RATE = 0.01  # relative difference
_HALF_A_FRAME = 0.5 / FRAME_RATE  # seconds


class Comparison(NamedTuple):
    """How similar two videos are, and by their kinds what makes one doubt that the numbers mean it, in sentences."""

    similarity: Similarity
    doubts: dict[str, str]


def pair(videos: Mapping[str, Path], references: Mapping[str, Path]) -> dict[str, Path]:
    """References by the names of the videos that have one: of the same name, or else the same but for the extension.

    Args:
        videos, references: files by their names, with folders.

    Raises:
        InputError: it may be any of several.
    """
    by_stem = defaultdict(list)
    for name in references:
        by_stem[Path(name).with_suffix("")].append(name)
    pairs = {}
    for name in videos:
        found = [name] if name in references else by_stem.get(Path(name).with_suffix(""), [])
        if len(found) > 1:  # perhaps beside a transcript, or the sound alone
            found = [other for other in found if _has_pictures(references[other])] or found[:1]
        if len(found) > 1:
            raise InputError(f"Any of {' and '.join(found)} may be the reference of {name}: leave one of them there.")
        if found:
            pairs[name] = references[found[0]]
    return pairs


def compare_videos(video: VideoFile, reference: VideoFile, frames: int, detector: FaceDetector) -> Comparison:
    """Compare a video of so many frames with a reference, of which the pictures are resized to the video's.

    Raises:
        InputError: the reference cannot be read, or cannot show the same: its pictures have another shape or another
            cut, or there are more of them or fewer.
    """
    (height, width), (their_height, their_width) = video.size, reference.size
    if abs(width * their_height / (height * their_width) - 1) > SAME_ASPECT:
        raise InputError(f"The reference has pictures of another shape, {their_width}x{their_height}.")
    looks = set(np.linspace(0, frames - 1, LOOKS).astype(int).tolist())
    ours, theirs = (_Watched(each.frames(), video.size, looks, detector) for each in (video, reference))
    similarity = compare(ours.frames, theirs.frames)
    for watched in (ours, theirs):
        deque(watched.frames, maxlen=0)  # counts the rest
    if not same_length(ours.count, theirs.count):
        raise InputError(f"The reference has {theirs.count} frames where the video has {ours.count}: cut it alike.")
    doubts = _face_doubts(ours.faces, theirs.faces) | _sound_doubts(video, reference)
    if video.size != reference.size:
        doubts["size"] = (
            f"The reference, {their_width}x{their_height}, was resized to {width}x{height}: compare such numbers with "
            "each other alone."
        )
    if abs(video.rate / reference.rate - 1) > SAME_RATE:
        doubts["rate"] = (
            f"The video has {video.rate:.4g} frames a second and the reference {reference.rate:.4g}: compared are the "
            f"nearest to each 1/{FRAME_RATE} s."
        )
    return Comparison(similarity, doubts | _picture_doubts(similarity, ours, theirs))


class _Face(NamedTuple):
    """In widths of the picture: how wide a face is, and where its middle lies."""

    width: float
    x: float
    y: float


class _Watched:
    """Hands on the frames of a video in one size, and keeps of them what tells whether two show the same."""

    def __init__(
        self, frames: Iterable[np.ndarray], size: tuple[int, int], looks: set[int], detector: FaceDetector
    ) -> None:
        self.count = 0
        self.faces: list[_Face | None] = []
        self.level = 0.0  # summed means of the frames
        self.frames = self._watch(frames, size, looks, detector)

    def _watch(
        self, frames: Iterable[np.ndarray], size: tuple[int, int], looks: set[int], detector: FaceDetector
    ) -> Iterator[np.ndarray]:
        for frame in frames:
            if self.count in looks:
                self.faces.append(_find_face(frame, detector))
            self.level += np.mean(cv2.mean(frame)[:3])
            self.count += 1
            yield frame if frame.shape[:2] == size else resize(frame, *size)


def _find_face(frame: np.ndarray, detector: FaceDetector) -> _Face | None:
    """The largest face, by its landmarks where there is a predictor of them; None without a face, or without dlib."""
    frame = rescale(frame, max(1, LONGEST_SIDE / max(frame.shape[:2])))  # as small as faces may be in whole pictures
    try:
        box = max(detect(frame, detector), key=lambda box: box.width, default=None)
    except InputError:
        return None
    if box is None:
        return None
    with suppress(CheckpointError):
        box = face_square(find_landmarks(frame, box, detector))
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return _Face(*(value / frame.shape[1] for value in (box.width, *middle)))


def _face_doubts(ours: list[_Face | None], theirs: list[_Face | None]) -> dict[str, str]:
    """Raises InputError where one face is so much larger that the pictures are cut differently."""
    both = [(our, their) for our, their in zip(ours, theirs, strict=False) if our and their]
    if not both:
        if any(ours) == any(theirs):
            return {}
        one, other = ("video", "reference") if any(ours) else ("reference", "video")
        return {"cut": f"There is a face in the {one} but none in the {other}: see that both show the same cut."}
    larger = float(np.median([our.width / their.width for our, their in both]))
    apart = float(np.median([np.hypot(our.x - their.x, our.y - their.y) for our, their in both]))
    one, other = ("video", "reference") if larger > 1 else ("reference", "video")
    times = max(larger, 1 / larger)
    if times > OTHER_CUT:
        raise InputError(f"The face is {times:.1f} times as large in the {one} as in the {other}: cut both alike.")
    if times > DOUBTFUL_CUT:
        return {"cut": f"The face is {times:.2f} times as large in the {one} as in the {other}: cut both alike."}
    if apart > OTHER_PLACE:
        return {"cut": f"The face lies elsewhere in the reference, by {apart:.0%} of the width: cut both alike."}
    return {}


def _sound_doubts(video: VideoFile, reference: VideoFile) -> dict[str, str]:
    if video.waveform is None or reference.waveform is None:
        early = abs(video.start - reference.start)
        if early < _HALF_A_FRAME:
            return {}
        return {"offset": f"Only one of video and reference has sound; they may be {early:.2f} s out of step."}
    found = mouth_sync(loudness(reference.waveform), loudness(video.waveform))
    if found.correlation < SAME_SOUND:
        return {"sound": "The reference has another sound than the video: see that it is the right one."}
    if found.offset and np.isfinite(found.offset):
        when = "later" if found.offset > 0 else "earlier"
        seconds = abs(found.offset) / FRAME_RATE
        return {"offset": f"The reference says the same {seconds:.2f} s {when}: frames of other moments are compared."}
    return {}


def _picture_doubts(similarity: Similarity, ours: _Watched, theirs: _Watched) -> dict[str, str]:
    if similarity.psnr == HIGHEST_PSNR:
        return {"same": "The reference equals the video frame by frame: see that they are not the same file."}
    doubts = {}
    if similarity.ssim < SAME_SCENE:
        doubts["scene"] = f"The reference looks otherwise (SSIM {similarity.ssim:.2f}): see that it is the right one."
    darker = ours.level / ours.count - theirs.level / theirs.count
    if abs(darker) > OTHER_COLOURS:
        than = "darker" if darker > 0 else "brighter"
        doubts["colours"] = f"The reference is {abs(darker):.0f} levels {than}: see that its colours are meant so."
    return doubts


def _has_pictures(path: Path) -> bool:
    try:
        return frame_rate(path) > 0
    except InputError:
        return False
