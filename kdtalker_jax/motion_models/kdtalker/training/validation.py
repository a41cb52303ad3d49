"""Validation on fixed windows, at fixed times, with fixed noise: comparable between steps, runs and machines."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from configs.training import TrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.motion_models.kdtalker.network import Denoiser
from kdtalker_jax.motion_models.kdtalker.training.input import UsableClips, stack_windows
from kdtalker_jax.motion_models.kdtalker.training.loss import Array, Windows, denoising_losses, to_examples
from kdtalker_jax.spaces.statistics import MotionStatistics


class Questions(NamedTuple):
    """Windows with all that is random in training."""

    windows: Windows
    times: Array  # (B,) int32
    weights: Array  # (B,) 0 for samples that only fill up a batch


class Validation:
    """The questions of one run, and how well a denoiser answers them. All processes make the same calls."""

    def __init__(self, config: TrainingConfig, statistics: MotionStatistics, clips: UsableClips) -> None:
        denoiser = Denoiser(config.denoiser, dtype=config.dtype)

        def sums(params: dict, questions: Questions) -> dict[str, jax.Array]:
            examples = to_examples(questions.windows, statistics)
            noise = _fixed_noise(questions.windows.position, examples.motion.shape[1:])
            losses = denoising_losses(denoiser, config.diffusion, params, examples, questions.times, noise)
            totals = jax.tree.map(lambda values: jnp.sum(values * questions.weights), losses)
            return {"loss": totals.total, "expression": totals.expression, "pose": totals.pose}

        self._sums = parallel.map_sums(sums, config.devices.mapping)
        self._count = config.validation.windows
        questions = ask(clips, self._count, config.denoiser.window, config.diffusion.times)
        self._batches = _batches(questions, config.batch_size // config.accumulate)

    def __call__(self, params: dict) -> dict[str, float]:
        """Mean loss, expression and pose loss of placed parameters."""
        totals = [self._sums(params, batch) for batch in self._batches]
        return {name: sum(float(total[name]) for total in totals) / self._count for name in totals[0]}


def ask(clips: UsableClips, count: int, window: int, times_count: int = DiffusionConfig.times) -> Questions:
    """`count` questions: windows spread evenly over the clips and inside them, times evenly over all there are."""
    rounds = -(-count // len(clips))
    chosen = [clips[i % len(clips)] for i in range(count)]
    starts = [clip.start((i // len(clips) + 0.5) / rounds, window) for i, clip in enumerate(chosen)]
    windows = stack_windows(chosen, starts, window, np.arange(count, dtype=np.int32))
    times = (np.arange(count) + 0.5) / count * times_count
    shuffled = np.random.default_rng(0).permutation(times)  # so that clips and times do not go hand in hand
    return Questions(windows, shuffled.astype(np.int32), np.ones(count, np.float32))


def _batches(questions: Questions, largest: int) -> list[Questions]:
    """This process's share of the questions, in batches of one size, the last filled up with weight 0."""
    count, devices = len(questions.times), parallel.device_count()
    size = min(largest, -(-count // devices) * devices)
    padding = -count % size

    def fill_up(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, np.repeat(array[-1:], padding, axis=0)])

    filled = jax.tree.map(fill_up, questions)
    filled.weights[count:] = 0
    mine = slice(parallel.process_index(), None, parallel.process_count())
    starts = range(0, count + padding, size)
    return [jax.tree.map(lambda array, start=start: array[start : start + size][mine], filled) for start in starts]


def _fixed_noise(position: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """(B, L, 70) noise that depends on a question's number alone."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), position)
    return jax.vmap(lambda key: jax.random.normal(key, shape, jnp.float32))(keys)
