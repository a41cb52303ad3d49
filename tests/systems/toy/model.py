"""Features, motion model and renderer of the toy: everything differs from KDTalker that the protocols let differ."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.diffusion.guidance import guided
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
from kdtalker_jax.model_config import ModelConfig
from tests.systems.toy.networks import EAR, MOVER, PAINTER, PICTURE, LinearConfig
from tests.systems.toy.space import Glow, GlowSpace, OwnGlow

RATE = 2 * FRAME_RATE  # two rows for each video frame
SAMPLES = SAMPLE_RATE // RATE


@dataclass(frozen=True)
class Pace:
    """What the motion model is set to."""

    window: int = 6


class Loudness:
    """Features at 50 a second: what the ear makes of the mean, deviation, least and greatest of 20 ms."""

    parts = (EAR,)
    settings: Mapping[str, type] = {}

    def __init__(self, config: ModelConfig, dtype: Any = jnp.float32, jit: Callable = jax.jit) -> None:
        self.gives = FeatureSpec(RATE, config.ear.outputs)
        self._hear = jit(EAR.build(config, dtype=dtype).apply)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        pass

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return None

    def windows(self, params: Mapping[str, Any], pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
        samples, needed = np.zeros(0, np.float32), size * SAMPLES
        for piece in pieces:
            samples = np.concatenate([samples, piece])
            while len(samples) >= needed:
                yield self._rows(params, samples[:needed])
                samples = samples[needed:]
        frames = len(samples) // (2 * SAMPLES)
        if frames:
            yield self._rows(params, samples[: frames * 2 * SAMPLES])

    def fields(self, params: Mapping[str, Any], waveform: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        return {"audio": self._rows(params, waveform[: frames * 2 * SAMPLES])}

    def _rows(self, params: Mapping[str, Any], samples: np.ndarray) -> np.ndarray:
        blocks = samples.reshape(-1, SAMPLES)
        rows = np.stack([f(blocks, axis=1) for f in (np.mean, np.std, np.min, np.max)], axis=1)
        return np.asarray(self._hear(params["ear"], np.float32(rows)))


@dataclass(frozen=True)
class Controls:
    """How strongly the sound is followed."""

    guidance: float = 1.5

    def __post_init__(self) -> None:
        if not 0 <= self.guidance <= 10:
            raise InputError(f"The guidance must be from 0 to 10, not {self.guidance}.")


class Mover:
    """Motion of an earlier frame, of sound and of noise, by guidance; it carries the last two frames of a window."""

    parts = (MOVER,)
    settings: Mapping[str, type] = {"pace": Pace}
    Controls = Controls
    sampler = "ddim"
    ending = "silence"
    smooth = 1.0

    def __init__(self, config: ModelConfig, dtype: Any = jnp.float32, jit: Callable = jax.jit) -> None:
        self.makes = GlowSpace()
        self.hears = FeatureSpec(RATE, (config.mover.inputs - 4) // 2)
        self.length = config.pace.window
        self.noise_shape = (self.length, 2)
        self._window = jit(partial(move, MOVER.build(config, dtype=dtype)), static_argnames="steps")

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        pass

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return None

    def rule(self, sampler: str, steps: int) -> int:
        return steps

    def check_controls(self, controls: Controls) -> None:
        pass

    def begin(self, own: Sequence[OwnGlow]) -> jax.Array:
        return jnp.stack([jnp.repeat(jnp.asarray(one.motion.numbers), 2, axis=0) for one in own])  # (B, 2, 2)

    def noise(self, keys: jax.Array, index: int, given: np.ndarray | None = None) -> jax.Array:
        if given is not None:
            return jnp.asarray(given)
        return jnp.stack([jax.random.normal(jax.random.fold_in(key, index), self.noise_shape) for key in keys])

    def window(
        self, params: Mapping[str, Any], rule: int, state: Any, features: Any, controls: Controls, noise: Any
    ) -> tuple[Any, jax.Array]:
        return self._window(params["mover"], state, features, controls.guidance, noise, steps=rule)

    def in_units(self, motion: np.ndarray) -> np.ndarray:
        return 0.1 * motion


def move(
    network: Any, params: Any, state: Any, features: Any, guidance: Any, noise: Any, *, steps: int
) -> tuple[Any, jax.Array]:
    """Each step goes some way from what there is to what the network says, twice asked: with sound and without."""
    batch, length, _ = noise.shape
    heard = features.reshape(batch, length, -1)  # two rows of sound for each frame

    def predict(x: jax.Array, told: jax.Array) -> jax.Array:
        before = jnp.broadcast_to(jnp.tile(state[:, -1:], (len(x) // batch, length, 1)), x.shape)
        return jnp.tanh(network.apply(params, jnp.concatenate([x, before, told], axis=-1)))

    answer = guided(predict, [jnp.zeros_like(heard), heard], (guidance,))
    motion = jax.lax.fori_loop(0, steps, lambda _, x: x + (answer(x) - x) / steps, noise)
    return motion[:, -2:], motion


class Painter:
    """Brightens and shifts the picture, and leaves half of the frame before in it: a renderer with a state."""

    parts = rendered = (PAINTER,)
    observing = (PAINTER,)
    settings: Mapping[str, type] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    stateful = True
    picture_size = output_size = PICTURE

    def __init__(self, config: ModelConfig, dtype: Any = jnp.float32, jit: Callable = jax.jit) -> None:
        self.takes = GlowSpace()
        self._paint = jit(partial(paint, PAINTER.build(config, dtype=dtype)))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        pass

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        return None

    def prepare(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return params

    def describe(self, params: Mapping[str, Any], picture: np.ndarray) -> tuple[jax.Array, OwnGlow]:
        return jnp.asarray(picture, jnp.float32) / 255, OwnGlow(Glow(np.zeros((1, 2), np.float32)))

    def begin(self, portrait: jax.Array) -> jax.Array:
        return portrait

    def frames(
        self, params: Mapping[str, Any], portrait: jax.Array, state: jax.Array, driving: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        return self._paint(params["painter"], portrait, state, driving)

    def observe(self, params: Mapping[str, Any], frames: jax.Array) -> dict[str, jax.Array]:
        return {"brightness": frames.mean(axis=(1, 2, 3))}

    def stitch(self, params: Mapping[str, Any], portrait: Any, driving: Any) -> Any:
        raise InputError("This model has nothing to stitch with.")

    def retargeting(self, params: Mapping[str, Any]) -> Any:
        raise InputError("This model has nothing to retarget with.")


def paint(network: Any, params: Any, portrait: jax.Array, state: jax.Array, driving: jax.Array) -> tuple:
    def one(before: jax.Array, numbers: jax.Array) -> tuple[jax.Array, jax.Array]:
        gains = network.apply(params, numbers[None])[0]  # (3,)
        picture = jnp.clip(0.5 * before + 0.5 * portrait * (1 + gains[None, None, None]), 0, 1)
        return picture, picture

    state, pictures = jax.lax.scan(one, state, driving)
    return state, (255 * pictures[:, 0]).astype(jnp.uint8), jnp.isfinite(pictures).all(axis=(1, 2, 3, 4))


CONFIG = ModelConfig(
    "toy",
    "toy",
    {
        "ear": LinearConfig(4, 3),
        "mover": LinearConfig(2 + 2 + 2 * 3, 2),
        "painter": LinearConfig(2, 3),
        "pace": Pace(),
    },
)
CONFIGS = {"toy": CONFIG}
