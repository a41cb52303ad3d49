"""Resizing for detection and cutting."""

import numpy as np
import pytest

from kdtalker_jax.faces.resizing import rescale, resize


def test_strong_shrinking_averages_instead_of_aliasing():
    """A fine checkerboard becomes grey, not black or white."""
    board = np.repeat((np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=-1)
    assert np.all(np.abs(resize(board, 16, 16).astype(int) - 127.5) <= 1)


def test_same_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(resize(image, 5, 7), image)


@pytest.mark.parametrize(("shape", "scale", "expected"), [((4, 6), 2.5, (10, 15)), ((1, 1000), 0.1, (1, 100))])
def test_rescale_keeps_at_least_one_pixel(shape, scale, expected):
    assert rescale(np.zeros((*shape, 3), np.uint8), scale).shape == (*expected, 3)
