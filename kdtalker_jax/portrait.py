"""TalkingPortrait: one portrait and one recording in, a talking video out.

picture   -> crop -> describe ----------------> source: volume, keypoints, its own motion
recording -> mel windows -> audio features --.
source, noise ------------> diffusion windows -> motion -> smoothing -> driving keypoints
source, driving keypoints -> warp -> generate -> frames -> video with the recording
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from configs.networks import ModelConfig
from kdtalker_jax import demo
from kdtalker_jax.animation import Animation
from kdtalker_jax.batching import in_batches
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import DamagedModelError, InputError
from kdtalker_jax.faces.crop import Crop, CropMode, check_choice, crop_portrait
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
from kdtalker_jax.media.pace import warn_if_slow, watched
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.motion.coefficients import Motion, canonical_token, denormalise, normalise, split
from kdtalker_jax.motion.keypoints import check_keypoints, drive
from kdtalker_jax.motion.smoothing import smooth as smooth_motion
from kdtalker_jax.motion.smoothing import smoothed
from kdtalker_jax.networks import NETWORKS
from kdtalker_jax.networks.folding import fold
from kdtalker_jax.networks.fusing import prepare
from kdtalker_jax.rendering import Renderer, check_batch_size, default_batch_size, default_dtype
from kdtalker_jax.stages import SourceArrays, Stages
from kdtalker_jax.streaming import WindowSampler, audio_windows, motion_windows
from kdtalker_jax.streams import progress_bar

SAMPLES_AT_A_TIME = 1 << 16
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Source:
    """A portrait, ready to be animated and rendered any number of times.

    Attributes:
        image: uint8 (256, 256, 3), the cut that the networks see.
        keypoints: (21, 3) x_s, the portrait's keypoints in the picture.
        canonical: (63,) the same keypoints without pose and expression.
        motion: the portrait's own scale, pose, t and exp: one frame.
        crop: where the cut comes from.
        arrays: what rendering reads, on the device.
    """

    image: np.ndarray
    keypoints: np.ndarray
    canonical: np.ndarray
    motion: Motion
    crop: Crop
    arrays: SourceArrays


@dataclass(frozen=True)
class Video:
    """What `sample` has written.

    Attributes:
        frames: 25 a second.
        rendering_seconds: that rendering and encoding took, compilation included.
    """

    path: Path
    frames: int
    rendering_seconds: float

    @property
    def seconds(self) -> float:
        return self.frames / FRAME_RATE


class TalkingPortrait:
    """A converted model: parameters, and the stages that use them. Methods are pure; only compiled code is kept."""

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
            config: sizes and statistics.
            params: of every network in `networks.NETWORKS`, each folded (`networks.folding.fold`).
            dtype: of the arithmetic inside networks, "float32" or "bfloat16". Statistics, softmax, the diffusion
                update and everything about keypoints stay float32. By default float32 for the motion, so that a
                seed gives the same one everywhere, and for frames float32 on a CPU, bfloat16 on accelerators.
            predictor_file: dlib's 68-landmark predictor, where it is not installed as a package.
        """
        _check_dtype(dtype)
        self.config = config
        self.dtype = dtype or default_dtype()  # of the frames
        self.params = jax.device_put(prepare(config, params, DTYPES[self.dtype]))
        self.stages = Stages(config, DTYPES[dtype or "float32"], render_dtype=DTYPES[self.dtype])
        self.detector = FaceDetector(predictor_file)

    @classmethod
    def load(cls, directory: PathLike = demo.MODEL, *, dtype: str | None = None) -> "TalkingPortrait":
        """Read a directory that `convert.official` has written; by default the model that comes with the package.

        Raises:
            CheckpointError: it is missing, incomplete, damaged or of a newer format. InputError: no such dtype.
        """
        _check_dtype(dtype)
        checkpoint = load_checkpoint(directory)
        checkpoint.require(*NETWORKS)
        params = {name: fold(checkpoint.variables(name)) for name in NETWORKS}
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
            DamagedModelError: the networks describe the picture with what is not finite.
        """
        check_choice(crop, face_index)
        if isinstance(image, (str, os.PathLike)):
            name, image = str(image), read_image(image)
        image = check_image_array(image)
        cut = crop_portrait(image, crop, self.detector, face_index, size=self.config.appearance.image_size, name=name)
        arrays, own = self.stages.describe(self.params, cut.image[None])
        own = {field: np.asarray(value) for field, value in own.items()}
        keypoints = np.asarray(arrays.keypoints)  # (1, 21, 3)
        motion = _predicted({field: own[field] for field in ("scale", "yaw", "pitch", "roll", "t", "exp")})
        if not all(np.isfinite(part).all() for part in (*arrays, own["kp"])):
            raise DamagedModelError("a description of the picture that is not finite")
        return Source(
            image=cut.image,
            keypoints=keypoints[0],
            canonical=own["kp"][0],
            motion=replace(motion, keypoints=keypoints),
            crop=cut,
            arrays=arrays,
        )

    def audio_features(
        self, audio: PathLike | np.ndarray, rate: int | None = None, *, progress: bool = False
    ) -> np.ndarray:
        """What the denoiser hears: (T, 512), one row per frame of 40 ms. Arguments as in `animate`."""
        waveform = _waveform(audio, rate)
        total = self._windows_of(waveform)
        windows = progress_bar(self._features(_pieces(waveform)), "Audio", total=total, unit="window", show=progress)
        return np.concatenate(list(windows))

    def animate(
        self,
        source: Source,
        audio: PathLike | np.ndarray,
        *,
        rate: int | None = None,
        progress: bool = False,
        **animation: Any,
    ) -> Motion:
        """Motion for a recording, one frame per 40 ms.

        Args:
            source: from `prepare`.
            audio: path, or a waveform (samples,) or (samples, channels).
            rate: samples per second of the waveform; by default 16,000, with a warning if it sounds like more.
            progress: show bars.
            animation: seed, sampler, steps, initial_noise, relative, smooth, stitch: see `Animation`.

        Returns:
            Motion of T = floor(samples at 16 kHz / 640) frames, `keypoints` (T, 21, 3) among it.

        Raises:
            TypeError: an argument that there is not. InputError: a value that the model cannot be asked for, an
                unreadable or too short recording. Nothing has been computed then.
            DamagedModelError: the networks give motion that no head makes.
        """
        asked = Animation(**animation)
        waveform = _waveform(audio, rate)
        return self._animate(source, waveform, asked, self._sampler(asked, self._windows_of(waveform)), progress)

    def _animate(
        self, source: Source, waveform: np.ndarray, asked: Animation, draw: WindowSampler, progress: bool
    ) -> Motion:
        """`animate` for a 16 kHz waveform, once everything has been checked."""
        windows = self._sample(source, _pieces(waveform), draw)
        windows = progress_bar(windows, "Motion", total=self._windows_of(waveform), unit="window", show=progress)
        vectors = np.concatenate(list(windows))  # (T, 70)
        motion = smooth_motion(Motion.from_vector(vectors), strength=asked.smooth)
        return self.drive(source, motion, relative=asked.relative, stitch=asked.stitch)

    def stream_motion(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int | None = None,
        **animation: Any,
    ) -> Iterator[Motion]:
        """`animate` of a recording that is still being made: pieces of its motion, as soon as they are settled.

        A window of 64 frames is sampled once 67 frames of sound are there (2.68 s), which its last frames hear. The
        smoother holds back its last 5 until the next window is there (`smoothing.KalmanSmoother.lag`).

        Args:
            audio_chunks: waveforms (n,) or (n, channels) of any lengths and the same channels; the end of the recording
                is where they end. Other arguments as in `animate`; of the initial noise as many windows are used as
                there are.

        Yields:
            Motion, with keypoints. Joined, the pieces are what `animate` returns for the joined chunks, to 1e-5.
        """
        asked = Animation(**animation)
        draw = self._sampler(asked, None)
        return self._stream_motion(source, _stream(audio_chunks, rate), asked, draw)

    def _stream_motion(
        self, source: Source, pieces: Iterable[np.ndarray], asked: Animation, draw: WindowSampler
    ) -> Iterator[Motion]:
        """`stream_motion` for a 16 kHz waveform in pieces, once everything has been checked."""
        first = None
        for vectors in smoothed(self._sample(source, pieces, draw), asked.smooth):
            motion = Motion.from_vector(vectors)
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
        """The motion with the driving keypoints that it gives this portrait.

        Arguments as in `animate`; `first` is the beginning of the motion, where this is a later piece of it.
        """
        keypoints = drive(source.canonical, source.motion, motion, relative=relative, first=first)  # (T, 21, 3)
        if stitch:
            move = partial(self.stages.stitch, self.params, source.arrays.keypoints)
            driven, keypoints = keypoints, in_batches(move, self.config.denoiser.window, keypoints)
            if np.isfinite(driven).all() and not np.isfinite(keypoints).all():
                raise DamagedModelError("stitched keypoints that are not finite")
        return replace(motion, keypoints=keypoints)

    def check_motion(self, motion: Motion) -> None:
        """Raises InputError where the motion is of another number of keypoints than the model's."""
        check_keypoints(motion, self.config.motion_extractor.keypoints)

    def render(
        self, source: Source, motion: Motion, *, batch_size: int | None = None, progress: bool = False
    ) -> Iterator[np.ndarray]:
        """Frames of a motion, a batch at a time: uint8 (b, 512, 512, 3), b at most `batch_size`.

        The devices render one batch while the caller uses the one before. Raises CheckpointError at a frame that is
        not finite.

        Args:
            motion: with keypoints, as `animate` and `drive` return it.
            batch_size: frames per call of the networks; by default 1 for each CPU device and 8 for each accelerator.

        Raises:
            InputError: at once, for a batch size that cannot be, or a motion without keypoints or with too many or few.
        """
        if motion.keypoints is None:
            raise InputError("This motion has not been given to a portrait yet: call drive(source, motion) first.")
        expected, given = len(source.keypoints), motion.keypoints.shape[1]
        if given != expected:
            raise InputError(f"The motion has {given} keypoints and the portrait {expected}: drive it with its own.")
        batch_size = _batch_size(batch_size)
        return self._render(source, motion, batch_size, progress)

    def _render(self, source: Source, motion: Motion, batch_size: int, progress: bool) -> Iterator[np.ndarray]:
        with progress_bar(total=len(motion), desc="Rendering", unit="frame", show=progress) as bar:
            for frames in self._renderer.frames(source.arrays, motion.keypoints, batch_size):
                yield frames
                bar.update(len(frames))

    def stream(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int | None = None,
        batch_size: int | None = None,
        **animation: Any,
    ) -> Iterator[np.ndarray]:
        """Frames as the sound arrives: uint8 (b, 512, 512, 3), those of `render` for the motion of `animate`.

        The first comes after 2.68 s of sound and the time that computing takes (docs/deployment.md). Arguments as in
        `stream_motion` and `render`, which are checked before any sound is taken.
        """
        batch_size = _batch_size(batch_size)
        motions = self.stream_motion(source, audio_chunks, rate=rate, **animation)
        return (frames for motion in motions for frames in self.render(source, motion, batch_size=batch_size))

    def sample(
        self,
        image: PathLike | np.ndarray,
        audio: PathLike,
        output: PathLike,
        *,
        crop: CropMode = "square",
        face_index: int | None = None,
        batch_size: int | None = None,
        progress: bool = False,
        **animation: Any,
    ) -> Video:
        """Portrait and recording to a video file: H.264, 25 frames a second, the recording as its sound.

        Further arguments as in `animate`. The file appears under its name only once it is complete.

        Raises:
            TypeError: an argument that there is not.
            InputError, OutputError: before any heavy work, but where the picture shows no such face.
        """
        asked, batch_size = Animation(**animation), _batch_size(batch_size)
        check_choice(crop, face_index)
        if not isinstance(audio, (str, os.PathLike)):
            raise InputError("The recording must be a file, for its sound goes into the video as it is.")
        inputs = [image] if isinstance(image, (str, os.PathLike)) else []
        check_output(output, [audio, *inputs])
        waveform = load_waveform(audio)
        draw = self._sampler(asked, self._windows_of(waveform))
        video = VideoWriter(output, audio, inputs, frames=num_frames(len(waveform)))
        source = self.prepare(image, crop, face_index)
        motion = self._animate(source, waveform, asked, draw, progress)
        return self._write(video, source, motion, output, batch_size, progress)

    def write(
        self,
        source: Source,
        motion: Motion,
        output: PathLike,
        audio: PathLike | None,
        *,
        batch_size: int | None = None,
        progress: bool = False,
    ) -> Video:
        """Render a motion into a video file, with the sound of a recording. The last step of `sample`."""
        video = VideoWriter(output, audio, frames=len(motion))
        return self._write(video, source, motion, output, batch_size, progress)

    def _write(
        self,
        video: VideoWriter,
        source: Source,
        motion: Motion,
        output: PathLike,
        batch_size: int | None,
        progress: bool,
    ) -> Video:
        started = time.perf_counter()
        rendered = self.render(source, motion, batch_size=batch_size, progress=progress)
        with video:
            for frames in rendered:
                video.write(frames)
        return Video(Path(output), len(motion), time.perf_counter() - started)

    def _windows_of(self, waveform: np.ndarray) -> int:
        return -(-num_frames(len(waveform)) // self.config.denoiser.window)

    def _features(self, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Audio features (n, 512) of each window."""
        return audio_windows(partial(self.stages.encode_audio, self.params), pieces, self.config.denoiser.window)

    def _sample(self, source: Source, pieces: Iterable[np.ndarray], draw: WindowSampler) -> Iterator[np.ndarray]:
        """Motion vectors (n, 70) of each window of a 16 kHz waveform in pieces."""
        statistics = self.config.statistics
        reference = normalise(source.motion.to_vector()[0], statistics)  # (70,)
        canonical = canonical_token(source.canonical, statistics)
        windows = motion_windows(
            partial(draw, canonical), self._features(pieces), reference, self.config.denoiser.window
        )
        return (_predicted_vectors(denormalise(motion, statistics)) for motion in windows)

    def _sampler(self, asked: Animation, windows: int | None) -> WindowSampler:
        draw = partial(self.stages.sample_window, self.params)
        return WindowSampler(draw, self.config.denoiser, windows, asked)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.config, self.stages, self.params, self.dtype)


def _check_dtype(dtype: str | None) -> None:
    if not (dtype is None or (isinstance(dtype, str) and dtype in DTYPES)):
        raise InputError(f"There is no dtype {dtype!r}: choose one of {', '.join(DTYPES)}.")


def _batch_size(batch_size: int | None) -> int:
    """The one that was asked for, or the default."""
    if batch_size is None:
        return default_batch_size()
    check_batch_size(batch_size)
    return int(batch_size)


def _predicted(coefficients: Mapping[str, np.ndarray]) -> Motion:
    """Motion that a network made: where it is none, that is no fault of the user's."""
    try:
        return Motion(**coefficients)
    except InputError as error:
        raise DamagedModelError(f"motion that no head makes ({str(error).rstrip('.')})") from error


def _predicted_vectors(vectors: np.ndarray) -> np.ndarray:
    """Motion vectors (n, 70) that a network made, as they are."""
    _predicted(split(vectors)._asdict())
    return vectors


def _waveform(audio: PathLike | np.ndarray, rate: int | None) -> np.ndarray:
    """A path, or a waveform of any rate, as 16 kHz mono (samples,)."""
    if isinstance(audio, (str, os.PathLike)):
        return load_waveform(audio)
    waveform = resample_waveform(audio, SAMPLE_RATE if rate is None else rate)
    if rate is None:
        warn_if_slow(waveform)
    return waveform


def _stream(chunks: Iterable[np.ndarray], rate: int | None) -> Iterator[np.ndarray]:
    """Chunks of any rate as pieces (n,) of 16 kHz."""
    return watched(resample_chunks(chunks, SAMPLE_RATE)) if rate is None else resample_chunks(chunks, rate)


def _pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    return (waveform[i : i + SAMPLES_AT_A_TIME] for i in range(0, len(waveform), SAMPLES_AT_A_TIME))
