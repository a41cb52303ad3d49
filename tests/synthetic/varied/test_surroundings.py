"""What is behind people: the same picture however it is cut into tiles, which skip the sheets that they do not see."""

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.synthetic.tiles import in_tiles
from kdtalker_jax.synthetic.varied.draws import Draws
from kdtalker_jax.synthetic.varied.surroundings import Surroundings, paint_surroundings, random_surroundings

SIZE = 128


@jax.jit
def _whole(around: Surroundings) -> jax.Array:
    centres = (jnp.arange(SIZE, dtype=jnp.float32) + 0.5) * 2 / SIZE - 1
    return jnp.stack(paint_surroundings(around, *jnp.meshgrid(centres, centres)), axis=-1)


@jax.jit
def _tiled(around: Surroundings) -> jax.Array:
    return in_tiles(lambda x, y: jnp.stack(paint_surroundings(around, x, y), axis=-1), SIZE)


def test_tiles_show_what_the_whole_picture_shows():
    covered = 0
    for seed in range(40):
        around = random_surroundings(Draws(np.random.default_rng(seed)))
        around = jax.tree.map(lambda field: jnp.asarray(field, jnp.float32), around)
        whole = np.asarray(_whole(around))
        assert np.isfinite(whole).all() and whole.min() >= 0
        np.testing.assert_allclose(_tiled(around), whole, atol=1e-4)
        covered += bool(jnp.any(around.covers > 0))
    assert covered > 10
