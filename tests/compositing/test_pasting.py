"""Rendered faces in whole pictures of every size and place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdtalker_jax.compositing.masks import Sides, check_mask, read_mask, seam_mask
from kdtalker_jax.compositing.pasting import pasted, pasted_each
from kdtalker_jax.compositing.placing import Placement, matrix_of, seams_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.oriented import to_cut


def smooth(height, width):
    """A picture without sharp edges, which no resampling changes by much."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    return np.stack([60 + 120 * x, 40 + 150 * y, 200 - 90 * x * y], axis=-1).astype(np.uint8)


def paste(frame, picture, region, **how):
    sides = seams_of(region, *picture.shape[:2])
    return next(pasted([frame[None]], picture, matrix_of(region, len(frame)), sides=sides, **how))[0]


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(20, 300),
    width=st.integers(20, 300),
    left=st.integers(-150, 250),
    top=st.integers(-150, 250),
    side=st.integers(8, 400),
    size=st.sampled_from([32, 64, 128]),
    feather=st.sampled_from([0, 1 / 32, 0.2]),
)
def test_what_was_cut_goes_back_where_it_was(height, width, left, top, side, size, feather):
    """A cut of a smooth picture changes nothing, and nothing outside of the region is ever touched."""
    picture, region = smooth(height, width), Box(left, top, left + side, top + side)
    inside = picture[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if inside.size == 0 or min(inside.shape[:2]) * size < 2 * side:
        return  # beside the picture, or hardly in it
    black = np.zeros((size, size, 3), np.uint8)
    result = paste(black, picture, region, feather=feather)
    outside, edge = np.ones((height, width), bool), 2 + side // size  # the frame's last pixels fade over one of theirs
    outside[max(top - edge, 0) : max(top + side + edge, 0), max(left - edge, 0) : max(left + side + edge, 0)] = False
    np.testing.assert_array_equal(result[outside], picture[outside])
    result = paste(cut_square(picture, region, size), picture, region, feather=feather)
    steps = 255 * max(side / size, 1) / max(height, width)
    assert np.abs(result.astype(int) - picture)[2:-2, 2:-2].max() <= 3 + 2 * steps


@pytest.mark.parametrize("side", [40, 64, 200])
def test_a_share_of_a_frame_goes_back_alone(side):
    picture, region = smooth(300, 300), Box(30, 50, 30 + side, 50 + side)
    share = np.zeros((64, 64), np.uint8)
    share[32:56, 16:48] = 255
    changed = (paste(np.zeros((64, 64, 3), np.uint8), picture, region, share=share) != picture).any(axis=-1)
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    found = [columns[0] - 30, rows[0] - 50, columns[-1] + 1 - 30, rows[-1] + 1 - 50]
    np.testing.assert_allclose(found, np.array([16, 32, 48, 56]) * side / 64, atol=1 + side / 64)


@pytest.mark.parametrize(("height", "width"), [(301, 203), (1080, 1920), (97, 640)])
def test_a_turned_cut_goes_back(height, width):
    picture = smooth(height, width)
    forth = to_cut(np.array([width / 2, height / 2]), 0.6 * min(height, width), 128, 0.5)
    placement = Placement.of(np.linalg.inv(forth), 128, height, width)
    result = next(pasted([placement.cut(picture)[None]], picture, np.linalg.inv(forth)))[0]
    assert np.abs(result.astype(int) - picture).max() <= 3
    assert result.shape == picture.shape


def test_a_side_at_the_border_has_no_seam():
    """Beyond it is nothing to blend with: shoulders that leave the picture move up to its edge."""
    picture, frame = np.zeros((100, 100, 3), np.uint8), np.full((64, 64, 3), 200, np.uint8)
    result = paste(frame, picture, Box(20, 40, 80, 100))
    assert (result[99, 30:70] == 200).all()
    assert (result[41, 30:70] < 150).all() and (result[50:95, 21] < 150).all()
    np.testing.assert_array_equal(seam_mask(64, sides=Sides(False, False, False, False)), 255)


def test_a_small_face_is_averaged():
    """512 pixels on 50: without averaging each would show one of ten, and flicker."""
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    result = paste(stripes, np.zeros((100, 100, 3), np.uint8), Box(25, 25, 75, 75), feather=0)
    assert np.abs(result[30:70, 30:70].astype(int) - 127).max() <= 3


def test_feather_and_mask():
    picture, frame = np.zeros((100, 100, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    region = Box(18, 18, 82, 82)
    widths = [int((paste(frame, picture, region, feather=f)[50, :, 0] % 255 > 0).sum()) for f in (0, 1 / 32, 0.25)]
    assert widths[0] == 0 and 2 <= widths[1] <= 6 and widths[2] >= 28
    mask = np.zeros((100, 100), np.uint8)
    mask[:, :50] = 255
    result = paste(frame, picture, region, mask=mask)
    assert (result[40:60, 30:50] == 255).all() and (result[:, 50:] == 0).all()


def test_colours_meet_at_the_seam_from_the_first_frame_on():
    picture, region = np.full((100, 100, 3), (100, 120, 140), np.uint8), Box(20, 20, 80, 80)
    frames = np.full((3, 64, 64, 3), (90, 130, 140), np.uint8)
    frames[1:, 20:40, 20:40] = 250
    frames[2] = 50  # what comes later does not shift all
    first, second, third = (batch[0] for batch in pasted([frames], picture, matrix_of(region, 64), match_colours=True))
    np.testing.assert_array_equal(first, picture)
    assert (second[50:55, 50:55] == 255)[..., 0].all()
    assert (third[50, 50] == (60, 40, 50)).all()


def test_the_picture_is_not_written_to():
    picture, frames = np.full((50, 50, 3), 1, np.uint8), np.full((3, 16, 16, 3), 99, np.uint8)
    results = [batch[0] for batch in pasted([frames[:1], frames[1:]], picture, matrix_of(Box(10, 10, 26, 26), 16))]
    assert [(int(result[0, 0, 0]), int(result[18, 18, 0])) for result in results] == [(1, 99)] * 3
    assert (picture == 1).all()


def test_a_square_that_follows_the_face():
    frames = [np.full((50, 50, 3), level, np.uint8) for level in (1, 2)]
    faces = [np.full((16, 16, 3), level, np.uint8) for level in (101, 102)]
    regions = [Box(4, 4, 20, 20), Box(24, 4, 40, 20)]
    first, second = (batch[0] for batch in pasted_each(zip(frames, faces, regions, strict=True)))
    assert (first[12, 12] == 101).all() and (first[12, 32] == 1).all()
    assert (second[12, 12] == 2).all() and (second[12, 32] == 102).all()


def test_beside_the_picture_nothing_happens():
    picture = smooth(40, 40)
    result = paste(np.zeros((16, 16, 3), np.uint8), picture, Box(100, 100, 120, 120))
    np.testing.assert_array_equal(result, picture)


def test_masks_are_refused_in_a_sentence():
    with pytest.raises(InputError, match=r"`mask` has 30 x 20 pixels and the portrait 40 x 40"):
        check_mask(np.ones((20, 30), np.uint8), smooth(40, 40), "mask")
    with pytest.raises(InputError, match="black everywhere"):
        check_mask(np.zeros((40, 40), np.uint8), smooth(40, 40), "mask")
    with pytest.raises(InputError, match="uint8"):
        read_mask(np.ones((40, 40)), "mask")
