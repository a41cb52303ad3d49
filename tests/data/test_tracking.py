"""One steady square around a clip's main face."""

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.data.tracking import check_seen, steady_square
from kdtalker_jax.errors import NoFaceError
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import FaceDetector

GREY = np.full((256, 512, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def scene(media):
    """A picture with portraits at given places: [(name, left, top, side), ...]."""

    def draw(*portraits):
        canvas = GREY.copy()
        for name, left, top, side in portraits:
            with Image.open(media / "portraits" / name) as image:
                canvas[top : top + side, left : left + side] = image.convert("RGB").resize((side, side))
        return canvas

    return draw


BIG, SMALL = "WDA_BenCardin1_000.png", "WRA_MarkwayneMullin_000.png"


def test_a_still_face_is_cut_as_a_portrait_is(scene, detector):
    """Inference cuts portraits; training must see faces of the same size at the same place."""
    frame = scene((BIG, 100, 20, 220))
    square = steady_square([frame] * 3, detector, every=1, most_missing=0)
    np.testing.assert_allclose(square, crop_portrait(frame, "square", detector).region, atol=4)


def test_a_moving_face_stays_inside(scene, detector):
    frames = [scene((BIG, left, 20, 200)) for left in (100, 120, 140, 160)]
    square = steady_square(frames, detector, every=1, most_missing=0)
    assert square.width == square.height
    for frame in frames:
        face = crop_portrait(frame, "square", detector).box
        assert square.left < face.left < face.right < square.right
        assert square.top < face.top < face.bottom < square.bottom


def test_the_face_seen_most_often_is_followed(scene, detector):
    """Not the one that is larger for a moment, and never a square around both."""
    both = scene((SMALL, 20, 50, 150), (BIG, 260, 0, 250))
    alone = scene((SMALL, 20, 50, 150))
    square = steady_square([alone, both, alone, both], detector, every=1, most_missing=0)
    assert square.right < 260


def test_of_faces_always_there_the_largest_is_followed(scene, detector):
    square = steady_square([scene((SMALL, 20, 50, 150), (BIG, 260, 0, 250))] * 2, detector, every=1, most_missing=0)
    assert square.left > 200


def test_gaps_are_held(scene, detector):
    frame = scene((BIG, 100, 20, 220))
    square = steady_square([frame, frame, frame, GREY, frame], detector, every=1, most_missing=0.25)
    assert square == steady_square([frame], detector, every=1, most_missing=0.25)


def test_only_every_nth_frame_is_looked_at(scene, detector):
    frame = scene((BIG, 100, 20, 220))
    steady_square([frame, GREY, GREY, frame, GREY, GREY], detector, every=3, most_missing=0)


def test_a_face_missing_too_often(scene, detector):
    with pytest.raises(NoFaceError, match="50% of the frames"):
        steady_square([scene((BIG, 100, 20, 220)), GREY], detector, every=1, most_missing=0.25)


def test_no_face_at_all(detector):
    with pytest.raises(NoFaceError, match="no face in any frame"):
        steady_square([GREY, GREY], detector, every=1, most_missing=1)


def test_a_face_that_wanders_too_far(scene, detector):
    frames = [scene((BIG, left, 60, 120)) for left in range(0, 390, 30)]
    with pytest.raises(NoFaceError, match="moves over"):
        steady_square(frames, detector, every=1, most_missing=0.5)


def test_what_a_renderer_has_seen_is_judged_as_what_was_looked_for():
    seen = np.arange(10) >= 3
    check_seen(seen, most_missing=0.3)
    with pytest.raises(NoFaceError, match="There is no face in 30% of the frames"):
        check_seen(seen, most_missing=0.25)
    with pytest.raises(NoFaceError, match="There is no face in any frame"):
        check_seen(np.zeros(10, bool), most_missing=1)
