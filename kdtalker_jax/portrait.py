"""TalkingPortrait: one portrait and one recording in, a talking video out.

picture   -> crop -> describe ----------------> source: volume, keypoints, its own motion
recording -> mel windows -> audio features --.
source, noise ------------> diffusion windows -> motion -> smoothing -> driving keypoints
source, driving keypoints -> warp -> generate -> frames -> video with the recording
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from configs.networks import ModelConfig
from kdtalker_jax.batching import in_batches
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.diffusion.samplers import make_sampler
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import Crop, CropMode, crop_portrait
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.audio import FRAME_RATE, SAMPLE_RATE, load_waveform, num_frames, resample_waveform
from kdtalker_jax.media.image import check_image_array, read_image
from kdtalker_jax.media.mel import mel_spectrogram, window_batches
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.motion.coefficients import Motion, canonical_token, denormalise, normalise
from kdtalker_jax.motion.keypoints import drive
from kdtalker_jax.motion.smoothing import smooth as smooth_motion
from kdtalker_jax.networks import NETWORKS
from kdtalker_jax.networks.folding import fold
from kdtalker_jax.rendering import Renderer, default_batch_size, default_dtype
from kdtalker_jax.stages import SourceArrays, Stages

WINDOWS_PER_BATCH = 128  # mel windows that the audio encoder sees at a time
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
        self.params = jax.device_put(params)
        self.stages = Stages(config, DTYPES[dtype or "float32"], render_dtype=DTYPES[self.dtype])
        self.detector = FaceDetector(predictor_file)

    @classmethod
    def load(cls, directory: PathLike, *, dtype: str | None = None) -> "TalkingPortrait":
        """Read a directory that `convert.official` has written.

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
        is_path = isinstance(audio, (str, os.PathLike))
        waveform = load_waveform(audio) if is_path else resample_waveform(audio, rate)
        mel = mel_spectrogram(waveform)
        encode = partial(self.stages.encode_audio, self.params)
        frames = num_frames(len(waveform))
        batches = tqdm(
            window_batches(mel, frames, WINDOWS_PER_BATCH),
            "Audio",
            total=-(-frames // WINDOWS_PER_BATCH),
            unit="batch",
            disable=not progress,
        )
        return np.concatenate([np.asarray(encode(batch)) for batch in batches])[:frames]

    def animate(
        self,
        source: Source,
        audio: PathLike | np.ndarray,
        *,
        rate: int = SAMPLE_RATE,
        seed: int = 0,
        sampler: str = "ddim",
        steps: int = 50,
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
            sampler, steps: see `diffusion.samplers.make_sampler`.
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
        rule = make_sampler(sampler, steps)
        features = self.audio_features(audio, rate, progress=progress)  # (T, 512)
        frames, window = len(features), self.config.denoiser.window
        windows = -(-frames // window)
        key = jax.random.key(seed)
        noise = self._initial_noise(initial_noise, windows, key)

        # The last window is filled up with features from the recording's start, as published.
        features = np.resize(features, (windows * window, features.shape[1]))
        sample_window = partial(
            self.stages.sample_window, self.params, rule, canonical_token(source.canonical, self.config.statistics)
        )
        reference = normalise(source.motion.to_vector()[0], self.config.statistics)  # (70,)
        sampled = []
        for i in tqdm(range(windows), "Motion", unit="window", disable=not progress):
            audio_window = features[i * window : (i + 1) * window]
            motion = np.asarray(
                sample_window(reference, audio_window, noise(i), jax.random.fold_in(jax.random.fold_in(key, i), 1))
            )  # (64, 70)
            sampled.append(motion)
            reference = motion[-1]
        vectors = denormalise(np.concatenate(sampled)[:frames], self.config.statistics)  # (T, 70)
        motion = smooth_motion(Motion.from_vector(vectors), strength=float(smooth))
        return self.drive(source, motion, relative=relative, stitch=stitch)

    def drive(self, source: Source, motion: Motion, *, relative: bool = False, stitch: bool = False) -> Motion:
        """The motion with the driving keypoints that it gives this portrait. Arguments as in `animate`."""
        keypoints = drive(source.canonical, source.motion, motion, relative=relative)  # (T, 21, 3)
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

    def _initial_noise(self, given: np.ndarray | None, windows: int, key: jax.Array) -> Callable[[int], jax.Array]:
        """A function from the window's index to its noise (64, 70). A longer recording begins with the same noise."""
        shape = (self.config.denoiser.window, self.config.denoiser.motion_size)
        if given is None:
            return lambda i: jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, i), 0), shape)
        if np.shape(given) != (windows, *shape):
            raise InputError(f"The initial noise must have shape {(windows, *shape)}, not {np.shape(given)}.")
        return lambda i: jnp.asarray(given[i], jnp.float32)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.config, self.stages, self.params, self.dtype)
