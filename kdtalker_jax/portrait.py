"""TalkingPortrait: one portrait and one recording in, a talking video out.

picture   -> crop -> renderer: describe -------------> source
recording -> features --.
source, noise ----------> motion model, windows -----> motion -> smoothing -> driven by the portrait -> stitching
source, motion ---------> renderer: frames ----------> video with the recording

Which features, motion model and renderer these are says the model's system; no network is named here.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from kdtalker_jax import demo
from kdtalker_jax.animation import Animation
from kdtalker_jax.batching import one_ahead
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.edits.smoothing import smoothed
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import Crop, CropMode, crop_portrait
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.audio import (
    FRAME_RATE,
    SAMPLE_RATE,
    load_waveform,
    num_frames,
    resample_chunks,
    resample_waveform,
)
from kdtalker_jax.media.image import check_image_array, read_image
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.windows import Pending, motion_windows
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.rendering import Frames, check_batch_size, default_batch_size, default_dtype
from kdtalker_jax.seeds import random_key
from kdtalker_jax.systems import check_fit, find_system

SAMPLES_AT_A_TIME = 1 << 16
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}

PathLike = str | os.PathLike[str]
Motion = Any  # of the space in which the model's motion is


@dataclass(frozen=True, eq=False)
class Source:
    """A portrait, ready to be animated and rendered any number of times.

    Attributes:
        image: uint8 (S, S, 3), the cut that the networks see.
        own: the portrait in terms of the space, for implicit keypoints a `spaces.implicit_keypoints.Head`.
        crop: where the cut comes from.
        arrays: what rendering reads, on the device.
    """

    image: np.ndarray
    own: Any
    crop: Crop
    arrays: Any

    @property
    def motion(self) -> Motion:
        """The portrait's own: one frame."""
        return self.own.motion

    @property
    def canonical(self) -> np.ndarray:
        """(3 K,) keypoints without pose and expression, where the space has them."""
        return self.own.canonical

    @property
    def keypoints(self) -> np.ndarray:
        """(K, 3) x_s, the keypoints in the picture, where the space has them."""
        return self.own.motion.keypoints[0]


@dataclass(frozen=True)
class Video:
    """What `sample` has written. The seconds of rendering count encoding too, and compilation."""

    path: Path
    frames: int
    rendering_seconds: float

    @property
    def seconds(self) -> float:
        return self.frames / FRAME_RATE


class TalkingPortrait:
    """A model: parameters, and the families that use them. Methods are pure; only compiled code is kept.

    Attributes:
        config: of the model. dtype: of the frames' arithmetic.
        params: of all parts by name, on the device.
        features, motion_model, renderer: what the system is made of.
        space: in which motion goes from the motion model to the renderer.
    """

    def __init__(
        self,
        config: ModelConfig,
        params: dict[str, Any],
        *,
        dtype: str | None = None,
        predictor_file: Path | None = None,
    ) -> None:
        """Use `load`; this is for parameters that come from elsewhere.

        Args:
            config: sizes and settings.
            params: of every part that the system requires, each folded (`nn.folding.fold`).
            dtype: of the arithmetic inside networks, "float32" or "bfloat16". Statistics, softmax, the diffusion
                update and everything about keypoints stay float32. By default float32 for the motion, so that a
                seed gives the same one everywhere, and for frames float32 on a CPU, bfloat16 on accelerators.
            predictor_file: dlib's 68-landmark predictor, where it is not installed as a package.

        Raises:
            InputError: no such dtype. CheckpointError: no such system, or families that do not fit together.
        """
        _check_dtype(dtype)
        self.config = config
        self.dtype = dtype or default_dtype()  # of the frames
        renderer, features, motion_model = find_system(config.system).families
        self.features = features(config, DTYPES[dtype or "float32"])
        self.motion_model = motion_model(config, DTYPES[dtype or "float32"])
        self.renderer = renderer(config, DTYPES[self.dtype])
        check_fit(self.features, self.motion_model, self.renderer)
        self.space = self.renderer.takes
        prepared = self.renderer.prepare(params)
        self._frames = Frames(self.renderer, prepared, None if self.dtype == "float32" else partial(renderer, config))
        self.params = {
            **jax.device_put({k: v for k, v in prepared.items() if k not in self._frames.path.params}),
            **self._frames.path.params,
        }
        self.detector = FaceDetector(predictor_file)

    @classmethod
    def load(cls, directory: PathLike = demo.MODEL, *, dtype: str | None = None) -> "TalkingPortrait":
        """Read a directory that `convert.official` has written; by default the model that comes with the package.

        Raises:
            CheckpointError: it is missing, incomplete, damaged or of a newer format. InputError: no such dtype.
        """
        _check_dtype(dtype)
        checkpoint = load_checkpoint(directory)
        names = find_system(checkpoint.config.system).required
        checkpoint.require(*names)
        params = {name: fold(checkpoint.variables(name)) for name in names}
        return cls(checkpoint.config, params, dtype=dtype, predictor_file=checkpoint.landmarks)

    def prepare(
        self,
        image: PathLike | np.ndarray,
        crop: CropMode = "square",
        face_index: int | None = None,
        name: str = "the picture",
    ) -> Source:
        """Find the face, cut it out and compute everything that depends on the portrait alone.

        Args:
            image: path, or uint8 RGB (H, W, 3).
            crop: "square", "legacy" (as published) or "none"; see `faces.crop.crop_portrait`.
            face_index: which of several faces, 0 the largest.
            name: what errors call a picture that is given as an array.

        Raises:
            InputError: unreadable picture, no such face. NoFaceError: no face at all.
        """
        if isinstance(image, (str, os.PathLike)):
            name, image = str(image), read_image(image)
        image = check_image_array(image)
        cut = crop_portrait(image, crop, self.detector, face_index, size=self.renderer.picture_size, name=name)
        arrays, own = self.renderer.describe(self.params, cut.image[None])
        return Source(cut.image, own, cut, arrays)

    def audio_features(
        self, audio: PathLike | np.ndarray, rate: int = SAMPLE_RATE, *, progress: bool = False
    ) -> np.ndarray:
        """What the motion model hears: (T, width), one row per frame of 40 ms. Arguments as in `animate`."""
        waveform = _waveform(audio, rate)
        windows = tqdm(
            self._hear(_pieces(waveform)),
            "Audio",
            total=self._windows_of(waveform),
            unit="window",
            disable=not progress,
        )
        return np.concatenate(list(windows))

    def animate(
        self,
        source: Source,
        audio: PathLike | np.ndarray,
        *,
        rate: int = SAMPLE_RATE,
        progress: bool = False,
        **animation: Any,
    ) -> Motion:
        """Motion for a recording, one frame per 40 ms.

        Args:
            source: from `prepare`.
            audio: path, or a waveform (samples,) of `rate` samples per second.
            progress: show bars.
            animation: seed, sampler, steps, initial_noise, relative, smooth, stitch, controls: see `Animation`.

        Returns:
            Motion of T = floor(samples at 16 kHz / 640) frames, driven for this portrait.

        Raises:
            TypeError: an argument that there is not. InputError: a value that the model cannot be asked for, an
                unreadable or too short recording. Nothing has been computed then.
        """
        asked = Animation(**animation)
        return self._animate(source, _waveform(audio, rate), asked, progress)

    def _animate(self, source: Source, waveform: np.ndarray, asked: Animation, progress: bool) -> Motion:
        """`animate` for a 16 kHz waveform."""
        count = self._windows_of(waveform)
        windows = self._sample(source, _pieces(waveform), asked, count)
        bar = tqdm(one_ahead(lambda window: window, windows), "Motion", count, unit="window", disable=not progress)
        vectors = [window.vectors(self.motion_model) for window, _ in bar]  # (n, D) each, one ahead of the device
        smooth = smoothed([np.concatenate(vectors)], float(asked.smooth), self.space.smoothed)
        motion = self.space.from_vectors(np.concatenate(list(smooth)))
        return self.drive(source, motion, relative=asked.relative, stitch=asked.stitch)

    def stream_motion(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int = SAMPLE_RATE,
        **animation: Any,
    ) -> Iterator[Motion]:
        """`animate` of a recording that is still being made: pieces of its motion, as soon as they are settled.

        A window of 64 frames is sampled once 67 frames of sound are there (2.68 s), which its last frames hear. The
        smoother holds back its last 5 until the next window is there (`smoothing.KalmanSmoother.lag`).

        Args:
            audio_chunks: waveforms of `rate` samples per second, (n,) or (n, channels), of any lengths; the end of the
                recording is where they end. Other arguments as in `animate`; of the initial noise as many windows are
                used as there are.

        Yields:
            Motion, driven for this portrait. Joined, the pieces are what `animate` returns for the joined chunks, to
            1e-5.
        """
        asked = Animation(**animation)
        windows = self._sample(source, resample_chunks(audio_chunks, rate), asked, None)
        return self._drive_pieces(source, (window.vectors(self.motion_model) for window in windows), asked)

    def _drive_pieces(self, source: Source, vectors: Iterable[np.ndarray], asked: Animation) -> Iterator[Motion]:
        first = None
        for piece in smoothed(vectors, float(asked.smooth), self.space.smoothed):
            motion = self.space.from_vectors(piece)
            first = first or motion
            yield self.drive(source, motion, relative=asked.relative, stitch=asked.stitch, first=first)

    def drive(
        self,
        source: Source,
        motion: Motion,
        *,
        relative: bool = False,
        stitch: bool = False,
        first: Motion | None = None,
    ) -> Motion:
        """The motion with what moves this portrait by it: for implicit keypoints, the driving keypoints.

        Arguments as in `animate`; `first` is the beginning of the motion, where this is a later piece of it.
        """
        motion = self.space.drive(source.own, motion, relative=relative, first=first)
        if stitch:
            stitched = self.renderer.stitch(self.params, source.arrays, self.space.driving(motion))
            motion = self.space.with_driving(motion, stitched)
        return motion

    def check_motion(self, motion: Motion) -> None:
        """Raises InputError where the motion is not one that the model's portraits can be given."""
        self.space.check(motion)

    def render(
        self, source: Source, motion: Motion, *, batch_size: int | None = None, progress: bool = False
    ) -> Iterator[np.ndarray]:
        """Frames of a motion, a batch at a time: uint8 (b, H, W, 3), b at most `batch_size`.

        The devices render one batch while the caller uses the one before.

        Args:
            motion: driven for this portrait, as `animate` and `drive` return it.
            batch_size: frames per call of the networks; by default 1 for each CPU device and 8 for each accelerator.

        Raises:
            InputError: at once, for a batch size that cannot be, or a motion that is not this portrait's.
        """
        driving = self.space.driving(motion)
        if driving is None:
            raise InputError("This motion has not been given to a portrait yet: call drive(source, motion) first.")
        self.space.check(motion)
        return self._render(source, driving, len(motion), _batch_size(batch_size), progress)

    def _render(
        self, source: Source, driving: Any, count: int, batch_size: int, progress: bool
    ) -> Iterator[np.ndarray]:
        with tqdm(total=count, desc="Rendering", unit="frame", disable=not progress) as bar:
            for frames in self._frames(source.arrays, driving, batch_size):
                yield frames
                bar.update(len(frames))

    def stream(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int = SAMPLE_RATE,
        batch_size: int | None = None,
        **animation: Any,
    ) -> Iterator[np.ndarray]:
        """Frames as the sound arrives: uint8 (b, H, W, 3), those of `render` for the motion of `animate`.

        The first comes after 2.68 s of sound and the time that computing takes (docs/deployment.md). Arguments as in
        `stream_motion` and `render`, which are checked before any sound is taken.
        """
        batch_size = _batch_size(batch_size)
        motions = self.stream_motion(source, audio_chunks, rate=rate, **animation)
        return (frames for motion in motions for frames in self.render(source, motion, batch_size=batch_size))

    # sample, write: from the settings branch

    def _windows_of(self, waveform: np.ndarray) -> int:
        return -(-num_frames(len(waveform)) // self.motion_model.length)

    def _hear(self, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Features (n, width) of each window of motion."""
        rows = round(self.motion_model.length * self.features.gives.rate / FRAME_RATE)
        return self.features.windows(self.params, pieces, rows)

    def _sample(
        self, source: Source, pieces: Iterable[np.ndarray], asked: Animation, windows: int | None
    ) -> Iterator[Pending]:
        """Windows of motion of a 16 kHz waveform in pieces. What is asked for is checked before any is taken."""
        model = self.motion_model
        return motion_windows(
            model,
            self.params,
            asked.rule(model),
            source.own,
            self._hear(pieces),
            random_key(asked.seed),
            asked.controls_of(model),
            asked.noise(model, windows),
        )


def _check_dtype(dtype: str | None) -> None:
    if not (dtype is None or (isinstance(dtype, str) and dtype in DTYPES)):
        raise InputError(f"There is no dtype {dtype!r}: choose one of {', '.join(DTYPES)}.")


def _batch_size(batch_size: int | None) -> int:
    """The one that was asked for, or the default."""
    if batch_size is None:
        return default_batch_size()
    check_batch_size(batch_size)
    return int(batch_size)


def _waveform(audio: PathLike | np.ndarray, rate: int) -> np.ndarray:
    """A path, or a waveform of any rate, as 16 kHz mono (samples,)."""
    return load_waveform(audio) if isinstance(audio, (str, os.PathLike)) else resample_waveform(audio, rate)


def _pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    return (waveform[i : i + SAMPLES_AT_A_TIME] for i in range(0, len(waveform), SAMPLES_AT_A_TIME))
