"""Hair, clothes, glasses and backgrounds of the synthetic world: smooth on purpose, for small networks to learn."""

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.surfaces import Vector, mix, step, wave


def hairline(person: Person, at: Vector) -> jax.Array:
    """How far inside the hair a point of the head is (head units, negative: bare skin). In the head's coordinates."""
    x, y, z = at
    hair = person.hair
    brow = hair.line + hair.sweep * x + hair.curve * x * x + 0.012 * wave(14 * x)
    top = brow - y
    ear = 0.26 - 0.62 * step(y + 0.12, 0.5)  # z of the edge: before the temples above the ears, behind them below
    behind = jnp.minimum(ear - z, hair.nape - y)
    return jnp.maximum(top, behind)


def paint_hair(person: Person, at: Vector, normal: Vector) -> Vector:
    """The colour of hair before light, with a soft band of gloss and a few strands."""
    x, _, z = at
    hair = person.hair
    around = jnp.arctan2(x, jnp.maximum(jnp.abs(z) + 0.25, 0.25))
    strands = 1 + 0.09 * hair.strands * wave(19 * around + 2 * wave(5 * around + 3 * normal[1]))
    gloss = 0.3 * hair.gloss * jnp.exp(-jnp.square((normal[1] + 0.55) / 0.22))
    return tuple(c * strands + (0.12 + 0.5 * c) * gloss for c in hair.colour)


def paint_cloth(person: Person, x: jax.Array, y: jax.Array, pixel: jax.Array) -> tuple[Vector, jax.Array]:
    """The colour of clothes before light, and how bare the chest is above the neckline (0 .. 1)."""
    side = jnp.abs(x)
    neckline = 1.28 + person.neckline - person.neckline_v * 0.9 * side - (1 - person.neckline_v) * 1.2 * side * side
    below = y - neckline
    bare = step(-below, 2 * pixel)
    stripe = person.stripes * step(wave(13 * y), 0.5)
    colour = mix(person.cloth, person.collar, stripe)
    collar = step(0.07 - below, 2 * pixel)
    return mix(colour, tuple(0.88 * c for c in person.collar), collar), bare


def paint_glasses(
    person: Person, rotation: jax.Array, x: jax.Array, y: jax.Array, face: jax.Array, pixel: jax.Array
) -> jax.Array:
    """How much of each pixel glasses cover: two rims and a bridge on a plane before the eyes, arms to the ears.

    `face`: depth of face and hair, which hide the arms.
    """
    depth = 0.83
    normal = rotation[:, 2]  # of the picture, in the head's coordinates: (u, v, depth) = x y z turned back
    z = (depth - rotation[2, 0] * x - rotation[2, 1] * y) / normal[2]
    u, v = (rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] * z for i in (0, 1))
    side, v = jnp.abs(u), v - person.eye_height - 0.01
    width, height = 0.225, 0.15 + 0.06 * person.glasses_round
    corner = height * (0.45 + 0.55 * person.glasses_round)
    dx, dy = jnp.abs(side - 0.285) - width + corner, jnp.abs(v) - height + corner
    outline = (
        jnp.sqrt(jnp.square(jnp.maximum(dx, 0)) + jnp.square(jnp.maximum(dy, 0)))
        + jnp.minimum(jnp.maximum(dx, dy), 0)
        - corner
    )
    rims = 0.02 - jnp.abs(outline)
    bridge = jnp.minimum(0.018 - jnp.abs(v + 0.03 - 0.5 * u * u), 0.06 - side)
    front = step(jnp.maximum(rims, bridge), 1.5 * pixel)
    arms = jnp.zeros_like(x)
    for sign in (-1, 1):
        hinge, ear = (
            jnp.stack([sign * width, person.eye_height, depth]) @ rotation
            for width, depth in ((0.51, 0.82), (0.77, 0.0))
        )
        along = ear - hinge
        share = jnp.clip(
            ((x - hinge[0]) * along[0] + (y - hinge[1]) * along[1]) / (along[0] ** 2 + along[1] ** 2 + 1e-4), 0, 1
        )
        off = jnp.sqrt(jnp.square(x - hinge[0] - share * along[0]) + jnp.square(y - hinge[1] - share * along[1]))
        seen = step(hinge[2] + share * along[2] - face + 0.04, 0.06)
        arms = jnp.maximum(arms, step(0.02 - off, 1.5 * pixel) * seen)
    return person.glasses * jnp.maximum(front, arms)


def paint_background(person: Person, x: jax.Array, y: jax.Array) -> Vector:
    """A soft wall with blurred lights, in picture coordinates: it stands still while the head moves."""
    top, bottom = person.background
    colour = mix(top, bottom, step(y, 2.4))
    for (bx, by, radius), blob in zip(person.blobs, person.blob_colours, strict=True):
        distance = jnp.sqrt(jnp.square(x - bx) + jnp.square(y - by))
        colour = mix(colour, blob, 0.4 * step(radius - distance, 0.25))
    return colour
