"""What is behind people: walls, rooms out of focus, foliage, leaves of all sizes, screens of one colour."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.noise import colour_fractal, seeded

SHEETS = 20


class Surroundings(NamedTuple):
    """Float32; linear colours, picture coordinates."""

    top: jax.Array  # (3,)
    bottom: jax.Array  # (3,)
    places: jax.Array  # (SHEETS, 2) x, y
    sizes: jax.Array  # (SHEETS, 2) half width, half height
    angles: jax.Array  # (SHEETS,)
    rounds: jax.Array  # (SHEETS,) 0 rectangle, 1 ellipse
    stripes: jax.Array  # (SHEETS,) frequency, 0 none
    colours: jax.Array  # (SHEETS, 3)
    covers: jax.Array  # (SHEETS,)
    blur: jax.Array  # width of edges
    mottle: jax.Array  # strength of the noise
    grain: jax.Array  # its frequency
    seed: jax.Array


def random_surroundings(draw: Draws) -> Surroundings:
    """A wall, a room, foliage, leaves of all sizes or a screen."""
    uniform = draw.uniform

    wall, room, outside, leaves, screen = np.eye(5)[draw.choice((0.24, 0.3, 0.16, 0.2, 0.1))]
    light, saturation = uniform(0.02, 0.95), 0.4 * uniform(0, 1) ** 2
    hue = uniform(-1, 1, (3,))
    top = linear(np.clip(light + saturation * hue + screen * uniform(-0.5, 0.5, (3,)), 0.02, 0.98))
    bottom = top * np.where(screen > 0, 1.0, np.exp(uniform(-1.2, 0.7))) * np.exp(uniform(-0.15, 0.15, (3,)))
    upright = uniform(0, 1, (SHEETS,)) < room
    sizes = np.exp(uniform(-3.2, -0.4, (SHEETS, 2)) - 0.4 * leaves)
    sizes = np.where(leaves > 0, sizes[:, :1] * np.exp(uniform(-0.4, 0.4, (SHEETS, 2))), sizes)
    spread = np.where(leaves > 0, 0.9, 0.5 * uniform(0, 1))
    tints = top + (bottom - top) * uniform(0, 1, (SHEETS, 1))
    bright = np.where(uniform(0, 1, (SHEETS, 1)) < 0.12, 1.5 * linear(uniform(0.6, 1, (SHEETS, 3))), 0)
    tints = tints * (1 - spread) + spread * linear(_muted(draw, SHEETS)) + bright
    sharp = np.where(uniform(0, 1) < 0.3, 0.012, np.exp(uniform(-3.8, -1.2)))
    covers = (leaves + (room + 0.6 * outside) * (uniform(0, 1, (SHEETS,)) < 0.65)) * uniform(0.5, 1, (SHEETS,))
    return Surroundings(
        top,
        bottom,
        places=uniform(-1.1, 1.1, (SHEETS, 2)),
        sizes=sizes,
        angles=np.where(upright, 0.0, uniform(0, np.pi, (SHEETS,))),
        rounds=(uniform(0, 1, (SHEETS,)) < 0.15 + 0.4 * leaves + 0.6 * outside).astype(np.float32),
        stripes=np.where(uniform(0, 1, (SHEETS,)) < 0.2, np.exp(uniform(2.0, 4.0, (SHEETS,))), 0.0),
        colours=np.clip(tints, 0.001, 2.5),
        covers=covers,
        blur=sharp,
        mottle=uniform(0, 0.12) * (wall + room) + uniform(0.4, 1.1) * outside + 0.2 * leaves * uniform(0, 1),
        grain=np.exp(uniform(0.0, 2.2)),
        seed=draw.seed(),
    )


def _muted(draw: Draws, count: int) -> np.ndarray:
    """Colours as rooms and streets have them, few of them strong: (count, 3)."""
    grey, colour = draw.uniform(0.03, 0.95, (count, 1)), draw.uniform(0.05, 0.95, (count, 3))
    return grey + draw.uniform(0, 1) * draw.uniform(0, 1, (count, 1)) * (colour - grey)


def paint_surroundings(around: Surroundings, x: jax.Array, y: jax.Array) -> Vector:
    """Light from behind the people, linear."""
    colour = mix(tuple(around.top), tuple(around.bottom), step(y, 2.4))
    colour = tuple(jnp.broadcast_to(c, x.shape) for c in colour)

    def add(below: Vector, sheet) -> tuple[Vector, None]:
        (px, py), (width, height), angle, round_, stripes, tint, cover = sheet

        def added() -> Vector:
            dx, dy = x - px, y - py
            u, v = jnp.cos(angle) * dx + jnp.sin(angle) * dy, jnp.cos(angle) * dy - jnp.sin(angle) * dx
            box = jnp.minimum(width - jnp.abs(u), height - jnp.abs(v))
            disc = (1 - jnp.sqrt(jnp.square(u / width) + jnp.square(v / height))) * jnp.minimum(width, height)
            inside = cover * step(jnp.where(round_ > 0, disc, box), around.blur)
            dark = jnp.where(stripes > 0, 0.6, 0.0)
            striped = 1 - dark * step(wave(stripes * u), 0.5 + stripes * around.blur)
            return mix(below, tuple(t * striped for t in tint), inside)

        # Most tiles are beside most sheets.
        reach = jnp.hypot(width, height) * (1 + 0.5 * around.blur / jnp.minimum(width, height))
        beside = (x.min() > px + reach) | (x.max() < px - reach) | (y.min() > py + reach) | (y.max() < py - reach)
        return jax.lax.cond((cover > 0) & ~beside, added, lambda: below), None

    sheets = (around.places, around.sizes, around.angles, around.rounds, around.stripes, around.colours, around.covers)
    some = jnp.any(around.covers > 0)
    colour = jax.lax.cond(some, lambda below: jax.lax.scan(add, below, sheets)[0], lambda below: below, colour)
    mottle = colour_fractal(around.grain * x, around.grain * y, seeded(around.seed, 1), 5, 0.6)
    grey = sum(mottle) / 3
    return tuple(c * jnp.exp(around.mottle * (0.75 * grey + 0.25 * m)) for c, m in zip(colour, mottle, strict=True))
