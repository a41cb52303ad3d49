"""What the two networks are trained to make small."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from kdtalker_jax.diffusion.prediction import Kind, noised, target
from kdtalker_jax.diffusion.schedule import NoiseSchedule

COMMITMENT = 0.25


def noise_loss(
    predict: Callable[[jax.Array, jax.Array], jax.Array],
    clean: jax.Array,
    noise: jax.Array,
    time: jax.Array,
    schedule: NoiseSchedule,
) -> jax.Array:
    """Mean square of what a network misses of the noise (arXiv 2112.10752, equation 2).

    Args:
        predict: (latents, times) -> noise, with parameters and conditions inside.
        clean, noise: (B, h, w, C).
        time: (B,) int.
        schedule: how much of either there is at a time.
    """
    told = predict(noised(clean, noise, time, schedule), time)
    return prediction_errors("noise", told, clean, noise, time, schedule).mean()


def prediction_errors(
    kind: Kind, told: jax.Array, clean: jax.Array, noise: jax.Array, time: jax.Array, schedule: NoiseSchedule
) -> jax.Array:
    """Squares of what is missed by what a network tells of `noised`, as it is to tell a `kind`: (B, h, w, C)."""
    return jnp.square(told - target(kind, clean, noise, time, schedule))


def codebook_loss(z: jax.Array, quantised: jax.Array) -> jax.Array:
    """Draws codes to latents, and latents to codes (arXiv 1711.00937, equation 3).

    The weight is with the codes' side, where latent diffusion's models were trained with it; both (B, h, w, C).
    """
    return codebook_errors(z, quantised).mean()


def codebook_errors(z: jax.Array, quantised: jax.Array) -> jax.Array:
    """`codebook_loss` before any mean: (B, h, w, C)."""
    to_latents = jnp.square(quantised - jax.lax.stop_gradient(z))
    to_codes = jnp.square(jax.lax.stop_gradient(quantised) - z)
    return to_codes + COMMITMENT * to_latents


def straight_through(z: jax.Array, quantised: jax.Array) -> jax.Array:
    """The codes, with gradients that pass to the latents as they are."""
    return z + jax.lax.stop_gradient(quantised - z)
