"""Pasting back into the whole picture, against what LivePortrait's code computed."""

import numpy as np
import pytest

from kdtalker_jax.compositing.masks import seam_mask
from kdtalker_jax.compositing.pasting import pasted
from kdtalker_jax.compositing.placing import Placement, matrix_of
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.oriented import fit_face, to_cut


@pytest.fixture(scope="module")
def full() -> np.ndarray:
    y, x, channel = np.mgrid[:400, :600, :3]
    return ((2 * x + 5 * y + 480 * channel) // 8 % 256).astype(np.uint8)


@pytest.fixture(scope="module")
def rendered() -> np.ndarray:
    y, x, channel = np.mgrid[:512, :512, :3]
    return ((3 * x + 2 * y + 320 * channel) // 8 % 256).astype(np.uint8)


def test_the_mask(modes):
    mask = seam_mask(512)
    np.testing.assert_array_equal(mask[::8, ::8], modes["const/mask_strided"])
    np.testing.assert_array_equal(mask[:24, :24], modes["const/mask_corner"])
    assert mask.sum() == modes["const/mask_sum"]


@pytest.mark.parametrize("name", ("inside", "over_the_edge", "upright"))
def test_a_pasted_picture(modes, full, rendered, assert_same_picture, name):
    matrix = modes[f"paste/{name}/M_c2o"].astype(np.float64)
    placement = Placement.of(matrix, 512, *full.shape[:2])
    mask = np.zeros(full.shape[:2], np.uint8)
    placement.inside(mask)[:] = placement.mask()
    recorded = np.rint(modes[f"paste/{name}/mask"] * 255)
    assert_same_picture(f"paste/{name}/mask", mask[::4, ::4], recorded)
    (picture,) = next(pasted([rendered[None]], full, matrix, published=True))
    assert_same_picture(f"paste/{name}/image", picture[::2, ::2], modes[f"paste/{name}/image"])


def test_the_matrices_of_our_cuts(modes):
    """LivePortrait's, and that of an upright square, which the page gives as a formula."""
    fit = fit_face(modes["crop/203/landmarks"], scale=2.3, shift=(0.0, -0.125))
    back = np.linalg.inv(to_cut(fit.centre, fit.side, 512, fit.angle))
    np.testing.assert_allclose(back, np.linalg.inv(modes["crop/203/M_o2c/rotated"]), atol=1e-3)
    expected = [[200 / 512, 0, 30 + 200 / 1024 - 0.5], [0, 300 / 512, -20 + 300 / 1024 - 0.5], [0, 0, 1]]
    np.testing.assert_allclose(matrix_of(Box(30, -20, 230, 280), 512), expected, rtol=0, atol=1e-12)
