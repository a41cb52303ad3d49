"""How people of the synthetic world wear their hair: a cap cut off at the hairline, and volumes around it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

# Ellipsoids of a style, in head units: the cap over the skull (radii are factors of the skull's there), a volume behind
# the head, a lock at each side, one on top. A cover of 0 leaves the volume out.
VOLUMES = ("cap", "back", "left lock", "right lock", "top")


class Hair(NamedTuple):
    """Float32 arrays; shapes of one head."""

    colour: jax.Array  # (3,)
    centres: jax.Array  # (volumes, 3) head units
    radii: jax.Array  # (volumes, 3)
    cover: jax.Array  # (volumes,) 0 absent, 1 opaque
    line: jax.Array  # height of the hairline in the middle of the forehead
    curve: jax.Array  # how far the hairline falls towards the temples
    sweep: jax.Array  # how much lower the hairline is at one side than at the other
    nape: jax.Array  # how far down the cap goes behind the ears
    strands: jax.Array  # strength of the soft strands
    gloss: jax.Array


def _style(back=None, lock=None, top=None, cap=1.06, cover=1.0, line=-0.6, curve=0.35, nape=0.45) -> dict:
    """One row of the table of styles; `back`, `lock` and `top` are (x, y, z, rx, ry, rz)."""
    absent = (0.0, 0.0, -0.5, 0.1, 0.1, 0.1)
    volumes = [back, lock and (-lock[0], *lock[1:]), lock, top]
    rows = [(0.0, -0.26, -0.16, cap, cap, cap)] + [volume or absent for volume in volumes]
    return {
        "volumes": np.array(rows, np.float32),
        "cover": np.array([cover] + [float(volume is not None) for volume in volumes], np.float32),
        "rest": np.array([line, curve, nape], np.float32),
    }


MASCULINE = [
    _style(cover=0.0),  # bald
    _style(cover=0.55, cap=1.015, line=-0.58),  # buzz cut
    _style(cap=1.06, line=-0.6),  # short
    _style(cap=1.07, line=-0.62, top=(0.08, -0.74, 0.22, 0.6, 0.36, 0.56)),  # quiff
    _style(cap=1.08, line=-0.42, curve=0.1),  # fringe
    _style(cap=1.2, line=-0.58, curve=0.25, nape=0.5),  # curls
    _style(cap=1.07, line=-0.6, back=(0.0, 0.1, -0.35, 0.8, 0.75, 0.6), nape=0.7),  # to the neck
    _style(cap=1.06, line=-0.68, curve=0.1, nape=0.5),  # receding
]
FEMININE = [
    _style(cap=1.1, back=(0, 0.1, -0.5, 0.86, 0.9, 0.5), lock=(0.7, 0.16, -0.02, 0.19, 0.66, 0.36), line=-0.62),  # bob
    _style(
        cap=1.1, back=(0, 0.1, -0.5, 0.86, 0.9, 0.5), lock=(0.7, 0.16, -0.02, 0.19, 0.66, 0.36), line=-0.36, curve=0
    ),
    _style(
        cap=1.1, back=(0, 0.5, -0.55, 0.9, 1.25, 0.46), lock=(0.72, 0.4, -0.02, 0.21, 1.0, 0.34), line=-0.62
    ),  # long
    _style(
        cap=1.1, back=(0, 0.5, -0.55, 0.9, 1.25, 0.46), lock=(0.72, 0.4, -0.02, 0.21, 1.0, 0.34), line=-0.38, curve=0
    ),
    _style(cap=1.06, line=-0.62, top=(0.0, -1.13, -0.25, 0.3, 0.26, 0.3)),  # bun
    _style(cap=1.32, line=-0.6, curve=0.3, nape=0.55),  # afro
    _style(cap=1.08, line=-0.56, nape=0.5, top=(0.1, -0.72, 0.2, 0.64, 0.34, 0.56)),  # pixie
    _style(cap=1.08, line=-0.6, back=(0.0, 0.05, -0.75, 0.42, 0.85, 0.3), nape=0.6),  # ponytail
]
STYLES = jax.tree.map(lambda *rows: np.stack(rows), *MASCULINE, *FEMININE)


def random_hair(key: jax.Array, masculine: jax.Array, age: jax.Array, colour: jax.Array) -> Hair:
    """A style of one of the two lists, slightly varied. `masculine`: 0 or 1. `age`: 0 .. 1. `colour`: (3,)."""
    keys = jax.random.split(key, 8)
    weights = jnp.concatenate([masculine * jnp.ones(len(MASCULINE)), (1 - masculine) * jnp.ones(len(FEMININE))])
    # Hair goes with age: bald and receding heads are older.
    weights = weights.at[0].mul(0.4 + 1.5 * age).at[len(MASCULINE) - 1].mul(0.3 + 1.5 * age)
    chosen = jax.random.choice(keys[0], len(weights), p=weights / weights.sum())
    style = jax.tree.map(lambda table: jnp.asarray(table)[chosen], STYLES)
    scale = 1 + 0.05 * jax.random.truncated_normal(keys[1], -2.0, 2.0, (len(VOLUMES) - 1, 3))
    scale = jnp.concatenate([jnp.ones((1, 3)), scale.at[1].set(scale[2])])  # both locks alike
    side = jnp.where(jax.random.uniform(keys[2]) < 0.5, 1.0, -1.0)
    centres = style["volumes"][:, :3] * jnp.ones((len(VOLUMES), 1)).at[4].set(side).repeat(3, 1).at[4, 1:].set(1.0)
    line, curve, nape = style["rest"]
    return Hair(
        colour=colour,
        centres=centres,
        radii=style["volumes"][:, 3:] * scale,
        cover=style["cover"],
        line=line + 0.03 * jax.random.truncated_normal(keys[3], -2.0, 2.0),
        curve=curve + 0.06 * jax.random.truncated_normal(keys[4], -2.0, 2.0),
        sweep=jax.random.uniform(keys[5], minval=-0.16, maxval=0.16),
        nape=nape,
        strands=jax.random.uniform(keys[6], minval=0.3, maxval=1.0),
        gloss=jax.random.uniform(keys[7], minval=0.3, maxval=1.0),
    )
