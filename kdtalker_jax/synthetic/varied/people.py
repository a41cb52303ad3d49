"""Who there is in the varied world: the people of the plain one, spread wider, with all that photographs show."""

import jax
import numpy as np

from kdtalker_jax.synthetic.hairstyles import MASCULINE, STYLES, VOLUMES, Hair
from kdtalker_jax.synthetic.palettes import HAIR, IRISES, SKIN
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.varied.camera import random_camera
from kdtalker_jax.synthetic.varied.details import Details
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.lights import linear, random_lights
from kdtalker_jax.synthetic.varied.patterns import Pattern, random_pattern
from kdtalker_jax.synthetic.varied.surroundings import random_surroundings

STRANGE = 0.15  # share of heads that no one has ever seen
_SKIN_PATTERNS = (0.0, 0.4, 0.3, 0.12, 0.06, 0.07, 0.05)  # weights by `patterns`' kinds
_CLOTH_PATTERNS = (0.5, 0.12, 0.06, 0.12, 0.05, 0.1, 0.05)


def varied_people(key: jax.Array, count: int) -> Person:
    """`count` people with `details`; fields have the leading dimension (count,). Not to be traced."""
    seeds = np.random.SeedSequence(np.asarray(jax.random.key_data(key)).tolist()).spawn(count)
    people = [_varied_person(Draws(np.random.default_rng(seed))) for seed in seeds]
    return jax.tree.map(lambda *fields: np.stack([np.asarray(field, np.float32) for field in fields]), *people)


def _varied_person(draw: Draws) -> Person:
    strange, veil = draw.chance(STRANGE), draw.chance(0.04)
    masculine, tone, age = draw.chance(0.5), draw.uniform(0, 1), draw.uniform(0, 1) ** 1.5

    def odd(colour: np.ndarray) -> np.ndarray:
        return colour + strange * draw.chance(0.6) * (draw.uniform(0.05, 0.95, (3,)) - colour)

    tint = np.exp(draw.around(0.0, 0.05, (3,)))
    skin = np.clip(_ramp(SKIN, tone) * tint * draw.uniform(0.8, 1.0), 0.05, 0.95)
    natural = _ramp(HAIR, draw.uniform(0, 1) ** 1.3 * (1.05 - 0.85 * np.clip(1.6 * tone - 0.3, 0, 1)))
    grey = np.clip((age - 0.5) * 3 + draw.uniform(-0.3, 0.3), 0, 1)
    hair = np.clip((natural + grey * (0.72 - natural)) * draw.uniform(0.4, 1.1), 0.02, 0.9)
    hair = hair + draw.chance(0.06) * (draw.uniform(0.1, 0.9, (3,)) - hair)
    rosy = np.array([0.78, 0.34, 0.36]) * (1 - 0.45 * tone) * draw.uniform(0.7, 1.1)
    lips = skin + draw.uniform(0.3, 0.95) * (rosy - skin)
    brows = hair * draw.uniform(0.5, 1.1) + draw.uniform(0, 0.25) * skin
    whiskers = masculine * draw.chance(0.42)
    person = Person(
        skull_width=draw.around(0.96, 0.045),
        skull_height=draw.around(1.02, 0.06),
        jaw_width=draw.around(0.94 + 0.06 * masculine, 0.06),
        chin=draw.around(0.8 + 0.13 * masculine, 0.12),
        cheeks=draw.around(0.97, 0.06),
        eye_size=draw.uniform(0.82, 1.12) + strange * draw.uniform(0, 0.25),
        eye_distance=draw.around(0.285, 0.016),
        eye_height=draw.around(-0.06, 0.03),
        eye_tilt=draw.around(0.04, 0.07),
        brow_thickness=(0.8 + 0.3 * masculine) * np.exp(draw.around(-0.1, 0.25)),
        brow_arch=draw.around(1.0 - 0.3 * masculine, 0.4),
        brow_height=draw.around(0.2, 0.025),
        nose_length=draw.around(1.02, 0.11),
        nose_width=draw.around(0.92 + 0.06 * masculine + 0.12 * tone, 0.12),
        mouth_width=draw.around(0.92, 0.09),
        lip_fullness=draw.around(0.85 + 0.1 * (1 - masculine) + 0.2 * tone, 0.2),
        ear_size=draw.around(0.9, 0.12),
        neck_width=draw.around(0.92 + 0.16 * masculine, 0.1),
        shoulders=draw.around(0.97 + 0.14 * masculine, 0.12),
        skin=odd(skin),
        iris=odd(_ramp(IRISES, np.clip(draw.uniform(-0.3, 1) * (1 - 0.8 * tone), 0, 1)) * draw.uniform(0.45, 1.0)),
        lips=odd(np.clip(lips, 0.05, 0.9)),
        brows=odd(np.clip(brows, 0.02, 0.9)),
        hair=_hair(draw, masculine, age, odd(hair), veil),
        beard=whiskers * draw.chance(0.6) * draw.uniform(0.35, 1.0),
        moustache=whiskers * draw.chance(0.7) * draw.uniform(0.5, 1.0),
        blush=draw.uniform(0.1, 0.8),
        freckles=draw.chance(0.15) * (1 - tone) * draw.uniform(0.3, 1.0),
        lashes=np.clip(1.0 - 0.6 * masculine + draw.uniform(-0.3, 0.3), 0, 1),
        glasses=draw.chance(0.2),
        glasses_round=draw.uniform(0, 1),
        glasses_colour=draw.uniform(0.02, 0.5) + draw.uniform(-0.02, 0.25, (3,)) * draw.chance(0.4),
        cloth=np.full(3, 0.5),  # of the plain world, as what stands still below
        collar=draw.uniform(0.05, 0.95, (3,)),
        stripes=draw.chance(0.3),
        neckline=draw.uniform(0.0, 0.3) + 0.15 * (1 - masculine) * draw.chance(0.5),
        neckline_v=draw.chance(0.4) * draw.uniform(0.5, 1.0),
        background=np.zeros((2, 3)),
        blobs=np.zeros((4, 3)),
        blob_colours=np.zeros((4, 3)),
        light=np.array([0.0, 0.0, 1.0]),
        light_colour=np.ones(3),
        fill=np.ones(()),
    )
    return person._replace(details=_details(draw, person, age, strange, veil))


def _ramp(palette: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The colour at `position`, 0 the first to 1 the last."""
    steps = np.linspace(0.0, 1.0, len(palette))
    return np.stack([np.interp(position, steps, channel) for channel in palette.T])


def _hair(draw: Draws, masculine: np.ndarray, age: np.ndarray, colour: np.ndarray, veil: np.ndarray) -> Hair:
    """A style of `hairstyles`, larger or smaller; a veil covers the ears and leaves little of the forehead."""
    weights = np.where(np.arange(len(STYLES["cover"])) < len(MASCULINE), masculine, 1 - masculine) + 0.05
    weights[[0, len(MASCULINE) - 1]] *= 0.3 + 1.5 * age  # bald and receding heads are older
    chosen = draw.choice(weights)
    style = {name: table[chosen] for name, table in STYLES.items()}
    count = len(VOLUMES)
    radii = style["volumes"][:, 3:] * np.exp(draw.around(0.0, 0.08, (count, 3)))
    radii[0] = style["volumes"][0, 3:] * draw.around(1.0, 0.02)
    centres = style["volumes"][:, :3] + draw.around(0.0, 0.03, (count, 3)) * (np.arange(count) > 0)[:, None]
    centres[4, 0] *= np.sign(draw.uniform(-1, 1))
    cover = np.where((draw.uniform(0, 1, (count,)) < 0.08) & (np.arange(count) > 0), 0.0, style["cover"])
    if veil:
        radii[0], radii[1], radii[2:4] = 1.12, (0.9, 1.1, 0.5), (0.22, 0.8, 0.4)
        centres[1:4] = (0.0, 0.4, -0.5), (-0.72, 0.3, -0.02), (0.72, 0.3, -0.02)
        cover = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    line, curve, nape = style["rest"]
    return Hair(
        colour=colour,
        centres=centres,
        radii=radii,
        cover=cover,
        line=line + draw.around(-0.05, 0.06),
        curve=curve + draw.around(0.0, 0.12),
        sweep=draw.around(0.0, 0.13),
        nape=nape,
        strands=draw.uniform(0.3, 1.0),
        gloss=draw.uniform(0.1, 1.0),
    )


def _details(draw: Draws, person: Person, age: np.ndarray, strange: np.ndarray, veil: np.ndarray) -> Details:
    painted = draw.chance(0.3)

    def pattern(weights: tuple[float, ...], scale: float, colours: np.ndarray) -> Pattern:
        return random_pattern(draw, linear(colours), weights, scale)

    anything = lambda: draw.uniform(0.02, 0.98, (3, 3))  # noqa: E731
    grey = draw.uniform(0.02, 0.95)
    muted = grey + draw.uniform(-0.12, 0.12, (3, 3)) * np.array([[1.0], [2.0], [3.0]])
    clothes = np.clip(np.where(draw.chance(0.45) > 0, muted, anything()), 0.02, 0.98)
    wide, long_ = draw.around(0.0, 0.055), draw.around(0.0, 0.045)
    shape = np.diag(np.exp(np.stack([wide, long_, draw.around(0.0, 0.06)])))
    shape[1, 0], shape[0, 1] = draw.around(0.0, 0.015), draw.around(0.0, 0.012)
    jacket = draw.chance(0.3)
    return Details(
        seed=draw.seed(),
        shape=shape,
        eye_opening=draw.uniform(0.55, 0.95),
        iris_size=draw.uniform(0.68, 0.95),
        lid_fold=draw.uniform(0.0, 1.0),
        eye_bags=draw.uniform(0.0, 0.5) + 0.6 * age,
        shadow_colour=linear(draw.uniform(0.05, 0.8, (3,))),
        eye_shadow=painted * draw.uniform(0, 0.7),
        liner=painted * draw.chance(0.6) * draw.uniform(0.4, 1.0),
        brow_hair=draw.uniform(0.2, 1.0),
        eye_white=linear(draw.uniform(0.62, 0.95) * np.array([1.0, 0.96, 0.93])),
        catchlight=draw.uniform(0.0, 1.0),
        relief=draw.uniform(0.4, 1.3),
        wrinkles=age * draw.uniform(0.3, 1.2),
        pores=draw.uniform(0.0, 1.0) ** 1.5,
        mottle=draw.uniform(0.1, 1.0),
        gloss=draw.uniform(0.02, 0.3) * (1 - 0.5 * age),
        moles=draw.chance(0.5) * draw.uniform(0, 1),
        stubble=draw.chance(0.35) * draw.uniform(0.1, 0.8),
        flush=draw.uniform(0.1, 1.0),
        strange=strange * np.maximum(draw.uniform(0.3, 1.6), 1.0 * draw.chance(0.5)),
        pattern=pattern(_SKIN_PATTERNS, 5.0, anything()),
        lip_contrast=draw.uniform(0.25, 1.0),
        lip_gloss=draw.uniform(0.0, 0.6),
        teeth=linear(draw.uniform(0.6, 0.95) * np.array([1.0, draw.uniform(0.9, 0.99), draw.uniform(0.75, 0.97)])),
        teeth_height=draw.uniform(0.6, 1.3),
        mouth_dark=linear(draw.uniform(0.05, 0.26) * np.array([1.0, 0.5, 0.48])),
        tongue=linear(np.array([0.7, 0.36, 0.36]) * draw.uniform(0.6, 1.1)),
        strand_contrast=draw.uniform(0.3, 1.0),
        strand_width=np.exp(draw.uniform(-0.5, 0.7)),
        wave=draw.uniform(0, 1) ** 2,
        curl=draw.chance(0.25) * draw.uniform(0.3, 1.0),
        ragged=np.exp(draw.uniform(-4.2, -2.2)),
        parting=draw.around(0.0, 0.2),
        streak_colour=linear(np.clip(person.hair.colour * draw.uniform(0.5, 1.8), 0.02, 0.9)),
        streaks=draw.chance(0.4) * draw.uniform(0.2, 0.9),
        veil=veil,
        hat=draw.chance(0.08) * (1 - veil),
        brim=draw.chance(0.6) * draw.uniform(0.9, 1.35),
        hat_height=draw.uniform(0.35, 0.75),
        hat_pattern=pattern(_CLOTH_PATTERNS, 5.0, anything()),
        earrings=draw.chance(0.18) * draw.uniform(0.03, 0.1),
        earring_colour=linear(draw.uniform(0.3, 0.95) * np.array([1.0, draw.uniform(0.8, 1), draw.uniform(0.4, 1)])),
        lens=np.where(draw.chance(0.12) > 0, draw.uniform(0.5, 0.98), draw.uniform(0, 0.12)),
        frame_width=draw.uniform(0.35, 1.5),
        glare=draw.uniform(0.0, 0.5) ** 2,
        cloth=pattern(_CLOTH_PATTERNS, 3.5, clothes),
        jacket=jacket,
        shirt=linear(np.clip(draw.uniform(0.55, 0.98) + draw.uniform(-0.1, 0.05, (3,)), 0.1, 0.98)),
        tie=draw.chance(0.5),
        tie_colour=linear(draw.uniform(0.02, 0.9, (3,))),
        folds=draw.uniform(0.2, 1.0),
        lights=random_lights(draw),
        surroundings=random_surroundings(draw),
        camera=random_camera(draw),
    )
