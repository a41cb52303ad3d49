"""What a step of training the renderer needs of a device's memory, by the compiler's account and without a step."""

from typing import NamedTuple

import jax
import numpy as np

from configs.renderer import PhaseConfig, RendererConfig
from kdtalker_jax.renderers.liveportrait.training.reenactment import output_size, source_size
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks, Pictures, initial_state, make_train_step


class StepMemory(NamedTuple):
    """Bytes on one device."""

    state: int  # weights, their average, the optimiser's
    working: int  # activations, gradients and all else that a step makes and drops
    per_sample: int  # of `working`, for each source that is worked through at once


def step_memory(config: RendererConfig, phase: PhaseConfig, devices: int) -> StepMemory:
    """Compiles the step of a phase for one of so many devices."""
    state = jax.eval_shape(lambda: initial_state(config))
    batch = phase.batch_size // devices
    step = jax.jit(make_train_step(config, phase, Landmarks()), donate_argnums=0)
    analysis = step.lower(state, picture_shapes(config, phase, batch)).compile().memory_analysis()
    held = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    return StepMemory(held, analysis.temp_size_in_bytes, analysis.temp_size_in_bytes // (batch // config.accumulate))


def picture_shapes(config: RendererConfig, phase: PhaseConfig, batch: int) -> Pictures:
    """Shapes of a device's share of a batch, from a data set without landmarks."""
    drivings, found, made = config.frames.drivings, config.motion_extractor.image_size, output_size(config, phase)
    taken = source_size(config, phase)

    def shape(*size: int, dtype: type = np.uint8) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((batch, *size), dtype)

    return Pictures(
        source=shape(taken, taken, 3),
        motion=shape(1 + drivings, found, found, 3),
        target=shape(drivings, made, made, 3),
        state=shape(1 + drivings, 6, dtype=np.float32),
        landmarks=shape(1 + drivings, 0, 2, dtype=np.float32),
        position=shape(dtype=np.int32),
    )
