"""Validation on fixed windows, at fixed times, with fixed noise: comparable between steps, runs and machines."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from configs.playmate_training import PlaymateRun
from kdtalker_jax import parallel
from kdtalker_jax.motion_models.playmate.config import AdaptiveStatistics
from kdtalker_jax.motion_models.playmate.training.input import Windows, frames_of, stack_windows
from kdtalker_jax.motion_models.playmate.training.loss import denoising_losses, to_examples
from kdtalker_jax.motion_models.playmate.training.step import networks_of
from kdtalker_jax.training.batches import start_at
from kdtalker_jax.training.kept_clips import KeptClips
from kdtalker_jax.training.one_network import counted_batches


class Questions(NamedTuple):
    """Windows with all that is random in training."""

    windows: Windows
    times: Any  # (B,) int32


class Validation:
    """The questions of one run, and how well a network answers them. All processes make the same calls."""

    def __init__(self, config: PlaymateRun, statistics: AdaptiveStatistics, clips: KeptClips) -> None:
        networks, previous = networks_of(config), config.diffusion_transformer.previous

        def sums(trees: tuple[Any, Any], asked: tuple[Questions, jax.Array]) -> dict[str, jax.Array]:
            questions, counts = asked
            examples = to_examples(questions.windows, statistics, previous)
            noise = _fixed_noise(questions.windows.position, examples.motion.shape[1:])
            heard = jnp.ones(len(noise), jnp.float32)
            losses = denoising_losses(networks, config, *trees, examples, heard, questions.times, noise)
            totals = jax.tree.map(lambda values: jnp.sum(values * counts), losses)
            return {"loss": totals.total, "expression": totals.expression, "pose": totals.pose}

        self._sums = parallel.map_sums(sums, config.devices.mapping)
        self._count = config.validation.windows
        self._batches = counted_batches(_ask(clips, self._count, config), config.batch_size // config.accumulate)

    def __call__(self, params: Any, frozen: Any) -> dict[str, float]:
        """Mean loss, expression and pose loss of placed parameters."""
        totals = [self._sums((params, frozen), batch) for batch in self._batches]
        return {name: sum(float(total[name]) for total in totals) / self._count for name in totals[0]}


def _ask(clips: KeptClips, count: int, config: PlaymateRun) -> Questions:
    """`count` questions: windows spread evenly over the clips and inside them, times evenly over all there are."""
    rounds, frames = -(-count // len(clips)), frames_of(config)
    chosen = [clips[i % len(clips)] for i in range(count)]
    starts = [start_at(len(clip.motion), (i // len(clips) + 0.5) / rounds, frames) for i, clip in enumerate(chosen)]
    windows = stack_windows(chosen, starts, frames, np.arange(count, dtype=np.int32))
    times = (np.arange(count) + 0.5) / count * config.diffusion.times
    shuffled = np.random.default_rng(0).permutation(times)  # so that clips and times do not go hand in hand
    return Questions(windows, shuffled.astype(np.int32))


def _fixed_noise(position: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """(B, L, 70) noise that depends on a question's number alone."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), position)
    return jax.vmap(lambda key: jax.random.normal(key, shape, jnp.float32))(keys)
