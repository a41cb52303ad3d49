"""Landmark pictures are, pixel for pixel, what a plain loop over lines paints."""

import numpy as np

from kdtalker_jax.spaces.landmarks.contours import CONTOURS, OVAL, rows_of, tessellation
from kdtalker_jax.spaces.landmarks.pictures import COLOURS, TESSELLATION, draw, landmark_pictures

SIZE = 40


def faces(number, points=162, seed=0):
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (number, points, 3)).astype(np.float32)


def painted(points, size):
    """One picture in float64, a line and a pixel at a time."""
    picture = np.ones((size, size, 3))
    contours = {contour.name: contour for contour in CONTOURS}
    rows, columns = np.mgrid[:size, :size]
    pixels = np.stack([columns, rows], axis=-1) + 0.5
    places = (points[:, :2].astype(np.float64) + 1) * size / 2
    below = {TESSELLATION: tessellation()} if len(points) == 478 else {}
    for colour, edges in [*below.items(), *((colour, contours[name].edges) for name, colour in COLOURS.items())]:
        for edge in edges:
            start, end = places[rows_of(edge, len(points))]
            along = end - start
            length = along @ along
            share = np.clip((pixels - start) @ along / length, 0, 1) if length else np.zeros((size, size))
            distance = np.linalg.norm(pixels - start - share[..., None] * along, axis=-1)
            covered = np.clip(1.5 / 256 * size / 2 + 0.5 - distance, 0, 1)[..., None]
            picture = picture * (1 - covered) + np.array(colour) * covered
    return picture * 2 - 1


def test_pictures_are_those_of_a_plain_loop():
    for points in (162, 478):
        batch = faces(2, points)
        pictures = landmark_pictures(batch, SIZE)
        assert pictures.shape == (2, SIZE, SIZE, 3) and pictures.dtype == np.float32
        assert np.abs(pictures).max() <= 1 + 1e-6
        np.testing.assert_allclose(pictures, [painted(face, SIZE) for face in batch], atol=1e-4)


def test_a_line_of_one_and_a_half_pixels_at_256():
    """Level, through the middle of a row of pixels: that row is black, those beside it a quarter."""
    points = np.full((1, 162, 2), 5.0, np.float32)  # out of sight
    points[:, rows_of(OVAL)] = [[-0.5, 1 / 256]]
    points[:, rows_of(OVAL[:1])] = [[0.5, 1 / 256]]
    column = landmark_pictures(points, 256)[0, 124:134, 128, 0]
    np.testing.assert_allclose((1 - column) / 2, [0, 0, 0, 7 / 16, 1, 7 / 16, 0, 0, 0, 0], atol=1e-5)


def test_every_feature_has_a_colour_and_left_and_right_differ():
    assert set(COLOURS) == {contour.name for contour in CONTOURS}
    for name, colour in COLOURS.items():
        if name.startswith("left"):
            assert COLOURS[name.replace("left", "right")] != colour, name
    assert list(COLOURS)[:3] == ["oval", "nose, ridge", "nose, base"]  # below all others


def test_any_number_of_faces_is_drawn_by_one_program():
    landmark_pictures.clear_cache()
    many = faces(11)
    pictures = [draw(many[:number], SIZE) for number in (1, 8, 11)]
    assert landmark_pictures._cache_size() == 1
    np.testing.assert_allclose(pictures[2][:8], pictures[1], atol=1e-6)
    np.testing.assert_allclose(pictures[2][:1], pictures[0], atol=1e-6)
