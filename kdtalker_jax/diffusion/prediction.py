"""Noisy samples, and what a network tells of them in terms of the noise: samplers know no other kind."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.schedule import NoiseSchedule, schedule_of

Kind = Literal["noise", "sample", "velocity"]


def noised(clean: jax.Array, noise: jax.Array, time: Any, schedule: NoiseSchedule) -> jax.Array:
    """x_t = signal x_0 + spread noise (DDPM, arXiv 2006.11239, equation 4); clean, noise (B, ...), time () or (B,)."""
    signal, spread = signal_and_spread(schedule, time, clean.ndim)
    return signal * clean + spread * noise


def as_noise(kind: Kind, predicted: jax.Array, x: jax.Array, time: Any, schedule: NoiseSchedule) -> jax.Array:
    """The noise in x_t, as of `noised`, that a prediction implies.

    Args:
        kind: what is predicted: "noise" (DDPM, arXiv 2006.11239), "sample", which is x_0, or "velocity", which is
            signal noise - spread x_0 (arXiv 2202.00512, section 4).
        predicted, x: (B, ...), or of any shape where there is one time.
        time: () or (B,) int.
        schedule: of the network.
    """
    if kind == "noise":
        return predicted
    signal, spread = signal_and_spread(schedule, time, x.ndim)
    if kind == "sample":
        return (x - signal * predicted) / spread
    return signal * predicted + spread * x


def target(kind: Kind, clean: jax.Array, noise: jax.Array, time: Any, schedule: NoiseSchedule) -> jax.Array:
    """What a network of this kind has to answer in training; clean, noise (B, ...), time (B,)."""
    if kind == "noise":
        return noise
    if kind == "sample":
        return clean
    signal, spread = signal_and_spread(schedule, time, clean.ndim)
    return signal * noise - spread * clean


def signal_and_spread(schedule: NoiseSchedule, time: Any, dimensions: int) -> tuple[jax.Array, jax.Array]:
    """Square roots of the shares of sample and noise at times () or (B,), for arrays of so many dimensions."""
    time = jnp.asarray(time)
    shape = time.shape + (1,) * (dimensions - time.ndim) if time.ndim else ()
    alpha_bars = schedule.alpha_bars
    tables = np.sqrt(alpha_bars), np.sqrt(1 - alpha_bars)
    signal, spread = (jnp.asarray(table, jnp.float32)[time].reshape(shape) for table in tables)
    return signal, spread


def snr_weights(diffusion: DiffusionConfig, times: jax.Array, largest: float) -> jax.Array:
    """What samples at diffusion times (B,) count: min(SNR, largest) / SNR (arXiv 2303.09556, equation 10). (B,)

    A sample with more signal then counts by its error in clean motion, as one with less does by its error in noise.
    Predictions of other kinds are errors of another size: the weights make the same of them (section 3.4).
    """
    alpha_bars = schedule_of(diffusion).alpha_bars
    ratios = alpha_bars / (1 - alpha_bars)
    in_noise = {"noise": ratios, "sample": 1.0, "velocity": ratios + 1}[diffusion.prediction]
    return jnp.asarray(np.minimum(ratios, largest) / in_noise, jnp.float32)[times]
