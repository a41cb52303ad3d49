"""Photographs of people with details: rays meet the same solid parts as in the plain world, light falls on them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import PICTURE_UNITS, THROWING, body_parts, hair_parts, head_parts, neck, turned
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.state import State
from kdtalker_jax.synthetic.surfaces import (
    Ellipsoid,
    Outline,
    Surface,
    Vector,
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
from kdtalker_jax.synthetic.textures import hairline
from kdtalker_jax.synthetic.tiles import in_tiles
from kdtalker_jax.synthetic.varied.camera import develop
from kdtalker_jax.synthetic.varied.hair import paint_strands, ragged, strands_at
from kdtalker_jax.synthetic.varied.lights import linear, shade, shadow_of
from kdtalker_jax.synthetic.varied.noise import colour_fractal, noise, seeded
from kdtalker_jax.synthetic.varied.patterns import paint_pattern
from kdtalker_jax.synthetic.varied.skin import paint_face
from kdtalker_jax.synthetic.varied.surroundings import paint_surroundings
from kdtalker_jax.synthetic.varied.wear import HAT_LINE, earring_parts, hat_parts, paint_clothes, paint_glasses
from kdtalker_jax.synthetic.view import View, view_of

_UNDER_SKIN = (0.4, 0.22, 0.18)  # how far light goes round skin, by channel
_ON_CLOTH = (0.1, 0.1, 0.1)
_IN_HAIR = (0.3, 0.3, 0.3)


class _Scene(NamedTuple):
    """One frame's solid parts: as parallel rays meet them, and as seen where they throw shadows."""

    view: View
    head: Outline  # stacked
    hair: Outline  # stacked, the cap first
    body: Outline  # stacked, the neck first
    hat: Outline  # stacked
    earrings: Outline  # stacked
    shading: Ellipsoid  # stacked, as seen


def _scene(person: Person, state: State, size: int) -> _Scene:
    view = view_of(person, state, size)
    head, hair, hat, earrings = (
        turned(parts, view.forward, view.back)
        for parts in (head_parts(person, state), hair_parts(person), hat_parts(person), earring_parts(person))
    )
    hair = hair._replace(edge=hair.edge + 2 * person.details.ragged)
    throat = jax.tree.map(lambda field: jnp.asarray(field)[None], neck(person, view.forward))
    body = jax.tree.map(lambda *fields: jnp.concatenate(fields), throat, body_parts(person))
    outlines = lambda parts: jax.vmap(outline)(view.rays(parts))  # noqa: E731
    loose = jax.tree.map(lambda field: field[1:], hair)
    throwing = jax.tree.map(lambda field: field[THROWING], head)
    shading = jax.tree.map(lambda *fields: jnp.concatenate(fields), throwing, loose, hat)
    return _Scene(view, *map(outlines, (head, hair, body, hat, earrings)), shading)


def photograph(person: Person, state: State, size: int) -> jax.Array:
    """One frame of one person with details: (size, size, 3) float32 RGB, 0 to 1. Pure."""
    scene = _scene(person, state, size)
    light = in_tiles(lambda across, down: _tile(person, state, scene, across, down), size)
    angles = jnp.stack([jnp.float32(field) for field in (state.yaw, state.pitch, state.jaw, state.x)])
    moment = jnp.sum(jax.lax.bitcast_convert_type(angles, jnp.uint32) * jnp.arange(1, 9, 2, dtype=jnp.uint32))
    return develop(person.details.camera, light, moment)


class _Coat(NamedTuple):
    """What the rays see first, before light."""

    surface: Surface
    albedo: Vector
    bend: Vector  # added to the normal as seen
    gloss: jax.Array
    wrap: Vector


def _tile(person: Person, state: State, scene: _Scene, across: jax.Array, down: jax.Array) -> jax.Array:
    """The light of the pixels at `across`, `down` (rows, columns), picture coordinates. (rows, columns, 3)."""
    x, y = ((at - middle) / (PICTURE_UNITS * state.size) for at, middle in ((across, state.x), (down, state.y)))
    view, lights = scene.view, person.details.lights
    behind = paint_surroundings(person.details.surroundings, across, down)
    coat = _body(person, scene, x, y)
    coat, head = _add_head(coat, person, state, scene, x, y)
    coat, hair = _add_hair(coat, person, scene, x, y)
    coat = jax.lax.cond(person.details.hat > 0, lambda c: _add_hat(c, person, scene, x, y), lambda c: c, coat)
    coat = jax.lax.cond(person.details.earrings > 0, lambda c: _add_earrings(c, person, scene, x, y), lambda c: c, coat)

    def lit() -> Vector:
        seen = coat.surface
        normal = view.normal(x, y, seen.depth, unit(seen.normal))
        normal = unit(tuple(n + b for n, b in zip(normal, coat.bend, strict=True)))
        reached = shadow_of(scene.shading, lights, view.point(x, y, seen.depth))
        return mix(behind, shade(lights, coat.albedo, normal, reached, coat.gloss, coat.wrap), seen.cover)

    picture = jax.lax.cond(jnp.any(coat.surface.cover > 0), lit, lambda: behind)

    def with_glasses() -> Vector:
        nearest = jnp.where(hair.cover > 0.5, jnp.maximum(hair.depth, head.depth), head.depth)
        worn = paint_glasses(person, view, picture, x, y, nearest)
        return mix(worn, picture, coat.surface.cover * step(coat.surface.depth - nearest - 0.25, 0.1))

    picture = jax.lax.cond((person.glasses > 0) & jnp.any(head.cover > 0), with_glasses, lambda: picture)
    return jnp.stack(picture, axis=-1)


def _over(below: _Coat, above: _Coat, pixel: jax.Array) -> _Coat:
    """Two coats, the nearer in front."""
    back, front = below.surface, above.surface
    visible = front.cover * (1 - back.cover * in_front(back, front, pixel))
    cover = back.cover + front.cover - back.cover * front.cover
    share = visible / jnp.maximum(cover, 1e-4)
    mixed = jax.tree.map(lambda b, f: b + share * (f - b), below, above)
    return mixed._replace(surface=mixed.surface._replace(cover=cover))


def _nothing(like: jax.Array) -> Surface:
    zero = jnp.zeros_like(like)
    return Surface(zero, zero, (zero,) * 3)


def _coat(surface: Surface, albedo: Vector, bend: Vector, gloss, wrap) -> _Coat:
    """All fields of the pixels' shape."""
    full = lambda value: jnp.broadcast_to(jnp.asarray(value, jnp.float32), surface.cover.shape)  # noqa: E731
    return _Coat(surface, *jax.tree.map(full, (albedo, bend, gloss, wrap)))


def _body(person: Person, scene: _Scene, x: jax.Array, y: jax.Array) -> _Coat:
    """Neck and clothes."""
    details, pixel = person.details, scene.view.pixel
    throat = union(jax.tree.map(lambda field: field[:1], scene.body), x, y, pixel)
    chest = union(jax.tree.map(lambda field: field[1:], scene.body), x, y, pixel)
    both = join(throat, chest, 0.05)

    def painted() -> _Coat:
        px, py, _ = scene.view.point(x, y, both.depth)
        colour, bare, fold = paint_clothes(person, px, py, pixel)
        clothed = (1 - bare) * chest.cover * jnp.maximum(step(chest.depth - throat.depth, 0.05), 1 - throat.cover)
        clothed = clothed / jnp.maximum(both.cover, 1e-3)
        uneven = colour_fractal(4 * px, 4 * py, seeded(details.seed, 81), 4, 0.6)
        mottle = 0.1 * details.mottle + 0.6 * details.strange
        below_chin = 1 - 0.35 * step(1.4 - py, 0.7)  # the chin keeps the sky from the throat
        skin = tuple(
            c * f * below_chin * jnp.exp(mottle * u)
            for c, f, u in zip(linear(person.skin), (0.95, 0.9, 0.88), uneven, strict=True)
        )
        wrap = tuple(s + clothed * (c - s) for s, c in zip(_UNDER_SKIN, _ON_CLOTH, strict=True))
        bend = tuple(clothed * f for f in fold)
        return _coat(both, mix(skin, colour, clothed), bend, 0.5 * details.gloss * (1 - clothed), wrap)

    none = (jnp.zeros_like(x),) * 3
    return jax.lax.cond(jnp.any(both.cover > 0), painted, lambda: _coat(both, none, none, 0.0, none))


def _add_head(
    coat: _Coat, person: Person, state: State, scene: _Scene, x: jax.Array, y: jax.Array
) -> tuple[_Coat, Surface]:
    """The head's skin and all that is painted on it."""
    view = scene.view
    head = union(scene.head, x, y, view.pixel)

    def painted() -> _Coat:
        at = turn(view.point(x, y, head.depth), view.back)
        skin = paint_face(person, state, at, tuple(view.back[:, 2]), view.pixel)
        bend = turn((-skin.slope[0], -skin.slope[1], jnp.zeros_like(x)), view.back.T)
        roots = 1 - 0.35 * step(hairline(person, at) + 0.02, 0.12) * person.hair.cover[0]
        return _over(
            coat, _coat(head, tuple(c * roots for c in skin.albedo), bend, skin.gloss, _UNDER_SKIN), view.pixel
        )

    return jax.lax.cond(jnp.any(head.cover > 0), painted, lambda: coat), head


def _add_hair(coat: _Coat, person: Person, scene: _Scene, x: jax.Array, y: jax.Array) -> tuple[_Coat, Surface]:
    """The cap, cut off at the hairline, and the volumes; all with a ragged edge."""
    view, details, pixel = scene.view, person.details, scene.view.pixel
    cap = hit(jax.tree.map(lambda field: field[0], scene.hair), x, y, pixel)
    at = turn(view.point(x, y, cap.depth), view.back)
    grazed = step(0.12 - cap.normal[2], 0.12) * step(at[1] - 0.1, 0.1)  # behind the neck only a thin edge would show
    rough = 0.05 * (1 - details.veil) * noise(17 * at[0], 5 * at[1], seeded(details.seed, 82))
    cut = step(hairline(person, at) + rough, 1.5 * pixel + 0.05) * (1 - grazed)
    loose = jax.tree.map(lambda field: field[1:], scene.hair)
    hair = union(loose, x, y, pixel, start=cap._replace(cover=cap.cover * cut))

    def grown() -> tuple[_Coat, Surface]:
        at = turn(view.point(x, y, hair.depth), view.back)
        strands = strands_at(person, at)
        under_hat = details.hat * step(HAT_LINE - 0.05 - at[1], 0.1)
        worn = hair._replace(cover=ragged(person, strands, hair.cover) * (1 - under_hat))
        colour, shine = paint_strands(person, strands, at, pixel)
        across = unit((at[2] + 0.3, jnp.zeros_like(x), -at[0]))
        bend = turn(tuple(0.3 * (1 - details.veil) * strands.single * a for a in across), view.back.T)
        return _over(coat, _coat(worn, colour, bend, shine, _IN_HAIR), pixel), worn

    return jax.lax.cond(jnp.any(hair.cover > 0), grown, lambda: (coat, _nothing(x)))


def _add_hat(coat: _Coat, person: Person, scene: _Scene, x: jax.Array, y: jax.Array) -> _Coat:
    view, details = scene.view, person.details
    crown = hit(jax.tree.map(lambda field: field[0], scene.hat), x, y, view.pixel)
    at = turn(view.point(x, y, crown.depth), view.back)
    crown = crown._replace(cover=crown.cover * step(HAT_LINE + 0.12 + 0.1 * at[2] - at[1], 2 * view.pixel))
    hat = union(jax.tree.map(lambda field: field[1:], scene.hat), x, y, view.pixel, start=crown)
    at = turn(view.point(x, y, hat.depth), view.back)
    colour = paint_pattern(details.hat_pattern, jnp.arctan2(at[0], at[2] + 0.4), at[1], view.pixel)
    band = 1 - 0.5 * step(0.05 - jnp.abs(at[1] - HAT_LINE + 0.03), 0.02)
    wool = noise(40 * at[0], 40 * at[1], seeded(details.seed, 83))
    bend = (0.15 * wool, 0.1 * wool, jnp.zeros_like(x))
    return _over(coat, _coat(hat, tuple(c * band for c in colour), bend, 0.02, _ON_CLOTH), view.pixel)


def _add_earrings(coat: _Coat, person: Person, scene: _Scene, x: jax.Array, y: jax.Array) -> _Coat:
    ring, none = union(scene.earrings, x, y, scene.view.pixel), (jnp.zeros_like(x),) * 3
    return _over(coat, _coat(ring, tuple(person.details.earring_colour), none, 1.0, _ON_CLOTH), scene.view.pixel)
