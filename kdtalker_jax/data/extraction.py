"""One video -> one clip: the motion of its face, frame by frame, and what the audio encoder hears.

Nothing here knows other clips, data sets or how work is spread over machines.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kdtalker_jax.backend import on_cpu
from kdtalker_jax.batching import in_stacks
from kdtalker_jax.checkpoints import Checkpoint, load_checkpoint
from kdtalker_jax.data import doubts
from kdtalker_jax.data.clips import Clip, encode_frame
from kdtalker_jax.data.landmark_clips import sees_face
from kdtalker_jax.data.tracking import check_seen, face_share, steady_square
from kdtalker_jax.errors import InputError, NoFaceError, NoSoundError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box, FaceDetector
from kdtalker_jax.faces.geometry import enclosing_square
from kdtalker_jax.faces.mesh import FaceMesh
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import frame_rate, read_frames, sound_start
from kdtalker_jax.media.rates import SAMPLES_PER_FRAME, num_frames
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.parallel import local_device_count, map_rows, replicate
from kdtalker_jax.streams import progress_bar

SILENCE = 1e-3  # peak, -60 dB: nothing can be learned from a face that moves without a sound
LATE = 0.2  # seconds from which it is worth a word that pictures come before the sound
CUT_LOOKS = 3  # frames looked at to see whether pictures are cut to the face, as they are said to be
MOST_JPEG_BYTES = 1 << 30  # of one clip: an array record holds less than 2 GiB


class SkippedClipError(InputError):
    """A file that gives no clip. `reason` is the kind: unreadable, no sound, no face, too short, too long."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(explanation)
        self.reason = reason


@dataclass(frozen=True)
class ExtractionOptions:
    """How clips are made of videos.

    Attributes:
        already_cut: the pictures show the face as a portrait's cut does: take them whole, do not search them for it.
        keep_frames: keep the cut frames as JPEG, in the size that the model's renderer makes.
        silent_too: take videos without sound as well.
        look_every: look for the face in every so many frames.
        most_missing: part of these frames that may be without it; also of all frames, where the renderer's own network
            tells which show one.
    """

    already_cut: bool = False
    keep_frames: bool = False
    silent_too: bool = False
    look_every: int = 10
    most_missing: float = 0.25


class ClipNetworks:
    """What describes clips: the observing half of a model's renderer, and its features, on all devices of this process.

    Args:
        checkpoint: holds the networks of both.
        batch_size: frames that are described at a time on each device.
    """

    def __init__(self, checkpoint: Checkpoint, batch_size: int) -> None:
        names = describing_parts(checkpoint)
        checkpoint.require(*names)
        config, system = checkpoint.config, checkpoint.system
        renderer, features, motion_model = (family(config) for family in system.families)
        params = {name: fold(checkpoint.variables(name)) for name in names}
        self.batch_size = batch_size * local_device_count()
        self.image_size, self.picture_size = renderer.picture_size, renderer.output_size
        self.shortest = motion_model.length + 1  # usable frames that one training sample takes
        observing = {part.name: params[part.name] for part in renderer.observing}
        self._observe = partial(map_rows(renderer.observe), replicate(observing))
        self._fields = partial(features.fields, params)

    def describe(self, frames: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
        """The motion in frames uint8 (S, S, 3), any number of them, by field."""
        return in_stacks(self._observe, self.batch_size, frames)

    def hear(self, waveform: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        """What a data set keeps of a recording with so many frames, by field."""
        return self._fields(waveform, frames)


def describing_parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The names of the networks that describe clips."""
    renderer, features, _ = checkpoint.system.families
    return tuple(part.name for part in (*renderer.observing, *features.parts))


def extract_clip(
    path: Path, networks: ClipNetworks, detector: FaceDetector, options: ExtractionOptions, *, progress: bool = False
) -> Clip:
    """Make a clip of a video; all fields of `clips.Clips` but the name, and `notes`: what one may not expect of it.

    With `progress`, bars show how many of its frames are searched for the face, and described.

    Frames after the end of the sound are left out. Where there is no sound at all and that is allowed, it is silence.

    Raises:
        SkippedClipError: the video gives no clip.
        CheckpointError: the landmark predictor is missing or damaged.
    """
    with _skipping("unreadable"):
        rate = frame_rate(path)
    with _skipping("no sound"):
        waveform, start = _load_sound(path, options.silent_too)
    sounding = None if waveform is None else num_frames(len(waveform))
    if sounding is not None:
        check_length(sounding, sounding, networks.shortest)

    notes = [doubts.of_rate(rate), *_sound_notes(waveform, start)]
    frames = partial(read_frames, path, start, most=sounding)
    bar = partial(progress_bar, total=sounding, unit="frame", leave=False, show=progress)
    with _skipping("unreadable"):
        if options.already_cut:
            height, width = next(frames(most=1)).shape[:2]
            square = enclosing_square(height, width)
            looks = islice(frames(), 0, CUT_LOOKS * options.look_every, options.look_every)
            notes.append(doubts.of_cut(face_share(looks, detector), height, width))
        else:
            square = steady_square(
                bar(frames(), f"Face in {path.name}"), detector, options.look_every, options.most_missing
            )
        keep = _keeper(square, networks) if options.keep_frames else None
        stream = read_frames(path, start)
        motion, jpeg = _describe(bar(islice(stream, sounding), path.name), square, networks, keep)
        if "face" in motion:  # of renderers that go by landmarks, which look for a face in every frame, cut or not
            check_seen(sees_face(motion), options.most_missing)
    count = len(next(iter(motion.values())))
    if waveform is None:
        sounding = count
        waveform = np.zeros(sounding * SAMPLES_PER_FRAME, np.float32)
    check_length(count, sounding, networks.shortest)
    notes.append(doubts.of_lengths(count + _count_rest(stream), sounding))
    if count <= options.look_every and not options.already_cut:
        notes.append(f"The face was looked for in the first frame alone: look_every={options.look_every} of {count}.")
    return {
        **motion,
        **networks.hear(waveform, sounding),
        "frames": count,
        "source_rate": rate,
        "jpeg": jpeg,
        "notes": [note for note in notes if note],
    }


def check_length(frames: int, sounding: int, shortest: int) -> None:
    """A training sample takes `shortest` frames in a row, and never the last frame or the last two of the sound.

    Raises:
        SkippedClipError: so many frames, with so many frames of sound, hold no sample.
    """
    if min(frames - 1, sounding - 2) < shortest:
        explanation = f"{frames} frames with {sounding} frames of sound; {shortest + 1} with {shortest + 2} are needed."
        raise SkippedClipError("too short", explanation)


@contextmanager
def _skipping(reason: str) -> Iterator[None]:
    """Turns complaints about the file into reasons to leave it out."""
    try:
        yield
    except SkippedClipError:
        raise
    except NoFaceError as error:
        raise SkippedClipError("no face", str(error)) from error
    except InputError as error:
        raise SkippedClipError(reason, str(error)) from error


def _load_sound(path: Path, silent_too: bool) -> tuple[np.ndarray | None, float]:
    """The waveform (None: there is none) and where it begins on the file's clock, in seconds."""
    try:
        waveform, start = load_waveform(path), sound_start(path)
    except NoSoundError:
        if not silent_too:
            raise
        return None, 0.0
    if np.abs(waveform).max() < SILENCE and not silent_too:
        raise InputError("The sound is silent throughout.")
    return waveform, start


def _sound_notes(waveform: np.ndarray | None, start: float) -> list[str | None]:
    if waveform is None or np.abs(waveform).max() < SILENCE:
        return ["There is no sound: it counts as silence, which a motion model must not learn from."]
    late = f"The sound begins {start:.1f} s into the file: the pictures before it are left out."
    return [late if start > LATE else None, doubts.of_sound(waveform)]


def _count_rest(frames: Iterator[np.ndarray]) -> int:
    """How many frames are left of a video, as far as it can be read."""
    count = 0
    with suppress(InputError):
        for _ in frames:
            count += 1
    return count


def _keeper(square: Box, networks: ClipNetworks) -> Callable[[np.ndarray], bytes]:
    """What makes the JPEG of a frame: as large as the renderer's pictures, but no larger than the square was."""
    size = min(networks.picture_size, max(square.width, networks.image_size))
    return lambda frame: encode_frame(cut_square(frame, square, size))


def _describe(
    frames: Iterable[np.ndarray], square: Box, networks: ClipNetworks, keep: Callable[[np.ndarray], bytes] | None
) -> tuple[dict[str, np.ndarray], list[bytes]]:
    """The motion in a square of the frames (H, W, 3), and what is kept of each."""
    jpeg = []

    def cuts() -> Iterator[np.ndarray]:
        size = 0
        for frame in frames:
            if keep:
                jpeg.append(keep(frame))
                size += len(jpeg[-1])
            if size > MOST_JPEG_BYTES:
                raise SkippedClipError(
                    "too long", f"More than {MOST_JPEG_BYTES >> 30} GiB of frames: cut the video into parts."
                )
            yield cut_square(frame, square, networks.image_size)

    return networks.describe(cuts()), jpeg


_LOADING = threading.Lock()  # of tools: several threads may share a `VideoClips`, which is pickled too


class VideoClips:
    """Makes clips of videos (a `work.ClipMaker`); networks and detector are loaded with the first one.

    Args:
        checkpoint: directory of a converted model; the networks that describe clips are used.
        options: how clips are made.
        batch_size: frames that are described at a time on each device; by default 8 on a CPU, 64 elsewhere.
        progress: show bars of the frames of each video.
    """

    def __init__(
        self, checkpoint: Path, options: ExtractionOptions, batch_size: int | None = None, *, progress: bool = False
    ) -> None:
        loaded = load_checkpoint(checkpoint)
        loaded.require(*describing_parts(loaded))
        self._checkpoint, self._options, self._batch_size = checkpoint, options, batch_size
        self._progress = progress
        self.system = loaded.system.name
        self.fingerprint = networks_fingerprint(loaded, options)

    @cached_property
    def _tools(self) -> tuple[ClipNetworks, FaceDetector]:
        checkpoint = load_checkpoint(self._checkpoint)
        batch_size = self._batch_size or (8 if on_cpu() else 64)
        return ClipNetworks(checkpoint, batch_size), FaceDetector(checkpoint.predictor, FaceMesh())

    def __call__(self, path: Path) -> Clip:
        with _LOADING:
            tools = self._tools
        return extract_clip(path, *tools, self._options, progress=self._progress)


def networks_fingerprint(checkpoint: Checkpoint, options: Any) -> str:
    """Of the sizes and parameters of the networks, and of options that can be written down."""
    digest = hashlib.sha256(repr((checkpoint.config, options)).encode())
    for leaf in jax.tree.leaves([checkpoint.variables(name) for name in describing_parts(checkpoint)]):
        digest.update(np.ascontiguousarray(leaf))
    return digest.hexdigest()
