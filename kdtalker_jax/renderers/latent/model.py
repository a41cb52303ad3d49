"""Latent diffusion as its users see it: pictures to latents and back, and noise taken out of latents."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from kdtalker_jax.diffusion.prediction import as_noise
from kdtalker_jax.diffusion.samplers import StepRule, make_sampler, sample
from kdtalker_jax.diffusion.schedule import NoiseSchedule
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.parts import Part
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, PARTS, UNET
from kdtalker_jax.sizes import LARGEST
from kdtalker_jax.systems import unequal

SCHEDULE = NoiseSchedule(1000, beta_start=0.0015, beta_end=0.0195, spacing="root", first=1)  # as published


class LatentDiffusion:
    """The autoencoder and the U-Net of one model, compiled once for each shape of what they are given.

    All arrays are channels last. f is by how much a latent is smaller than its picture, 4 as published; C are the
    channels of a latent, 3. `jit` exists so that tests can count traces.

    Attributes:
        config: sizes.
        params: by the name of the part.
        autoencoder, unet: the modules, for training and for whoever needs a step of them alone.
        schedule: that the U-Net is trained with.
    """

    parts = PARTS
    settings: Mapping[str, type] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    schedule = SCHEDULE

    def __init__(
        self,
        config: ModelConfig,
        params: Mapping[str, Any],
        dtype: DTypeLike = jnp.float32,
        jit: Callable = jax.jit,
    ) -> None:
        """Use `load`; this is for parameters that come from elsewhere, of both parts or one."""
        self.config, self.params = config, dict(jax.device_put(dict(params)))
        self.autoencoder = AUTOENCODER.build(config, dtype=dtype)
        self.unet = UNET.build(config, dtype=dtype)
        of_autoencoder = partial(jit, static_argnames="method")(self.autoencoder.apply)
        self._encode = partial(of_autoencoder, method="encode")
        self._quantise = partial(of_autoencoder, method="quantise")
        self._decode = jit(lambda params, z: self.autoencoder.apply(params, z, method=_decode))
        self._noise = jit(partial(noise_in, self.unet))
        self._sample = jit(partial(sample_latents, self.unet))

    @classmethod
    def load(cls, directory: str | os.PathLike[str], *, dtype: DTypeLike = jnp.float32) -> "LatentDiffusion":
        """A model that `convert.latent_diffusion` has written. Where it has one part alone, the other is missed when it
        is needed.

        Raises:
            CheckpointError: it is missing, damaged, of a newer format, or another kind of model.
        """
        from kdtalker_jax.checkpoints import CONFIG_FILE, load_checkpoint  # takes half a second

        directory = Path(directory)
        if not (directory / CONFIG_FILE).is_file():
            raise CheckpointError(
                f"{directory} is not the folder of a converted model: convert one with "
                f"'python -m convert.latent_diffusion --source DOWNLOADS --out {directory}'"
            )
        checkpoint = load_checkpoint(directory)
        names = [part.name for part in PARTS if checkpoint.system.parts.get(part.name) == part]
        if not names:
            raise CheckpointError(f"{directory} is a model of {checkpoint.config.system}, not of latent diffusion.")
        names = [name for name in names if name in checkpoint.available]
        checkpoint.require(*names)
        return cls(checkpoint.config, {name: fold(checkpoint.variables(name)) for name in names}, dtype)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        for name in (part.name for part in PARTS):
            sizes: AutoencoderConfig | UNetConfig = getattr(config, name)
            if not sizes.multipliers:
                raise ValueError(f"{name}.multipliers has no numbers")
            if sizes.width * max(sizes.multipliers) > LARGEST:
                raise ValueError(f"{name} is {sizes.width * max(sizes.multipliers)} wide, more than {LARGEST}")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        channels = {"autoencoder": config.autoencoder.code_width, "unet": config.unet.channels}
        return unequal({"channels of a latent": channels}, names)

    def encode(self, images: ArrayLike) -> jax.Array:
        """Pictures (B, H, W, 3) in [-1, 1] -> z, float32 (B, H/f, W/f, C), before quantisation.

        Raises:
            InputError: of another shape, or H or W is not divisible by f. CheckpointError: there is no autoencoder.
        """
        images = self._checked("images", images, 3, self.config.autoencoder.factor)
        return self._encode(self._of(AUTOENCODER), images)

    def quantise(self, z: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """z (B, h, w, C) -> the nearest codes, float32 (B, h, w, C), and which they are, int32 (B, h, w).

        Errors as of `encode`.
        """
        return self._quantise(self._of(AUTOENCODER), self._checked("z", z, self.config.autoencoder.code_width))

    def decode(self, z: ArrayLike) -> jax.Array:
        """Quantises z (B, h, w, C) and paints it: pictures, float32 (B, f h, f w, 3), about in [-1, 1].

        Errors as of `encode`.
        """
        return self._decode(self._of(AUTOENCODER), self._checked("z", z, self.config.autoencoder.code_width))

    def noise(self, x: ArrayLike, t: ArrayLike, conditions: ArrayLike) -> jax.Array:
        """The noise in noisy latents, float32 (B, h, w, C).

        Args:
            x: (B, h, w, C), latents at time t of `schedule`.
            t: () or (B,), whole numbers from 0, the cleanest, to 999.
            conditions: (B, h, w, 4 C): latents of the masked target, the reference, and the landmarks of both, joined.

        Raises:
            InputError: of other shapes, h or w cannot be halved as often as the network does, or there is no such time.
            CheckpointError: there is no U-Net.
        """
        x, conditions = self._checked_latents("x", x, conditions)
        t = np.asarray(t)
        if not np.issubdtype(t.dtype, np.integer) or t.shape not in ((), (len(x),)):
            raise InputError(f"`t` has to be one whole number, or one for each of the {len(x)} latents.")
        if t.size and not 0 <= t.min() <= t.max() < self.schedule.times:
            raise InputError(f"`t` has to lie from 0 to {self.schedule.times - 1}.")
        return self._noise(self._of(UNET), x, np.broadcast_to(t, len(x)).astype(np.int32), conditions)

    def sample(self, x_T: ArrayLike, conditions: ArrayLike, steps: int = 20) -> jax.Array:
        """Latents, float32 (B, h, w, C), from noise x_T of that shape, by DDIM (eta 0) in so many calls of the U-Net.

        Errors as of `noise`, and InputError for a number of steps that there cannot be.
        """
        x_T, conditions = self._checked_latents("x_T", x_T, conditions)
        return self._sample(self._of(UNET), make_sampler("ddim", steps, self.schedule), x_T, conditions)

    def _of(self, part: Part) -> Any:
        if part.name not in self.params:
            raise CheckpointError(
                f"This model has no {part.name}: convert one with 'python -m convert.latent_diffusion'."
            )
        return self.params[part.name]

    def _checked_latents(self, name: str, x: ArrayLike, conditions: ArrayLike) -> tuple[jax.Array, jax.Array]:
        sizes = self.config.unet
        x = self._checked(name, x, sizes.channels, sizes.factor)
        conditions = self._checked("conditions", conditions, sizes.condition_channels, sizes.factor)
        if x.shape[:3] != conditions.shape[:3]:
            raise InputError(f"`conditions` {conditions.shape} are not those of `{name}` {x.shape}.")
        return x, conditions

    def _checked(self, name: str, maps: ArrayLike, channels: int, factor: int = 1) -> jax.Array:
        """float32 (B, H, W, channels), H and W divisible by the factor."""
        maps = jnp.asarray(maps)
        if maps.ndim != 4 or maps.shape[3] != channels or 0 in maps.shape or any(n % factor for n in maps.shape[1:3]):
            sides = f", H and W divisible by {factor}" if factor > 1 else ""
            raise InputError(f"`{name}` has shape {maps.shape}, not (B, H, W, {channels}){sides}.")
        if not jnp.issubdtype(maps.dtype, jnp.floating):
            raise InputError(f"`{name}` are of type {maps.dtype}, not floating point.")
        return maps.astype(jnp.float32)


def _decode(autoencoder: Any, z: jax.Array) -> jax.Array:
    quantised, _ = autoencoder.quantise(z)
    return autoencoder.decode(quantised)


def noise_in(unet: Any, params: Mapping[str, Any], x: jax.Array, time: jax.Array, conditions: jax.Array) -> jax.Array:
    """The noise in latents x (B, h, w, C) at times (B,), whatever the U-Net tells of them. Pure."""
    return as_noise(unet.config.prediction, unet.apply(params, x, time, conditions), x, time, SCHEDULE)


def sample_latents(
    unet: Any, params: Mapping[str, Any], rule: StepRule, x_T: jax.Array, conditions: jax.Array
) -> jax.Array:
    """Latents (B, h, w, C) from noise of that shape. Pure."""

    def denoise(x: jax.Array, time: jax.Array) -> jax.Array:
        return noise_in(unet, params, x, jnp.broadcast_to(time, len(x)), conditions)

    return sample(denoise, rule, x_T)
