"""What people of the varied world wear: clothes, hats, glasses, earrings. Colours are linear light."""

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.anatomy import part, stacked
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.surfaces import Ellipsoid, Vector, mix, step, turn
from kdtalker_jax.synthetic.varied.lights import linear
from kdtalker_jax.synthetic.varied.noise import colour_fractal, fractal, seeded
from kdtalker_jax.synthetic.varied.patterns import paint_pattern
from kdtalker_jax.synthetic.view import View

HAT_LINE = -0.46


def hat_parts(person: Person) -> Ellipsoid:
    """Crown and brim, stacked, unturned."""
    details, width = person.details, person.skull_width
    crown = part((0, HAT_LINE, -0.13), (0.82 * width, details.hat_height, 0.92 * width), 0.05)
    brim = part((0, HAT_LINE, 0.02), (details.brim + 0.01, 0.05, 1.05 * details.brim + 0.01), 0.02, tilt=0.1)
    return stacked(
        [crown._replace(cover=details.hat), brim._replace(cover=details.hat * (details.brim > 0).astype(jnp.float32))]
    )


def earring_parts(person: Person) -> Ellipsoid:
    """Stacked, unturned."""
    details = person.details
    size = details.earrings + 0.001
    places = [(side * 0.78 * person.skull_width, 0.22 * person.ear_size + 0.06 + size, -0.05) for side in (-1, 1)]
    parts = [part(place, (0.7 * size, size, 0.7 * size), 0.02) for place in places]
    return stacked([one._replace(cover=(details.earrings > 0).astype(jnp.float32)) for one in parts])


def paint_clothes(person: Person, x: jax.Array, y: jax.Array, pixel: jax.Array) -> tuple[Vector, jax.Array, Vector]:
    """The colour, how bare the chest is above the neckline (0 .. 1), and folds that bend the normal."""
    details, side = person.details, jnp.abs(x)
    neckline = 1.26 + person.neckline - person.neckline_v * 0.9 * side - (1 - person.neckline_v) * 1.2 * side * side
    neckline = neckline - 0.12 * details.jacket
    below = y - neckline
    bare = step(-below, 2 * pixel)
    colour = paint_pattern(details.cloth, x, y, pixel)
    collar = step(0.06 - below, 2 * pixel) * (person.stripes > 0).astype(jnp.float32)
    colour = mix(colour, tuple(linear(person.collar)), collar)

    def jacket() -> Vector:
        opening = 0.05 + 0.42 * jnp.maximum(2.15 - y, 0) - side
        shirt = tuple(details.shirt)
        knot = details.tie * step(0.05 + 0.05 * jnp.clip(y - 1.35, 0, 1) - side, 2 * pixel)
        inner = mix(shirt, tuple(details.tie_colour), knot)
        lapel = step(0.015 - jnp.abs(opening + 0.16 - 0.12 * jnp.abs(y - 1.7)), 2 * pixel)
        outer = tuple(c * (1 - 0.55 * lapel) for c in colour)
        edge = 1 - 0.5 * step(0.02 - jnp.abs(opening), 2 * pixel)
        return tuple(c * edge for c in mix(outer, inner, step(opening, 2 * pixel)))

    colour = jax.lax.cond(details.jacket > 0, jacket, lambda: colour)
    fold = tuple(
        details.folds * 0.35 * f for f in colour_fractal(2.2 * x + y, 2.2 * y, seeded(details.seed, 71), 3, 0.6)
    )
    weave = 1 + 0.12 * details.folds * fractal(34 * x, 34 * y, seeded(details.seed, 72), 2)
    return tuple(c * weave for c in colour), bare, (fold[0], fold[1], jnp.zeros_like(x))


def paint_glasses(person: Person, view: View, colour: Vector, x: jax.Array, y: jax.Array, nearest: jax.Array) -> Vector:
    """Glasses upon a picture: lenses that darken and mirror, two rims and a bridge before the eyes, arms to the ears.

    `nearest`: depth of face and hair along the parallel rays, which hide the arms.
    """
    details, pixel = person.details, view.pixel
    depth = 0.83
    # The ray (x, y) (1 - z / distance), z meets the plane of points whose third coordinate in the head is `depth`.
    ax, ay, az = view.back[2]
    across = ax * x + ay * y
    z = (depth - across) / (az - across / view.distance)
    near = 1 - z / view.distance
    u, v, _ = turn((x * near, y * near, z), view.back)
    side, v = jnp.abs(u), v - person.eye_height - 0.02
    width, height = 0.215, 0.135 + 0.07 * person.glasses_round
    corner = height * (0.4 + 0.6 * person.glasses_round)
    dx, dy = jnp.abs(side - 0.285) - width + corner, jnp.abs(v) - height + corner
    outline = (
        jnp.sqrt(jnp.square(jnp.maximum(dx, 0)) + jnp.square(jnp.maximum(dy, 0)) + 1e-9)
        + jnp.minimum(jnp.maximum(dx, dy), 0)
        - corner
    )
    thick = 0.02 * details.frame_width
    rims = thick - jnp.abs(outline)
    bridge = jnp.minimum(0.9 * thick - jnp.abs(v + 0.03 - 0.5 * u * u), 0.07 - side)
    front = step(jnp.maximum(rims, bridge), 1.5 * pixel)
    arms = jnp.zeros_like(x)
    for sign in (-1, 1):
        ends = jnp.array([[sign * 0.5, 0.0, 0.82], [sign * 0.77, 0.0, 0.0]]).at[:, 1].add(person.eye_height)
        ends = ends @ view.forward
        hinge, ear = ends / (1 - ends[:, 2:] / view.distance)
        along = ear - hinge
        share = jnp.clip(
            ((x - hinge[0]) * along[0] + (y - hinge[1]) * along[1]) / (along[0] ** 2 + along[1] ** 2 + 1e-4), 0, 1
        )
        off = jnp.sqrt(jnp.square(x - hinge[0] - share * along[0]) + jnp.square(y - hinge[1] - share * along[1]) + 1e-9)
        seen = step(hinge[2] + share * along[2] - nearest + 0.04, 0.06)
        arms = jnp.maximum(arms, step(thick - off, 1.5 * pixel) * seen)
    glass = step(-outline, 1.5 * pixel)
    mirror = details.glare * step(jnp.sin(3 * u + 5 * v + 6 * view.forward[2, 0] + details.seed), 0.6)
    lens = tuple(c * (1 - details.lens) + mirror for c in colour)
    frame = tuple(c * (0.7 + 0.5 * step(-v, 0.2)) for c in linear(person.glasses_colour))
    return mix(mix(colour, lens, person.glasses * glass), frame, person.glasses * jnp.maximum(front, arms))
