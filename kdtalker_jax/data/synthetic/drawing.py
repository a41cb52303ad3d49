"""Pictures of the synthetic world's people, and where their features are in them.

Everything is in closed form at each pixel: rays meet ellipsoids (`surfaces`), features are painted on them in the
head's own coordinates (`skin`, `textures`), so that they turn, hide and shorten as solid things do.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.batching import in_batches
from kdtalker_jax.data.synthetic.anatomy import (
    PICTURE_UNITS,
    body_parts,
    hair_parts,
    head_parts,
    head_rotation,
    neck,
    turned,
)
from kdtalker_jax.data.synthetic.people import Person
from kdtalker_jax.data.synthetic.skin import paint_skin
from kdtalker_jax.data.synthetic.state import FaceState
from kdtalker_jax.data.synthetic.surfaces import Surface, Vector, hit, in_front, join, mix, step, turn, union, unit
from kdtalker_jax.data.synthetic.textures import (
    hairline,
    paint_background,
    paint_cloth,
    paint_glasses,
    paint_hair,
)

FRAMES_PER_BATCH = 8


def draw(person: Person, state: FaceState, size: int) -> jax.Array:
    """One frame of one person: (size, size, 3) float32 RGB, 0 to 1. Pure; `vmap` it over people, states or both."""
    centres = (jnp.arange(size, dtype=jnp.float32) + 0.5) * 2 / size - 1  # (size,)
    unit_length = PICTURE_UNITS * state.size
    x = jnp.broadcast_to((centres[None, :] - state.x) / unit_length, (size, size))
    y = jnp.broadcast_to((centres[:, None] - state.y) / unit_length, (size, size))
    pixel = 2 / size / unit_length
    rotation = head_rotation(state)
    view = tuple(rotation[:, 2])  # towards the viewer, in the head's coordinates

    picture = paint_background(person, centres[None, :], centres[:, None])
    body, chest = _body(person, rotation, x, y, pixel)
    picture = mix(picture, chest, body.cover)

    head = union([turned(part, rotation) for part in head_parts(person, state)], x, y, pixel)
    at = turn((x, y, head.depth), rotation)
    colour, wet = paint_skin(person, state, at, view, pixel)
    shadow = 1 - 0.3 * step(hairline(person, at) + 0.03, 0.14) * person.hair.cover[0]
    face = _light(person, tuple(c * shadow for c in colour), head.normal, wet)
    picture = mix(picture, face, head.cover * (1 - body.cover * in_front(body, head, pixel)))

    hair, locks, lining = _hair(person, rotation, x, y, pixel)
    dark = tuple(0.45 * c for c in person.hair.colour)
    picture = mix(picture, dark, lining.cover * (1 - jnp.maximum(head.cover, body.cover)))
    hidden = jnp.maximum(head.cover * in_front(head, hair, pixel), body.cover * in_front(body, hair, pixel))
    picture = mix(picture, locks, hair.cover * (1 - hidden))
    nearest = jnp.where(hair.cover > 0.5, jnp.maximum(hair.depth, head.depth), head.depth)
    glasses = paint_glasses(person, rotation, x, y, nearest, pixel)
    picture = mix(picture, person.glasses_colour, glasses)
    return jnp.clip(jnp.stack(picture, axis=-1), 0, 1)


def _body(person: Person, rotation: jax.Array, x: jax.Array, y: jax.Array, pixel: jax.Array) -> tuple[Surface, Vector]:
    """Neck and clothes, lit."""
    throat = hit(neck(person, rotation), x, y, pixel)
    chest = union(body_parts(person), x, y, pixel)
    colour, bare = paint_cloth(person, x, y, chest.depth, pixel)
    both = join(throat, chest, 0.05)
    clothed = (1 - bare) * chest.cover * jnp.maximum(step(chest.depth - throat.depth, 0.05), 1 - throat.cover)
    # The chin keeps the light from the throat.
    shade = 1 - 0.42 * step(1.45 - y, 0.7)
    skin = tuple(c * shade * f for c, f in zip(person.skin, (1.0, 0.97, 0.96), strict=True))
    colour = mix(skin, colour, clothed / jnp.maximum(both.cover, 1e-3))
    return both, _light(person, colour, unit(both.normal), 0.0)


def _hair(
    person: Person, rotation: jax.Array, x: jax.Array, y: jax.Array, pixel: jax.Array
) -> tuple[Surface, Vector, Surface]:
    """The cap, cut off at the hairline, and the volumes, lit; and the far inside of the cap, seen past the forehead."""
    first, *volumes = [turned(part, rotation) for part in hair_parts(person)]
    cap = hit(first, x, y, pixel)
    cut = step(hairline(person, turn((x, y, cap.depth), rotation)), 1.5 * pixel + 0.02)
    hair = cap._replace(cover=cap.cover * cut)
    far = 2 * first.centre[2] - hit(first, 2 * first.centre[0] - x, 2 * first.centre[1] - y, pixel).depth
    within = hairline(person, turn((x, y, far), rotation)) + 0.35  # hair is thick: fill the gap at the forehead
    lining = cap._replace(cover=cap.cover * step(jnp.minimum(within, -y), 0.1), depth=far)
    for volume in volumes:
        hair = join(hair, hit(volume, x, y, pixel), volume.blend)
    normal = unit(hair.normal)
    colour = paint_hair(person, turn((x, y, hair.depth), rotation), turn(normal, rotation))
    return hair, _light(person, colour, normal, 0.15 * person.hair.gloss), lining


def _light(person: Person, colour: Vector, normal: Vector, wet: jax.Array | float) -> Vector:
    """Key light, wrapped further round in red as under skin, light from everywhere, more from above, and a soft rim."""
    facing = sum(n * d for n, d in zip(normal, person.light, strict=True))
    sky = person.fill * (0.9 - 0.22 * normal[1])
    rim = 0.1 * jnp.square(1 - jnp.clip(normal[2], 0, 1))
    half = unit((person.light[0], person.light[1], person.light[2] + 1.0))
    glint = jnp.clip(sum(n * h for n, h in zip(normal, half, strict=True)), 0, 1)
    glint = (0.05 + wet) * jnp.square(jnp.square(jnp.square(jnp.square(glint))))
    lit = []
    for channel, wrap, tint in zip(colour, (0.42, 0.3, 0.26), person.light_colour, strict=True):
        key = jnp.clip((facing + wrap) / (1 + wrap), 0, 1) * 0.6 * tint
        lit.append(channel * (sky + key + rim) + glint)
    return tuple(lit)


@partial(jax.jit, static_argnames="size")
def _frames(person: Person, *state: jax.Array, size: int) -> jax.Array:
    pictures = jax.lax.map(lambda fields: draw(person, FaceState(*fields), size), state)
    return jnp.round(pictures * 255).astype(jnp.uint8)


def draw_frames(person: Person, states: FaceState, size: int) -> np.ndarray:
    """A clip of one person: states (F,) each -> (F, size, size, 3) uint8. Compiled once per size."""
    return in_batches(partial(_frames, person, size=size), FRAMES_PER_BATCH, *states)
