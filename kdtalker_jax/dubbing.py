"""Other words for a person in a video: the mouth of each frame is painted anew, and all else stays bit by bit.

frames -> face in every frame, a steady square about it -> renderer: observe -----> the person, frame by frame
recording -> motion model -> at the video's rate ------------------------------------> the mouth's landmarks
each frame -> cut -> renderer: repaint -> the square, as far as it is painted -> frame

Frames come from a video, or from another renderer. Memory does not grow with them, but for the landmarks.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jax
import numpy as np

from kdtalker_jax.arguments import asked_for
from kdtalker_jax.batching import fill_up
from kdtalker_jax.checks import is_number
from kdtalker_jax.choices import CropMode, Length, check_crop
from kdtalker_jax.compositing.pasting import pasted_part
from kdtalker_jax.compositing.placing import seams_of
from kdtalker_jax.compositing.sizing import LARGEST_SIDE
from kdtalker_jax.data.tracking import detect
from kdtalker_jax.edits.resampling import between, frames_at, positions_at
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.geometry import enclosing_square, face_square
from kdtalker_jax.media.files import input_file
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, exactly
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.media.waveforms import recording_file, waveform_of
from kdtalker_jax.observing import observed
from kdtalker_jax.renderers.protocol import can_repaint
from kdtalker_jax.rendering import batch_size_of
from kdtalker_jax.results import Video
from kdtalker_jax.source import Source
from kdtalker_jax.sources.video import follow
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.video_portrait import played, samples_of, steady, with_silence

if TYPE_CHECKING:
    from kdtalker_jax.portrait import TalkingPortrait

_FASTEST = 240  # frames a second

Reader = Callable[[], Iterable[np.ndarray]]  # of frames uint8 (H, W, 3), as often as it is called


@dataclass(frozen=True, eq=False)
class WatchedFace:
    """What is known of a person in T frames.

    Attributes:
        read: gives the frames. rate: of them, a second.
        regions: the square about the face in each; it moves steadily.
        own: the person in terms of the model's space, T frames.
        seen: (T,) bool, which frames show the face.
        first: uint8 (S, S, 3), the cut of the first one that does.
    """

    read: Reader
    rate: Fraction
    regions: list[Box]
    own: Any
    seen: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.seen)

    def portrait(self, model: "TalkingPortrait") -> Source:
        """The first frame that shows the face as a portrait, of the person that all frames show."""
        index = int(np.argmax(self.seen))
        return replace(model.prepare(self.first, "none"), own=self.own.at(slice(index, index + 1)))


def check_length(length: Length) -> None:
    """Raises InputError for a way to bring video and sound to one length that there is not."""
    if length not in get_args(Length):
        raise InputError(f"`length` is one of {', '.join(get_args(Length))}, not {length!r}.")


def rate_of(frame_rate: int | float | Fraction) -> Fraction:
    """`exactly`; raises InputError for what is no such number."""
    if not is_number(frame_rate, 1, _FASTEST):
        raise InputError(f"`frame_rate` must be a number from 1 to {_FASTEST}, not {frame_rate!r}.")
    return exactly(frame_rate)


def watch(
    model: "TalkingPortrait",
    read: Reader,
    rate: Fraction,
    name: str,
    *,
    crop: CropMode = "square",
    face_index: int | None = None,
    progress: bool = False,
) -> WatchedFace:
    """Finds a person in frames, which are read twice, one at a time.

    Args:
        read: see `Reader`. rate: frames a second. name: what messages call them.
        crop: "square", or "none" where frames are cut to the face already.
        face_index: which of several faces of the first frame that has some, 0 the largest.

    Raises:
        InputError: the model moves whole faces, no such face. NoFaceError: no face at all.
    """
    check_crop(crop, face_index)
    if not can_repaint(model.renderer):
        raise InputError("This model moves whole faces and paints no mouths: load one of DreamHead.")
    if crop == "legacy":
        raise InputError('`crop` must be "square" or "none".')
    size, found = model.renderer.picture_size, None
    observed(model.renderer, model.params, [np.zeros((size, size, 3), np.uint8)])  # refuses where it has no face mesh
    if crop == "none":
        regions = [enclosing_square(*frame.shape[:2]) for frame in read()]
    else:
        bar = progress_bar(read(), "Finding the face", unit="frame", show=progress)
        track = follow(bar, model.detector, name, face_index, "", elsewhere=True, look=detect)
        regions = steady([face_square(points) for points in track.points.astype(np.float64)])
        found = np.array(track.found)
    bar = progress_bar(zip(read(), regions, strict=False), "Watching", total=len(regions), unit="frame", show=progress)
    faces = observed(model.renderer, model.params, (cut_square(frame, region, size) for frame, region in bar))
    if found is not None:
        faces["face"] = np.where(found[: len(faces["face"])], faces["face"], 0)  # where none was found is none
    own, seen = model.renderer.recognise(faces)
    index = int(np.argmax(seen))
    frame = next(islice(iter(read()), index, None))
    return WatchedFace(read, rate, regions, own, seen, cut_square(frame, regions[index], size))


def dub(
    model: "TalkingPortrait",
    video: str | os.PathLike[str],
    audio: str | os.PathLike[str] | np.ndarray,
    output: str | os.PathLike[str],
    *,
    length: Length = "shortest",
    rate: int | None = None,
    crop: CropMode = "square",
    face_index: int | None = None,
    batch_size: int | None = None,
    progress: bool = False,
    **animation: Any,
) -> Video:
    """As `TalkingPortrait.dub`."""
    check_length(length)
    asked, batch_size = asked_for(dub, animation, model.motion_model), batch_size_of(batch_size)
    path, waveform = input_file(video, "video"), waveform_of(audio, rate)
    _check(model, asked, None if length == "video" else waveform)
    inputs = [item for item in (video, audio) if isinstance(item, (str, os.PathLike))]
    check_output(output, inputs)
    own_rate = exact_rate(path)

    def read() -> Iterable[np.ndarray]:
        """From the first picture on, whenever the old sound begins, because the new one begins there."""
        return read_frames(path, None, rate=own_rate, longest=LARGEST_SIDE)

    with recording_file(audio, rate, output) as recording:
        VideoWriter(output, recording)  # refuses sound that no video can hold
        found = {"crop": crop, "face_index": face_index, "progress": progress}
        watched = watch(model, read, own_rate, f"the video {path.name}", **found)
        source = watched.portrait(model)
        waveform = fitted(waveform, watched, length, asked)
        motion = model.animate(source, waveform, rate=SAMPLE_RATE, progress=progress, **animation)
        count = frames_of(watched, motion, length)
        if count < len(watched):
            warnings.warn(f"The video is cut to {float(count / own_rate):.2f} s.", stacklevel=3)
        tell(watched, path.name)
        began = time.perf_counter()
        how = {"anew": length == "loop", "batch_size": batch_size, "progress": progress}
        frames = repainted(model, watched, source, motion, count, **how)
        with VideoWriter(output, recording, inputs, frame_rate=own_rate, frames=count) as written:
            for frame in frames:
                written.write(frame)
        return Video(Path(output), count, time.perf_counter() - began, frame_rate=own_rate)


def repaint(
    model: "TalkingPortrait",
    read: Reader,
    audio: str | os.PathLike[str] | np.ndarray,
    *,
    frame_rate: int | float | Fraction = FRAME_RATE,
    rate: int | None = None,
    crop: CropMode = "square",
    face_index: int | None = None,
    batch_size: int | None = None,
    progress: bool = False,
    **animation: Any,
) -> Iterator[np.ndarray]:
    """As `TalkingPortrait.repaint`."""
    own_rate = rate_of(frame_rate)
    asked, batch_size = asked_for(repaint, animation, model.motion_model), batch_size_of(batch_size)
    waveform = waveform_of(audio, rate)
    _check(model, asked, waveform)
    found = {"crop": crop, "face_index": face_index, "progress": progress}
    watched = watch(model, read, own_rate, "the frames", **found)
    source, waveform = watched.portrait(model), fitted(waveform, watched, "shortest", asked)
    motion = model.animate(source, waveform, rate=SAMPLE_RATE, progress=progress, **animation)
    count = frames_of(watched, motion, "shortest")
    return repainted(model, watched, source, motion, count, batch_size=batch_size, progress=progress)


def _check(model: "TalkingPortrait", asked: Any, waveform: np.ndarray | None) -> None:
    """Raises InputError for what cannot be asked of mouths that are painted into frames: before any work.

    `waveform`: that they say; None: the video's length decides, which nobody knows yet.
    """
    asked.of(model.motion_model, None if waveform is None else model.windows_of(waveform))
    for name in ("stitch", "edits", "relative"):
        if getattr(asked, name):
            raise InputError(f"`{name}` is for models that move whole heads.")
    if getattr(asked.controls, "moved", "all") != "all":
        raise InputError("`moved` is for portraits: in frames the mouth alone is painted, and all else is their own.")


def fitted(waveform: np.ndarray, watched: WatchedFace, length: Length, asked: Any) -> np.ndarray:
    """A 16 kHz recording as far as the frames need it, with silence where they are to have all of it.

    Initial noise has been checked for the whole of it, so that is animated whole.
    """
    if length == "video":
        return with_silence(waveform, len(watched), watched.rate, cut=True)
    if length == "shortest" and asked.initial_noise is None:
        return waveform[: samples_of(len(watched), watched.rate)]
    return waveform


def tell(watched: WatchedFace, name: str) -> None:
    """Warns of frames that do not show the face."""
    if hidden := int((~watched.seen).sum()):
        warnings.warn(
            f"The face is not seen in {hidden} of {len(watched)} frames of {name}: they stay as they are.", stacklevel=4
        )


def frames_of(watched: WatchedFace, motion: Any, length: Length) -> int:
    """How many frames come out for a motion of 25 a second."""
    sounding = frames_at(len(motion), Fraction(FRAME_RATE), watched.rate)
    return {"shortest": min(sounding, len(watched)), "video": len(watched)}.get(length, sounding)


def repainted(
    model: "TalkingPortrait",
    watched: WatchedFace,
    source: Source,
    motion: Any,
    count: int,
    *,
    anew: bool = False,
    batch_size: int,
    progress: bool = False,
) -> Iterator[np.ndarray]:
    """Frames with other mouths, one at a time, uint8 (1, H, W, 3); those that show no face as they are.

    Args:
        source: the person, `WatchedFace.portrait`.
        motion: of the mouth, 25 frames a second; where it ends, its last frame is held.
        count: of frames. anew: where there are not as many they begin again, else the last one is held.

    Raises CheckpointError at a frame that is not finite.
    """
    vectors, at_rate = model.space.to_vectors(motion), Fraction(FRAME_RATE)
    if watched.rate != at_rate:
        vectors = between(vectors, *positions_at(len(motion), at_rate, watched.rate))
    boxes, state = model.renderer.regions(watched.own), model.renderer.begin(source.arrays)
    bar = progress_bar(total=count, desc="Rendering", unit="frame", show=progress)
    with bar:
        done, shown = 0, played(watched.read, len(watched), count, anew=anew)
        while batch := list(islice(shown, batch_size)):
            rows, size = np.array([row for row, _ in batch]), model.renderer.picture_size
            cuts = np.stack([cut_square(frame, watched.regions[row], size) for row, frame in batch])
            held = vectors[np.minimum(np.arange(done, done + len(batch)), len(vectors) - 1)]
            seen = watched.seen[rows]
            driving = model.renderer.speaking(watched.own.at(rows), model.space.from_vectors(held))
            given = (fill_up(np.asarray(array), batch_size) for array in (cuts, boxes[rows], driving, seen))
            state, faces = _painted(model, source.arrays, state, *given)
            seams = np.array([seams_of(watched.regions[row], *frame.shape[:2]) for row, frame in batch])
            shares = model.renderer.shares(*(fill_up(array, batch_size) for array in (boxes[rows], seams)))
            for (row, frame), face, share in zip(batch, np.asarray(faces), np.asarray(shares), strict=False):
                yield (pasted_part(frame, face, watched.regions[row], share) if watched.seen[row] else frame)[None]
            done += len(batch)
            bar.update(len(batch))


def _painted(model: "TalkingPortrait", arrays: Any, state: Any, *given: np.ndarray) -> tuple[Any, jax.Array]:
    """A batch, as `Repainter.repaint`: the state after it and what is painted; in float32 what overflows in bfloat16.

    Raises CheckpointError at a frame that shows the face and is not finite.
    """
    *_, seen = given

    def held(finite: jax.Array) -> bool:
        return bool(np.asarray(finite)[seen].all())

    after, faces, finite = model.renderer.repaint(model.params, arrays, state, *given)
    if not held(finite) and model.exact_renderer is not None:
        warnings.warn("Some frames overflow in bfloat16; they are painted in float32.", stacklevel=3)
        after, faces, finite = model.exact_renderer.repaint(model.params, arrays, state, *given)
    if not held(finite):
        raise CheckpointError("A frame holds values that are not finite: the model's weights are damaged.")
    return after, faces
