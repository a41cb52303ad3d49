"""From light to a picture file: focus, motion, exposure, colours, vignette, noise, JPEG, borders."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.surfaces import turn
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.lights import GAMMA
from kdtalker_jax.synthetic.varied.noise import hashed, part, seeded

_REACH = 4  # pixels of the kernel that blurs, each way
_QUANTISED = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)  # of JPEG's luminance
_COSINES = np.array(
    [[np.sqrt((1 if k == 0 else 2) / 8) * np.cos((2 * n + 1) * k * np.pi / 16) for n in range(8)] for k in range(8)]
)
_DCT = np.kron(_COSINES, _COSINES).astype(np.float32)  # (64, 64) of a block's rows one after another
_YCC = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32)
_RGB = np.linalg.inv(_YCC).astype(np.float32)
_GREY = np.array([128.0, 0.0, 0.0], np.float32)[:, None, None]


class Camera(NamedTuple):
    """Float32; pixels are those of a picture of 256."""

    distance: jax.Array  # to the head, head units
    exposure: jax.Array
    contrast: jax.Array  # 1: a photograph's
    saturation: jax.Array
    balance: jax.Array  # (3,) gains
    lift: jax.Array  # (3,) of the blacks
    vignette: jax.Array
    blur: jax.Array  # pixels
    motion: jax.Array  # (2,) pixels
    sharpening: jax.Array
    noise: jax.Array  # deviation, of 1
    quantiser: jax.Array  # steps of JPEG, 0 none, 1 is quality 50
    border: jax.Array  # (4,) widths at the left, top, right and bottom, of the picture
    border_colour: jax.Array  # (3,)
    seed: jax.Array


def random_camera(draw: Draws) -> Camera:
    """From a studio's to a video call's, and old prints."""
    uniform = draw.uniform
    sometimes = draw.sometimes

    warm, magenta = draw.around(0.0, 0.12), draw.around(0.0, 0.05)
    saturation = uniform(0.65, 1.3) * (1 - sometimes(0.07, uniform(0.8, 1)))
    angle = uniform(0, 2 * np.pi)
    sides = np.where(uniform(0, 1, (4,)) < 0.5, uniform(0.0, 0.12, (4,)), 0.0)
    return Camera(
        distance=np.exp(uniform(1.5, 3.6)),
        exposure=np.exp(uniform(-0.35, 0.3)),
        contrast=uniform(0.85, 1.35),
        saturation=saturation,
        balance=np.exp(np.stack([warm, magenta, -warm])),
        lift=sometimes(0.4, uniform(0, 0.1)) + sometimes(0.3, uniform(0, 0.05, (3,))),
        vignette=sometimes(0.35, uniform(0.1, 0.6)),
        blur=uniform(0.0, 0.55) + sometimes(0.25, uniform(0, 0.8)),
        motion=sometimes(0.1, uniform(0, 2.0)) * np.stack([np.cos(angle), np.sin(angle)]),
        sharpening=sometimes(0.4, uniform(0, 1.0)),
        noise=sometimes(0.5, np.exp(uniform(-6.0, -3.6))),
        quantiser=sometimes(0.45, np.exp(uniform(-2.3, 0.3))),
        border=sometimes(0.06, sides),
        border_colour=np.where(uniform(0, 1) < 0.6, uniform(0, 0.1), uniform(0, 1, (3,))),
        seed=draw.seed(),
    )


def develop(camera: Camera, light: jax.Array, moment: jax.Array) -> jax.Array:
    """The picture that a camera makes of light.

    Args:
        light: (S, S, 3) linear.
        moment: () uint32, another one for each frame: its noise.

    Returns:
        (S, S, 3), 0 to 1.
    """
    size = light.shape[0]
    centres = (jnp.arange(size, dtype=jnp.float32) + 0.5) * 2 / size - 1
    dark = 1 - camera.vignette * 0.5 * (jnp.square(centres)[:, None] + jnp.square(centres)[None])[..., None]
    light = light * camera.balance[None, None] * camera.exposure * dark
    light = _focus(camera, light)
    grey = 0.25 * light[..., :1] + 0.65 * light[..., 1:2] + 0.1 * light[..., 2:]
    light = jnp.maximum(grey + camera.saturation * (light - grey), 1e-4)
    picture = _tone(light, camera.contrast)
    lift = camera.lift[None, None]
    picture = lift + (1 - lift) * picture
    rows, columns = jnp.arange(size)[:, None], jnp.arange(size)[None]
    h = hashed(rows, columns, seeded(camera.seed, 1) ^ moment)
    g = h ^ (h >> 5)
    # Two evenly spread numbers a channel make a triangle, which is near enough to a bell.
    grain = jnp.stack([part(h, k) + part(g * jnp.uint32(0x2C1B3C6D), k) - 1 for k in range(3)], axis=-1)
    picture = jnp.clip(picture + 2.4 * camera.noise * grain, 0, 1)
    if size % 8 == 0:
        picture = jax.lax.cond(camera.quantiser > 0, lambda p: _jpeg(p, camera.quantiser), lambda p: p, picture)
    left, top, right, bottom = camera.border * size
    down, across = rows.astype(jnp.float32), columns.astype(jnp.float32)
    inside = (across >= left) & (across < size - right) & (down >= top) & (down < size - bottom)
    return jnp.clip(jnp.where(inside[..., None], picture, camera.border_colour[None, None]), 0, 1)


def _tone(light: jax.Array, contrast: jax.Array) -> jax.Array:
    """A film's curve: middle grey stays, shadows and highlights bend."""
    curve = _power(jnp.minimum(light, 20.0), contrast) * 0.22 ** (1 - contrast)
    bright = curve * (1 + 0.18 * curve) / (1 + 0.55 * curve)
    return _power(jnp.clip(bright * 1.12, 0, 1), 1 / GAMMA)


def _power(base: jax.Array, exponent: jax.Array | float) -> jax.Array:
    """Of positive numbers. CPUs work out powers one by one, but logarithms of many at a time."""
    return jnp.exp(exponent * jnp.log(base))


def _focus(camera: Camera, light: jax.Array) -> jax.Array:
    """One kernel for defocus, motion and the sharpening that cameras add."""
    size = light.shape[0]
    scale = size / 256
    at = jnp.arange(-_REACH, _REACH + 1, dtype=jnp.float32)
    across, down = at[None], at[:, None]
    motion = camera.motion * scale
    width = jnp.square(jnp.maximum(camera.blur * scale, 0.05))
    xx, yy, xy = width + motion[0] ** 2, width + motion[1] ** 2, motion[0] * motion[1]
    spread = xx * yy - xy * xy

    def bell(grow: float) -> jax.Array:
        a, c, b, d = xx + grow, yy + grow, xy, spread + grow * (xx + yy) + grow * grow
        k = jnp.exp(-0.5 * (c * across**2 - 2 * b * across * down + a * down**2) / d)
        return k / k.sum()

    kernel = bell(0.0) + camera.sharpening * (bell(0.0) - bell(1.2))
    planes = jnp.moveaxis(light, -1, 0)
    padded = jnp.pad(planes, [(0, 0), (_REACH, _REACH), (_REACH, _REACH)], mode="edge")  # (3, S + 8, S + 8)

    def add_row(number: jax.Array, total: jax.Array) -> jax.Array:
        row = jax.lax.dynamic_slice_in_dim(padded, number, size, axis=1)
        taps = jax.lax.dynamic_index_in_dim(kernel, number, keepdims=False)
        return total + sum(taps[i] * row[..., i : i + size] for i in range(2 * _REACH + 1))

    # On CPUs this takes a tenth of the time of a convolution, which is made for many channels.
    blurred = jax.lax.fori_loop(0, 2 * _REACH + 1, add_row, jnp.zeros_like(planes))
    return jnp.moveaxis(blurred, 0, -1)


def _jpeg(picture: jax.Array, steps: jax.Array) -> jax.Array:
    """Coefficients of blocks of 8 x 8 rounded to steps; colours to coarser ones."""
    size = picture.shape[0]
    planes = jnp.stack(turn(tuple(jnp.moveaxis(picture, -1, 0)), _YCC)) * 255 - _GREY  # (3, S, S)
    blocks = planes.reshape(3, size // 8, 8, size // 8, 8).swapaxes(2, 3)
    found = blocks.reshape(-1, 64) @ _DCT.T
    quantum = (np.float32([1.0, 1.7, 1.7])[:, None, None] * _QUANTISED.reshape(1, 1, 64)) * steps + 0.5
    found = found.reshape(3, -1, 64)
    found = jnp.round(found / quantum) * quantum
    blocks = (found.reshape(-1, 64) @ _DCT).reshape(3, size // 8, size // 8, 8, 8).swapaxes(2, 3)
    planes = (blocks.reshape(planes.shape) + _GREY) / 255
    return jnp.clip(jnp.stack(turn(tuple(planes), _RGB), axis=-1), 0, 1)
