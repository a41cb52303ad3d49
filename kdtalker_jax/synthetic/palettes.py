"""The colours that people of the synthetic world are made of: (colours, 3) RGB, 0 to 1."""

import jax
import jax.numpy as jnp
import numpy as np


def _palette(*codes: str) -> np.ndarray:
    return np.array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for code in codes], np.float32)


SKIN = _palette("fde0cf", "f7d0b5", "efbf9c", "e3aa82", "cb966f", "b07b58", "8f6145", "784a30", "5c3826")
HAIR = _palette("1d1614", "2e1f19", "46301f", "5f3f26", "7e4f2a", "93482a", "a9743f", "c69a5b", "e0c285")
IRISES = _palette("3d2314", "5a371d", "7a5228", "6f7038", "5d8055", "5b8291", "5583ad", "7896a8")
FRAMES = _palette("23201f", "4a2d1f", "7a3b2a", "2c3a55", "8c7a55", "6d6d72")
CLOTHES = _palette(
    "2f3e5c", "b8423f", "3f6b57", "e2b13c", "6b4a7d", "e9e4da", "2b2b30", "4d84a8", "d98a5b", "8fae8b", "c9748b",
    "5d6b7a", "83512f", "a9c4d6", "36707a",
)  # fmt: skip
BACKGROUNDS = _palette(
    "a9bfc9", "d9c6ae", "8fa58f", "c9a5a0", "7d8fae", "e0d8c8", "5d6a75", "b7a6c2", "8c7565", "96bdb4", "d8b98a",
    "44525c",
)  # fmt: skip


def pick(key: jax.Array, palette: np.ndarray) -> jax.Array:
    """One colour of (colours, 3), each as likely. (3,)."""
    return jax.random.choice(key, jnp.asarray(palette))


def ramp(palette: np.ndarray, position: jax.Array) -> jax.Array:
    """The colour at `position`, 0 the first to 1 the last of (colours, 3), mixed between neighbours. (3,)."""
    steps = jnp.linspace(0.0, 1.0, len(palette))
    return jnp.stack([jnp.interp(position, steps, channel) for channel in palette.T])


def jitter(key: jax.Array, colour: jax.Array, amount: float) -> jax.Array:
    """The colour, each channel off by up to `amount`."""
    return jnp.clip(colour + jax.random.uniform(key, (3,), minval=-amount, maxval=amount), 0.02, 0.98)
