"""DreamHead's first half as a `motion_models.protocol.MotionModel`: a window of landmarks from noise and sound.

Windows overlap: the first frames of each are the last ones of the window before, and are given to it clean.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.checks import is_number
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.guidance import guided
from kdtalker_jax.diffusion.noise import Noise, noise_of_calls, noise_of_window
from kdtalker_jax.diffusion.prediction import as_noise
from kdtalker_jax.diffusion.samplers import StepRule, make_sampler, sample
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER, PARTS
from kdtalker_jax.spaces.landmarks.contours import MOUTH, rows_of
from kdtalker_jax.spaces.landmarks.space import Face, Landmarks
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics

LARGEST_GUIDANCE = 10.0

Moved = Literal["all", "mouth"]


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What a performance is to be like.

    Attributes:
        moved: "all" landmarks, with blinks, or those of the "mouth" and the jaw alone; the others stay as the portrait
            has them.
        audio_guidance: how much the sound counts (arXiv 2207.12598); 1 is no guidance.

    Raises:
        InputError: a value that cannot be.
    """

    moved: Moved = "all"
    audio_guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.moved not in get_args(Moved):
            raise InputError(f"`moved` is one of {', '.join(get_args(Moved))}, not {self.moved!r}.")
        if not is_number(self.audio_guidance, 0, LARGEST_GUIDANCE):
            raise InputError(
                f"`audio_guidance` must be a number from 0 to {LARGEST_GUIDANCE:g}, not {self.audio_guidance!r}."
            )


class Past(NamedTuple):
    """What a window rests on beside its sound. Offsets are normalised."""

    identity: jax.Array  # (B, 3 N): how the face at rest differs from the template
    own: jax.Array  # (B, 3 N): the offsets of the portrait as it is
    known: jax.Array  # (B, P): 1, or 0 before the first window, where nothing is known
    motion: jax.Array  # (B, P, 3 N): offsets of the frames that it shares with the window before
    heard: jax.Array  # (B, P, W): their features


class Told(NamedTuple):
    """Controls as a window takes them. What is None takes no part in its program."""

    audio_guidance: np.ndarray | None  # ()
    moved: np.ndarray | None  # (3 N,) bool, the coordinates that are


class DreamHead:
    """The network at the sizes of a model. `jit` exists so that tests can count traces."""

    parts = PARTS
    settings: Mapping[str, type] = {"diffusion": DiffusionConfig, "statistics": LandmarkStatistics}
    Controls = Controls
    ending = "silence"
    smooth = 0.0

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self._config, self._diffusion, self._statistics = config.landmark_denoiser, config.diffusion, config.statistics
        self.makes = Landmarks(self._config.points)
        self.hears = FeatureSpec(FRAME_RATE, self._config.audio_features)
        self.length, self.sampler = self._config.new, self._diffusion.sampler
        self.noise_shape = (self._config.window, self._config.motion_size)
        self._window = jit(partial(sample_window, DENOISER.build(config, dtype=dtype), self._diffusion))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if config.diffusion.prediction != "sample":
            raise ValueError(f"diffusion.prediction is {config.diffusion.prediction}: the network tells the sample")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        sizes, of_statistics = config.landmark_denoiser, config.statistics.points
        if DENOISER.name in names and sizes.points != of_statistics:
            return f"landmarks: {sizes.points} of {DENOISER.name} and {of_statistics} of statistics"
        return None

    def rule(self, sampler: str, steps: int) -> StepRule:
        return make_sampler(sampler, steps, schedule_of(self._diffusion))

    def check_controls(self, controls: Controls) -> None:
        """They check themselves."""

    def begin(self, own: Sequence[Face]) -> Past:
        """Nothing is known of the frames before the first window, and nothing is heard of them."""
        sizes, statistics, people = self._config, self._statistics, len(own)
        template, deviation = statistics.shape("template"), statistics.shape("deviation")
        identity = np.stack([face.identity - template for face in own])  # (B, N, 3)
        offsets = np.stack([face.motion.offsets[0] / deviation for face in own])
        flat = (np.asarray(array, np.float32).reshape(people, -1) for array in (identity, offsets))
        rows = (people, sizes.previous)
        unknown = (np.zeros((*rows, *more), np.float32) for more in ((), (sizes.motion_size,), (sizes.audio_features,)))
        return Past(*map(jnp.asarray, (*flat, *unknown)))

    def noise(self, keys: jax.Array, index: int, given: np.ndarray | None = None) -> Noise:
        return noise_of_window(keys, index, self.noise_shape, self._diffusion.noise_offset, given)

    def window(
        self,
        params: Mapping[str, Any],
        rule: StepRule,
        state: Past,
        features: jax.Array,
        controls: Controls,
        noise: Noise,
    ) -> tuple[Past, jax.Array]:
        """As many frames as are new in a window of the network."""
        return self._window(params[DENOISER.name], rule, state, features, told(controls, self._config.points), noise)

    def in_units(self, motion: np.ndarray) -> np.ndarray:
        return motion * self._statistics.shape("deviation").ravel()


def told(controls: Controls, points: int) -> Told:
    """What a window of so many landmarks is told."""
    guidance = None if controls.audio_guidance == 1 else np.float32(controls.audio_guidance)
    moved = None
    if controls.moved == "mouth":
        moved = np.zeros((points, 3), bool)
        moved[rows_of(MOUTH, points)] = True
    return Told(guidance, moved if moved is None else moved.ravel())


def sample_window(
    network: nn.Module,
    diffusion: DiffusionConfig,
    params: Any,
    rule: StepRule,
    past: Past,
    features: jax.Array,
    asked: Told,
    noise: Noise,
) -> tuple[Past, jax.Array]:
    """The new frames (B, L - P, 3 N) of one window, normalised offsets, from their audio features (B, L - P, W)."""
    schedule, kept = schedule_of(diffusion), past.motion.shape[1]
    call = partial(network.apply, params)
    audio = jnp.concatenate([past.heard, features], axis=1)  # (B, L, W)
    known = jnp.pad(past.known, ((0, 0), (0, features.shape[1])))  # (B, L)
    clean = jnp.pad(past.motion, ((0, 0), (0, features.shape[1]), (0, 0)))  # (B, L, 3 N)
    of_times = call(rule.time, method="embed_time")  # (calls, D)
    sound, identity = call(audio, method="hear"), call(past.identity, known, method="identify")

    def predict(x: jax.Array, heard: jax.Array, of_time: jax.Array) -> jax.Array:
        times = len(x) // len(identity)  # answers in one call
        of_time = jnp.broadcast_to(of_time[None], (len(x), of_time.size))
        return call(x, heard, jnp.tile(identity, (times, 1, 1)), of_time, method="move")

    def denoise(x: jax.Array, now: tuple[jax.Array, jax.Array]) -> jax.Array:
        time, of_time = now
        tokens = jnp.where(known[..., None] > 0, clean, x)
        if asked.audio_guidance is None:
            answer = predict(tokens, sound, of_time)
        else:
            heard = [call(jnp.zeros_like(audio), method="hear"), sound]
            answer = guided(partial(predict, of_time=of_time), heard, (asked.audio_guidance,))(tokens)
        return as_noise(diffusion.prediction, answer, x, time, schedule)

    added = None if rule.noise is None else noise_of_calls(noise, rule.calls, diffusion.noise_offset)
    motion = sample(denoise, rule, noise.start, noise=added, told=(rule.time, of_times))[:, kept:]  # (B, L - P, 3 N)
    after = past._replace(
        known=jnp.ones_like(past.known),
        motion=jnp.concatenate([past.motion, motion], axis=1)[:, -kept:],
        heard=jnp.concatenate([past.heard, features], axis=1)[:, -kept:],
    )
    return after, motion if asked.moved is None else jnp.where(asked.moved[None, None], motion, past.own[:, None])
