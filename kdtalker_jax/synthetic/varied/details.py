"""What people of the varied world have beyond `people.Person`: all that a photograph of them shows."""

from typing import NamedTuple

import jax

from kdtalker_jax.synthetic.varied.camera import Camera
from kdtalker_jax.synthetic.varied.lights import Lights
from kdtalker_jax.synthetic.varied.patterns import Pattern
from kdtalker_jax.synthetic.varied.surroundings import Surroundings


class Details(NamedTuple):
    """Float32 arrays; shapes of one person. Factors around 1 or switches from 0 to 1 where nothing else is said.

    Colours here are linear light, those of `Person` are as screens take them.
    """

    seed: jax.Array  # a whole number: of all noise on this person
    shape: jax.Array  # (3, 3) row vectors of the unturned head times this: wide, long, flat and crooked heads
    # Eyes and brows
    eye_opening: jax.Array
    iris_size: jax.Array
    lid_fold: jax.Array  # depth of the crease
    eye_bags: jax.Array
    shadow_colour: jax.Array  # (3,) on the lids
    eye_shadow: jax.Array
    liner: jax.Array
    brow_hair: jax.Array  # how much single hairs show
    eye_white: jax.Array  # (3,)
    catchlight: jax.Array  # size
    # Skin
    relief: jax.Array  # of the face's forms
    wrinkles: jax.Array
    pores: jax.Array
    mottle: jax.Array  # uneven colour
    gloss: jax.Array
    moles: jax.Array
    stubble: jax.Array
    flush: jax.Array  # red of nose, cheeks and ears
    strange: jax.Array  # share of `pattern` in the skin
    pattern: Pattern
    # Mouth
    lip_contrast: jax.Array  # 0 as the skin .. 1 as `Person.lips`
    lip_gloss: jax.Array
    teeth: jax.Array  # (3,)
    teeth_height: jax.Array
    mouth_dark: jax.Array  # (3,)
    tongue: jax.Array  # (3,)
    # Hair
    strand_contrast: jax.Array
    strand_width: jax.Array
    wave: jax.Array  # how far strands swing
    curl: jax.Array  # 0 strands .. 1 curls
    ragged: jax.Array  # edge, head units
    parting: jax.Array  # its place, head units
    streak_colour: jax.Array  # (3,)
    streaks: jax.Array
    veil: jax.Array  # 1: hair is cloth instead
    # What they wear
    hat: jax.Array
    brim: jax.Array  # radius
    hat_height: jax.Array
    hat_pattern: Pattern
    earrings: jax.Array  # size, 0 none
    earring_colour: jax.Array  # (3,)
    lens: jax.Array  # 0 clear .. 1 black
    frame_width: jax.Array
    glare: jax.Array
    cloth: Pattern
    jacket: jax.Array
    shirt: jax.Array  # (3,)
    tie: jax.Array
    tie_colour: jax.Array  # (3,)
    folds: jax.Array
    # Around them
    lights: Lights
    surroundings: Surroundings
    camera: Camera
