"""A model that is ready to be used: its parameters, and the families of its system. No network is named here."""

import os
from collections.abc import Mapping
from copy import copy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax import demo
from kdtalker_jax.arguments import spelt
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.choices import CropMode, check_crop, check_dtype
from kdtalker_jax.edits.sliders import PUBLISHED, SliderTable
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.faces.mesh import FaceMesh, in_units
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.media.image import Picture, alpha_of, picture_of
from kdtalker_jax.media.waveforms import in_pieces, waveform_of
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.windows import check_heard
from kdtalker_jax.moving import Mover
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.performing import Performer
from kdtalker_jax.renderers.choices import with_rendering
from kdtalker_jax.renderers.protocol import Renderer, can_repaint
from kdtalker_jax.rendering import Frames, default_dtype
from kdtalker_jax.source import Source
from kdtalker_jax.spaces.landmarks.known import known_landmarks
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.systems import check_fit, find_system

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}

PathLike = str | os.PathLike[str]


@lru_cache(maxsize=12)
def family(kind: type, config: ModelConfig, dtype: str) -> Any:
    """One of a system's families. It has programs and no parameters: what one model compiles serves all like it."""
    return kind(config, DTYPES[dtype])


class LoadedModel:
    """Parameters, and the families that use them.

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
        sliders: SliderTable = PUBLISHED,
    ) -> None:
        """Use `load`; this is for parameters that come from elsewhere.

        Args:
            config: sizes and settings.
            params: of every part that the system requires, and of optional ones, each folded (`nn.folding.fold`).
            dtype: of the arithmetic inside networks, "float32" or "bfloat16". Statistics, softmax, the diffusion
                update and everything about keypoints stay float32. By default float32 for the motion, so that a
                seed gives the same one everywhere, and for frames float32 on a CPU, bfloat16 on accelerators.
            predictor_file: dlib's 68-landmark predictor, where it is not installed as a package.
            sliders: that move this model's keypoints.

        Raises:
            InputError: no such dtype. CheckpointError: no such system, or families that do not fit together.
        """
        check_dtype(dtype)
        system = find_system(config.system)
        self.config = config = config.without(*(name for name in system.optional if name not in params))
        self.dtype = dtype or default_dtype()  # of the frames
        renderer, features, motion_model = system.families
        self.features = copy(family(features, config, dtype or "float32"))
        self.motion_model = copy(family(motion_model, config, dtype or "float32"))
        self.renderer = copy(family(renderer, config, self.dtype))
        check_fit(self.features, self.motion_model, self.renderer)
        self.space = self.renderer.takes
        prepared = self.renderer.prepare(params)
        self._exact = None if self.dtype == "float32" else partial(family, renderer, config, "float32")
        self._frames = Frames(self.renderer, prepared, self._exact)
        self.params = {
            **jax.device_put({k: v for k, v in prepared.items() if k not in self._frames.path.params}),
            **self._frames.path.params,
        }
        self.detector, self.sliders = FaceDetector(predictor_file, FaceMesh()), sliders

    @classmethod
    @spelt
    def load(
        cls,
        directory: PathLike = demo.MODEL,
        *,
        dtype: str | None = None,
        accept_licence: bool = False,
        rendering: Mapping[str, Any] | None = None,
    ) -> Self:
        """A model by its name: those of `demo.MODELS` come along, "published" is fetched and converted once.

        Args:
            directory: one of these names, "hf:owner/name", or a directory that `convert.official` has written; see
                `hub.names.find_model`.
            dtype: as of the class.
            accept_licence: the licences of a model that is fetched are accepted; otherwise the user is asked.
            rendering: how it renders, where the model leaves that to choose: of those that paint mouths `steps`,
                `reference` ("first" or "previous"), `feather`, `seed`; see `renderers.latent.config.PaintingConfig`.

        Raises:
            CheckpointError: it is missing, incomplete, damaged or of a newer format, or cannot be fetched.
            InputError: no such dtype, model or choice of rendering, or its licences were not accepted. OutputError:
            the cache is not to be written.
        """
        check_dtype(dtype)
        checkpoint = load_checkpoint(find_model(directory, accept_licence=accept_licence))
        system = find_system(checkpoint.config.system)
        renderer, _, _ = system.families  # refuses what makes no videos
        config = with_rendering(checkpoint.config, renderer, rendering or {})  # before any parameter is read
        names = (*system.required, *(name for name in system.optional if name in checkpoint.available))
        checkpoint.require(*names)
        params = {name: fold(checkpoint.variables(name)) for name in names}
        files = {"predictor_file": checkpoint.predictor, "sliders": checkpoint.sliders}
        return cls(config, params, dtype=dtype, **files)

    @spelt
    def prepare(
        self,
        image: Picture,
        crop: CropMode = "square",
        face_index: int | None = None,
        name: str = "the picture",
        *,
        landmarks: PathLike | np.ndarray | None = None,
    ) -> Source:
        """Find the face, cut it out and compute everything that depends on the portrait alone.

        Args:
            image: path, picture of Pillow, or uint8 RGB (H, W, 3).
            crop: "square", "legacy" (as published) or "none"; see `faces.crop.crop_portrait`.
            face_index: which of several faces, 0 the largest.
            name: what errors call a picture that is no file.
            landmarks: of the face, where they are known and the model goes by them; see
                `spaces.landmarks.known.known_landmarks`. By default it looks for them.

        Raises:
            InputError: unreadable picture or landmarks, no such face. NoFaceError: no face at all.
            DamagedModelError: the networks describe the picture with what is not finite.
        """
        check_crop(crop, face_index)
        known = None if landmarks is None else self._known(landmarks)
        alpha = alpha_of(image)
        image, name = picture_of(image, name)
        cut = crop_portrait(image, crop, self.detector, face_index, size=self.renderer.picture_size, name=name)
        if known is None:
            arrays, own = self.renderer.describe(self.params, cut.image[None])
        else:
            points = in_units(known, cut.region)
            arrays, own = self.renderer.describe_as(self.params, cut.image[None], points[None])
        share = None
        if can_repaint(self.renderer):  # all but what is painted is the cut's own
            share = np.asarray(self.renderer.shares(self.renderer.regions(own), np.zeros(4, bool)))[0]
        return Source(cut.image, own, cut, arrays, image, alpha, share)

    def _known(self, landmarks: PathLike | np.ndarray) -> np.ndarray:
        if not can_repaint(self.renderer):
            raise InputError("This model knows a face by its picture alone: leave the landmarks out.")
        return known_landmarks(landmarks, self.space.points)

    def audio_features(
        self, audio: PathLike | np.ndarray, rate: int | None = None, *, progress: bool = False
    ) -> np.ndarray:
        """What the motion model hears: (T, width), one row per frame of 40 ms. Arguments as in `animate`."""
        waveform = waveform_of(audio, rate)
        total = self.windows_of(waveform)
        windows = progress_bar(
            self._performer.hear(in_pieces(waveform)), "Audio", total=total, unit="window", show=progress
        )
        features = np.concatenate(list(windows))
        check_heard(features)
        return features

    def windows_of(self, waveform: np.ndarray) -> int:
        """How many windows of motion a 16 kHz recording takes: the length of `initial_noise`."""
        return self._performer.windows_of(waveform)

    @property
    def exact_renderer(self) -> Renderer | None:
        """The renderer in float32, for what overflows in lower precision; None where it is that already."""
        return self._exact and self._exact()

    @property
    def _performer(self) -> Performer:
        return Performer(self.features, self.motion_model, self.space, self.params)

    @property
    def _mover(self) -> Mover:
        return Mover(self.renderer, self.params, self.sliders)
