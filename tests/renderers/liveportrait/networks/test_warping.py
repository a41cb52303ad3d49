"""The warping module's structure: work done once per portrait, and motion that means what it says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.nn.resampling import identity_grid
from kdtalker_jax.renderers.liveportrait.networks.heat_maps import HEAT_MAP_VARIANCE
from kdtalker_jax.renderers.liveportrait.networks.warping import _heat_maps
from tests.networks import PARTS


@pytest.fixture(scope="module")
def warping(small_variables):
    module, variables = PARTS["warping"].build(SMALL), fold(small_variables["warping"])

    def apply(*arguments, **keywords):
        return module.apply(variables, *arguments, **keywords)

    return apply


@pytest.fixture(scope="module")
def portrait():
    random = np.random.default_rng(0)
    volume = random.standard_normal((1, 4, 16, 16, 4)).astype(np.float32)
    return volume, random.uniform(-0.8, 0.8, (1, 21, 3)).astype(np.float32)


def test_one_portrait_serves_many_frames(warping, portrait):
    """The part computed once per portrait, shared by all frames, gives what recomputing it for each frame gives."""
    volume, source = portrait
    driving = source + np.random.default_rng(1).normal(0, 0.1, (3, 21, 3)).astype(np.float32)
    shared = warping(volume, warping(volume, method="compress"), source=source, driving=driving, method="warp")
    repeated = warping(np.repeat(volume, 3, 0), source=np.repeat(source, 3, 0), driving=driving)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), shared, repeated)


def test_no_motion_leaves_the_grid_in_place(warping, portrait):
    volume, source = portrait
    warp = warping(volume, source=source, driving=source)
    np.testing.assert_allclose(warp.deformation[0], identity_grid((4, 16, 16)), atol=1e-6)


def test_a_common_shift_moves_the_grid_by_a_part_of_it(warping, portrait):
    """All candidates but the identity shift alike, so the deformation is the shift times their share of the mask."""
    volume, source = portrait
    shift = np.array([0.1, -0.2, 0.05], np.float32)
    warp = warping(volume, source=source, driving=source - shift)
    share = np.asarray(warp.deformation[0] - identity_grid((4, 16, 16))) / shift
    assert np.all((share > 0) & (share < 1))
    np.testing.assert_allclose(share[..., 0], share[..., 1], atol=1e-4)


def test_source_and_driving_are_not_interchangeable(warping, portrait):
    volume, source = portrait
    other = source + 0.1
    forward = warping(volume, source=source, driving=other).features
    backward = warping(volume, source=other, driving=source).features
    assert float(jnp.abs(forward - backward).max()) > 1e-3


def test_heat_maps_equal_the_formula():
    keypoints = np.random.default_rng(2).uniform(-1, 1, (2, 3, 3)).astype(np.float32)
    grid = np.asarray(identity_grid((3, 5, 4)))[None, ..., None, :]  # (1, D, H, W, 1, 3)
    distance = np.square(grid - keypoints[:, None, None, None]).sum(-1)
    np.testing.assert_allclose(_heat_maps(keypoints, (3, 5, 4)), np.exp(-0.5 * distance / HEAT_MAP_VARIANCE), atol=1e-6)
