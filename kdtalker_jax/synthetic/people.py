"""Who a head of the synthetic world is: its shapes, colours, hair, clothes, background and light.

Lengths are in head units: from the crown at -1 to the chin at 1, y down, z towards the viewer. Colours are RGB, 0 to 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from kdtalker_jax.synthetic.hairstyles import Hair, random_hair
from kdtalker_jax.synthetic.palettes import (
    BACKGROUNDS,
    CLOTHES,
    FRAMES,
    HAIR,
    IRISES,
    SKIN,
    jitter,
    pick,
    ramp,
)
from kdtalker_jax.synthetic.varied.details import Details


class Person(NamedTuple):
    """Float32 arrays with the same leading dimensions; shapes below are of one person. Works as a pytree under `vmap`.

    Fields without a unit are factors around 1 or switches from 0 (absent) to 1 (full).
    """

    skull_width: jax.Array
    skull_height: jax.Array
    jaw_width: jax.Array
    chin: jax.Array  # width
    cheeks: jax.Array  # fullness
    eye_size: jax.Array
    eye_distance: jax.Array  # of one eye from the middle
    eye_height: jax.Array  # position, head units
    eye_tilt: jax.Array  # radians, outer corner up
    brow_thickness: jax.Array
    brow_arch: jax.Array
    brow_height: jax.Array  # above the eye, head units
    nose_length: jax.Array
    nose_width: jax.Array
    mouth_width: jax.Array
    lip_fullness: jax.Array
    ear_size: jax.Array
    neck_width: jax.Array
    shoulders: jax.Array  # width
    skin: jax.Array  # (3,)
    iris: jax.Array  # (3,)
    lips: jax.Array  # (3,)
    brows: jax.Array  # (3,)
    hair: Hair
    beard: jax.Array
    moustache: jax.Array
    blush: jax.Array
    freckles: jax.Array
    lashes: jax.Array
    glasses: jax.Array
    glasses_round: jax.Array
    glasses_colour: jax.Array  # (3,)
    cloth: jax.Array  # (3,)
    collar: jax.Array  # (3,)
    stripes: jax.Array
    neckline: jax.Array  # depth, head units
    neckline_v: jax.Array  # 0 round .. 1 a V
    background: jax.Array  # (2, 3) top, bottom
    blobs: jax.Array  # (4, 3) x and y in the picture, radius
    blob_colours: jax.Array  # (4, 3)
    light: jax.Array  # (3,) unit vector towards the key light
    light_colour: jax.Array  # (3,)
    fill: jax.Array  # strength of the light from everywhere
    details: Details | None = None  # of people as `varied.people` makes them, drawn as photographs


def random_people(key: jax.Array, count: int) -> Person:
    """`count` people with sensible combinations of features; fields have the leading dimension (count,)."""
    return jax.vmap(_random_person)(jax.random.split(key, count))


def _random_person(key: jax.Array) -> Person:
    keys = iter(jax.random.split(key, 64))

    def around(middle: float, spread: float) -> jax.Array:
        """A bounded bell: nobody falls outside middle +- 2 spread."""
        return middle + spread * jax.random.truncated_normal(next(keys), -2.0, 2.0)

    def uniform(low: float, high: float) -> jax.Array:
        return jax.random.uniform(next(keys), minval=low, maxval=high)

    def chance(probability: jax.Array | float) -> jax.Array:
        return (jax.random.uniform(next(keys)) < probability).astype(jnp.float32)

    masculine = chance(0.5)
    tone = uniform(0.0, 1.0)  # of the skin, from light to dark
    age = uniform(0.0, 1.0) ** 2
    skin = jitter(next(keys), ramp(SKIN, tone), 0.02)
    natural = ramp(HAIR, jnp.clip(uniform(0.0, 1.0) ** 0.8 * (1.05 - 0.85 * jnp.clip(1.6 * tone - 0.3, 0, 1)), 0, 1))
    grey = jnp.clip((age - 0.55) * 3 + uniform(-0.3, 0.3), 0, 1)
    hair_colour = natural + grey * (jnp.array([0.74, 0.73, 0.72]) - natural)
    hair_colour = jitter(next(keys), hair_colour, 0.025)
    brows = hair_colour * 0.55 + 0.12 * skin
    rosy = jnp.array([0.78, 0.34, 0.36]) * (1 - 0.45 * tone)
    painted = chance(0.3) * (1 - masculine)
    lip_colour = skin + (0.62 + 0.3 * painted) * (rosy - skin)
    lip_colour = jitter(next(keys), lip_colour, 0.02)
    whiskers = masculine * chance(0.42)
    hair = random_hair(next(keys), masculine, age, hair_colour)
    cloth, collar = (jitter(next(keys), pick(next(keys), CLOTHES), 0.04) for _ in range(2))
    top = jitter(next(keys), pick(next(keys), BACKGROUNDS), 0.04)
    bottom = top * uniform(0.62, 0.9) + jitter(next(keys), jnp.full(3, 0.05), 0.05)
    blob_colours = top[None] + uniform(-0.1, 0.22) * jax.random.uniform(next(keys), (4, 3), minval=0.3, maxval=1.0)
    corner = jnp.array([-1.0, -1.0, 0.12])
    blobs = jax.random.uniform(next(keys), (4, 3), minval=corner, maxval=jnp.array([1.0, 0.6, 0.42]))
    azimuth, elevation = around(0.0, 0.42), uniform(0.35, 0.8)
    light = jnp.stack(
        [jnp.sin(azimuth) * jnp.cos(elevation), -jnp.sin(elevation), jnp.cos(azimuth) * jnp.cos(elevation)]
    )
    return Person(
        skull_width=around(1.0, 0.035),
        skull_height=around(1.0, 0.03),
        jaw_width=around(0.95 + 0.06 * masculine, 0.04),
        chin=around(0.95 + 0.14 * masculine, 0.09),
        cheeks=around(1.0, 0.06),
        eye_size=around(1.08 - 0.1 * masculine, 0.055),
        eye_distance=around(0.285, 0.011),
        eye_height=around(-0.06, 0.018),
        eye_tilt=around(0.05, 0.05),
        brow_thickness=around(0.85 + 0.3 * masculine, 0.13),
        brow_arch=around(1.1 - 0.3 * masculine, 0.2),
        brow_height=around(0.235 - 0.015 * masculine, 0.014),
        nose_length=around(1.0, 0.06),
        nose_width=around(0.98 + 0.06 * masculine + 0.12 * tone, 0.07),
        mouth_width=around(1.0, 0.055),
        lip_fullness=around(1.0 + 0.14 * (1 - masculine) + 0.2 * tone, 0.13),
        ear_size=around(1.0, 0.09),
        neck_width=around(0.88 + 0.16 * masculine, 0.04),
        shoulders=around(0.92 + 0.14 * masculine, 0.04),
        skin=skin,
        iris=jitter(next(keys), ramp(IRISES, jnp.clip(uniform(-0.3, 1.0) * (1 - 0.8 * tone), 0, 1)), 0.02),
        lips=lip_colour,
        brows=brows,
        hair=hair,
        beard=whiskers * chance(0.6) * uniform(0.35, 0.95),
        moustache=whiskers * chance(0.7) * uniform(0.5, 0.95),
        blush=uniform(0.15, 0.6) + 0.25 * (1 - masculine),
        freckles=chance(0.12) * (1 - tone) * uniform(0.4, 1.0),
        lashes=jnp.clip(1.0 - 0.45 * masculine + uniform(-0.15, 0.15), 0, 1),
        glasses=chance(0.2),
        glasses_round=uniform(0.0, 1.0),
        glasses_colour=pick(next(keys), FRAMES),
        cloth=cloth,
        collar=collar,
        stripes=chance(0.2) * uniform(0.4, 0.9),
        neckline=uniform(0.0, 0.3) + 0.15 * (1 - masculine) * chance(0.5),
        neckline_v=chance(0.4) * uniform(0.5, 1.0),
        background=jnp.clip(jnp.stack([top, bottom]), 0.03, 0.97),
        blobs=blobs,
        blob_colours=jnp.clip(blob_colours, 0.03, 0.97),
        light=light,
        light_colour=jnp.array([1.0, 0.97, 0.93]) + uniform(-1.0, 1.0) * jnp.array([0.05, 0.0, -0.07]),
        fill=uniform(0.42, 0.6),
    )
