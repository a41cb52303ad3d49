"""TalkingPortrait: one portrait and one recording in, a talking video out.

picture   -> crop -> describe ----------------> source: volume, keypoints, its own motion
recording -> mel windows -> audio features --.
source, noise ------------> diffusion windows -> motion -> smoothing -> driving keypoints
source, driving keypoints -> warp -> generate -> frames -> video with the recording
"""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from kdtalker_jax import demo
from kdtalker_jax.batching import in_batches
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.diffusion.samplers import with_defaults
from kdtalker_jax.edits.smoothing import smooth as smooth_motion
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
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.parts import NETWORKS
from kdtalker_jax.renderers.liveportrait.preparing import prepare
from kdtalker_jax.rendering import Renderer, default_batch_size, default_dtype
from kdtalker_jax.spaces.geometry import drive
from kdtalker_jax.spaces.keypoints import Motion, canonical_token, denormalise, normalise
from kdtalker_jax.stages import SourceArrays, Stages
from kdtalker_jax.streaming import WindowSampler, audio_windows, motion_windows

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
    """What `sample` has written. seconds_per_frame covers rendering and encoding, compilation included."""

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
        if dtype not in (None, *DTYPES):
            raise InputError(f"There is no dtype {dtype!r}: choose one of {', '.join(DTYPES)}.")
        self.config = config
        self.dtype = dtype or default_dtype()  # of the frames
        self.params = jax.device_put(prepare(config, params, DTYPES[self.dtype]))
        self.stages = Stages(config, DTYPES[dtype or "float32"], render_dtype=DTYPES[self.dtype])
        self.detector = FaceDetector(predictor_file)

    @classmethod
    def load(cls, directory: PathLike = demo.MODEL, *, dtype: str | None = None) -> "TalkingPortrait":
        """Read a directory that `convert.official` has written; by default the model that comes with the package.

        Raises:
            CheckpointError: it is missing, incomplete, damaged or of a newer format.
        """
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
        """
        if isinstance(image, (str, os.PathLike)):
            name, image = str(image), read_image(image)
        image = check_image_array(image)
        cut = crop_portrait(image, crop, self.detector, face_index, size=self.config.appearance.image_size, name=name)
        arrays, own = self.stages.describe(self.params, cut.image[None])
        own = {field: np.asarray(value) for field, value in own.items()}
        keypoints = np.asarray(arrays.keypoints)  # (1, 21, 3)
        motion = Motion(**{field: own[field] for field in ("scale", "yaw", "pitch", "roll", "t", "exp")})
        return Source(
            image=cut.image,
            keypoints=keypoints[0],
            canonical=own["kp"][0],
            motion=replace(motion, keypoints=keypoints),
            crop=cut,
            arrays=arrays,
        )

    def audio_features(
        self, audio: PathLike | np.ndarray, rate: int = SAMPLE_RATE, *, progress: bool = False
    ) -> np.ndarray:
        """What the denoiser hears: (T, 512), one row per frame of 40 ms. Arguments as in `animate`."""
        waveform = _waveform(audio, rate)
        windows = tqdm(
            self._features(_pieces(waveform)),
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
        seed: int = 0,
        sampler: str | None = None,
        steps: int | None = None,
        initial_noise: np.ndarray | None = None,
        relative: bool = False,
        smooth: bool | float = True,
        stitch: bool = False,
        progress: bool = False,
    ) -> Motion:
        """Motion for a recording, one frame per 40 ms.

        Args:
            source: from `prepare`.
            audio: path, or a waveform (samples,) of `rate` samples per second.
            seed: of the initial noise, and of the sampler's own where it adds some.
            sampler, steps: see `diffusion.samplers.make_sampler`. By default ddim with 50 steps, as published, but what
                the denoiser is made for, where that is another.
            initial_noise: (windows, 64, 70) instead of the seed's, one window per 64 frames begun.
            relative: move relative to the portrait's own pose instead of taking over the predicted one.
            smooth: over time; a number is the strength, True the published 1.
            stitch: keep the shoulders where the portrait has them (LivePortrait's stitching; not part of KDTalker).
            progress: show bars.

        Returns:
            Motion of T = floor(samples at 16 kHz / 640) frames, `keypoints` (T, 21, 3) among it.

        Raises:
            InputError: unreadable or too short recording, unknown sampler, noise of another shape.
        """
        waveform = _waveform(audio, rate)
        count = self._windows_of(waveform)
        draw = self._sampler(count, sampler, steps, seed, initial_noise)
        windows = self._sample(source, _pieces(waveform), draw)
        windows = tqdm(windows, "Motion", total=count, unit="window", disable=not progress)
        vectors = np.concatenate(list(windows))  # (T, 70)
        motion = smooth_motion(Motion.from_vector(vectors), strength=float(smooth))
        return self.drive(source, motion, relative=relative, stitch=stitch)

    def stream_motion(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        rate: int = SAMPLE_RATE,
        seed: int = 0,
        sampler: str | None = None,
        steps: int | None = None,
        initial_noise: np.ndarray | None = None,
        relative: bool = False,
        smooth: bool | float = True,
        stitch: bool = False,
    ) -> Iterator[Motion]:
        """`animate` of a recording that is still being made: pieces of its motion, as soon as they are settled.

        A window of 64 frames is sampled once 67 frames of sound are there (2.68 s), which its last frames hear. The
        smoother holds back its last 5 until the next window is there (`smoothing.KalmanSmoother.lag`).

        Args:
            audio_chunks: waveforms of `rate` samples per second, (n,) or (n, channels), of any lengths; the end of the
                recording is where they end. Other arguments as in `animate`; of the initial noise as many windows are
                used as there are.

        Yields:
            Motion, with keypoints. Joined, the pieces are what `animate` returns for the joined chunks, to 1e-5.
        """
        first, draw = None, self._sampler(None, sampler, steps, seed, initial_noise)
        for vectors in smoothed(self._sample(source, resample_chunks(audio_chunks, rate), draw), float(smooth)):
            motion = Motion.from_vector(vectors)
            first = first or motion
            yield self.drive(source, motion, relative=relative, stitch=stitch, first=first)

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
            keypoints = in_batches(move, self.config.denoiser.window, keypoints)
        return replace(motion, keypoints=keypoints)

    def render(
        self, source: Source, motion: Motion, *, batch_size: int | None = None, progress: bool = False
    ) -> Iterator[np.ndarray]:
        """Frames of a motion, a batch at a time: uint8 (b, 512, 512, 3), b at most `batch_size`.

        The devices render one batch while the caller uses the one before.

        Args:
            motion: with keypoints, as `animate` and `drive` return it.
            batch_size: frames per call of the networks; by default 1 for each CPU device and 8 for each accelerator.
        """
        if motion.keypoints is None:
            raise InputError("This motion has not been given to a portrait yet: call drive(source, motion) first.")
        if batch_size is None:
            batch_size = default_batch_size()
        with tqdm(total=len(motion), desc="Rendering", unit="frame", disable=not progress) as bar:
            for frames in self._renderer.frames(source.arrays, motion.keypoints, batch_size):
                yield frames
                bar.update(len(frames))

    def stream(
        self,
        source: Source,
        audio_chunks: Iterable[np.ndarray],
        *,
        batch_size: int | None = None,
        **animation: Any,
    ) -> Iterator[np.ndarray]:
        """Frames as the sound arrives: uint8 (b, 512, 512, 3), those of `render` for the motion of `animate`.

        The first comes after 2.68 s of sound and the time that computing takes (docs/deployment.md). Arguments as in
        `stream_motion` and `render`.
        """
        for motion in self.stream_motion(source, audio_chunks, **animation):
            yield from self.render(source, motion, batch_size=batch_size)

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

        Further arguments go to `animate`. The file appears under its name only once it is complete.

        Raises:
            InputError, OutputError: before any heavy work where that is possible.
        """
        inputs = [path for path in (image, audio) if isinstance(path, (str, os.PathLike))]
        check_output(output, inputs)
        source = self.prepare(image, crop, face_index)
        motion = self.animate(source, audio, progress=progress, **animation)
        return self.write(source, motion, output, audio, batch_size=batch_size, progress=progress)

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
        started = time.perf_counter()
        with VideoWriter(output, audio) as video:
            for frames in self.render(source, motion, batch_size=batch_size, progress=progress):
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
        return (denormalise(motion, statistics) for motion in windows)

    def _sampler(
        self, windows: int | None, sampler: str | None, steps: int | None, seed: int, initial_noise: np.ndarray | None
    ) -> WindowSampler:
        config, draw = self.config.denoiser, partial(self.stages.sample_window, self.params)
        chosen = with_defaults(sampler, steps, config.sampler)
        return WindowSampler(draw, config, windows, *chosen, seed, initial_noise)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.config, self.stages, self.params, self.dtype)


def _waveform(audio: PathLike | np.ndarray, rate: int) -> np.ndarray:
    """A path, or a waveform of any rate, as 16 kHz mono (samples,)."""
    return load_waveform(audio) if isinstance(audio, (str, os.PathLike)) else resample_waveform(audio, rate)


def _pieces(waveform: np.ndarray) -> Iterator[np.ndarray]:
    return (waveform[i : i + SAMPLES_AT_A_TIME] for i in range(0, len(waveform), SAMPLES_AT_A_TIME))
