"""Pictures of the synthetic world's people, and where their features are in them.

Everything is in closed form at each pixel: rays meet ellipsoids (`surfaces`), features are painted on them in the
head's own coordinates (`skin`, `textures`), so that they turn, hide and shorten as solid things do.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.batching import in_batches
from kdtalker_jax.synthetic.anatomy import (
    PICTURE_UNITS,
    body_parts,
    hair_parts,
    head_parts,
    head_rotation,
    neck,
    turned,
)
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.skin import paint_skin
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import (
    Outline,
    Surface,
    Vector,
    far_side,
    hit,
    in_front,
    join,
    mix,
    outline,
    step,
    turn,
    union,
    unit,
)
from kdtalker_jax.synthetic.textures import (
    hairline,
    paint_background,
    paint_cloth,
    paint_glasses,
    paint_hair,
)
from kdtalker_jax.synthetic.tiles import in_tiles
from kdtalker_jax.synthetic.varied.drawing import photograph

FRAMES_PER_BATCH = 8


class _Scene(NamedTuple):
    """One frame's solid parts as seen: what is the same for all pixels."""

    rotation: jax.Array  # (3, 3)
    pixel: jax.Array  # its size in head units
    head: Outline  # stacked
    cap: Outline
    volumes: Outline  # of hair, stacked
    neck: Outline
    body: Outline  # stacked


def _scene(person: Person, state: State, size: int) -> _Scene:
    rotation = head_rotation(state)
    outlines = jax.vmap(outline)
    hair = outlines(turned(hair_parts(person), rotation))
    return _Scene(
        rotation,
        2 / size / (PICTURE_UNITS * state.size),
        outlines(turned(head_parts(person, state), rotation)),
        jax.tree.map(lambda field: field[0], hair),
        jax.tree.map(lambda field: field[1:], hair),
        outline(neck(person, rotation)),
        outlines(body_parts(person)),
    )


def draw(person: Person, state: State, size: int) -> jax.Array:
    """One frame of one person: (size, size, 3) float32 RGB, 0 to 1. Pure; `vmap` it over people, states or both.

    Tile by tile, so that tiles skip what they do not see and all their arrays stay in the cache. People with `details`
    are photographed.
    """
    if person.details is not None:
        return photograph(person, state, size)
    scene = _scene(person, state, size)
    return in_tiles(lambda across, down: _tile(person, state, scene, across, down), size)


def _tile(person: Person, state: State, scene: _Scene, across: jax.Array, down: jax.Array) -> jax.Array:
    """The pixels at `across`, `down` (rows, columns), picture coordinates. (rows, columns, 3)."""
    x, y = ((at - middle) / (PICTURE_UNITS * state.size) for at, middle in ((across, state.x), (down, state.y)))
    picture = paint_background(person, across, down)
    picture, body = _add_body(picture, person, scene, x, y)

    head = union(scene.head, x, y, scene.pixel)
    visible = head.cover * (1 - body.cover * in_front(body, head, scene.pixel))
    picture = jax.lax.cond(
        jnp.any(visible > 0), lambda: mix(picture, _face(person, state, scene, head, x, y), visible), lambda: picture
    )
    picture, hair = _add_hair(picture, person, scene, head, body, x, y)

    def with_glasses() -> Vector:
        nearest = jnp.where(hair.cover > 0.5, jnp.maximum(hair.depth, head.depth), head.depth)
        glasses = paint_glasses(person, scene.rotation, x, y, nearest, scene.pixel)
        return mix(picture, person.glasses_colour, glasses)

    picture = jax.lax.cond((person.glasses > 0) & jnp.any(head.cover > 0), with_glasses, lambda: picture)
    return jnp.clip(jnp.stack(picture, axis=-1), 0, 1)


def _add_body(picture: Vector, person: Person, scene: _Scene, x: jax.Array, y: jax.Array) -> tuple[Vector, Surface]:
    """Neck and clothes."""
    chest = union(scene.body, x, y, scene.pixel)
    throat = hit(scene.neck, x, y, scene.pixel)
    both = join(throat, chest, 0.05)

    def painted() -> Vector:
        colour, bare = paint_cloth(person, x, y, scene.pixel)
        clothed = (1 - bare) * chest.cover * jnp.maximum(step(chest.depth - throat.depth, 0.05), 1 - throat.cover)
        shade = 1 - 0.42 * step(1.45 - y, 0.7)  # the chin keeps the light from the throat
        skin = tuple(c * shade * f for c, f in zip(person.skin, (1.0, 0.97, 0.96), strict=True))
        colour = mix(skin, colour, clothed / jnp.maximum(both.cover, 1e-3))
        return mix(picture, _light(person, colour, unit(both.normal), 0.0), both.cover)

    return jax.lax.cond(jnp.any(both.cover > 0), painted, lambda: picture), both


def _face(person: Person, state: State, scene: _Scene, head: Surface, x: jax.Array, y: jax.Array) -> Vector:
    """The head's skin and all that is painted on it, lit."""
    at = turn((x, y, head.depth), scene.rotation)
    colour, wet = paint_skin(person, state, at, tuple(scene.rotation[:, 2]), scene.pixel)
    shadow = 1 - 0.3 * step(hairline(person, at) + 0.03, 0.14) * person.hair.cover[0]
    return _light(person, tuple(c * shadow for c in colour), head.normal, wet)


def _add_hair(
    picture: Vector, person: Person, scene: _Scene, head: Surface, body: Surface, x: jax.Array, y: jax.Array
) -> tuple[Vector, Surface]:
    """The cap, cut off at the hairline, and the volumes."""
    rotation, pixel = scene.rotation, scene.pixel
    cap = hit(scene.cap, x, y, pixel)
    at = turn((x, y, cap.depth), rotation)
    grazed = step(0.12 - cap.normal[2], 0.12) * step(at[1] - 0.1, 0.1)  # behind the neck only a thin edge would show
    cut = step(hairline(person, at), 1.5 * pixel + 0.02) * (1 - grazed)
    hair = union(scene.volumes, x, y, pixel, start=cap._replace(cover=cap.cover * cut))

    def painted() -> Vector:
        # Where rays pass over the forehead under the cap: hair is thick, so it fills the gap.
        far = far_side(scene.cap, cap, x, y)
        within = hairline(person, turn((x, y, far), rotation)) + 0.35
        lining = cap.cover * step(jnp.minimum(within, -y), 0.1) * (1 - jnp.maximum(head.cover, body.cover))
        lined = mix(picture, tuple(0.45 * c for c in person.hair.colour), lining)
        colour = paint_hair(person, turn((x, y, hair.depth), rotation), turn(hair.normal, rotation))
        lit = _light(person, colour, hair.normal, 0.15 * person.hair.gloss)
        hidden = jnp.maximum(head.cover * in_front(head, hair, pixel), body.cover * in_front(body, hair, pixel))
        return mix(lined, lit, hair.cover * (1 - hidden))

    return jax.lax.cond(jnp.any(jnp.maximum(cap.cover, hair.cover) > 0), painted, lambda: picture), hair


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


@partial(jax.jit, static_argnames=("size", "kind"))
def _frames(person: Person, *state: jax.Array, size: int, kind: type[State]) -> jax.Array:
    pictures = jax.lax.map(lambda fields: draw(person, kind(*fields), size), state)
    return jnp.round(pictures * 255).astype(jnp.uint8)


def draw_frames(person: Person, states: State, size: int) -> np.ndarray:
    """A clip of one person: states (F,) each -> (F, size, size, 3) uint8. Compiled once per size and kind of state."""
    return in_batches(partial(_frames, person, size=size, kind=type(states)), FRAMES_PER_BATCH, *states)
