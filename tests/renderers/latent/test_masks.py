"""Boxes about mouths: the same whatever the mouth does, on a grid, and with seams where there is something beyond."""

import numpy as np
import pytest

from kdtalker_jax.renderers.latent.config import PaintingConfig
from kdtalker_jax.renderers.latent.masks import feathered, inside, mouth_boxes
from kdtalker_jax.spaces.heads import rotation_of
from kdtalker_jax.spaces.landmarks.contours import LIPS, rows_of
from kdtalker_jax.spaces.landmarks.pose import Pose, placed
from kdtalker_jax.spaces.landmarks.shapes import template_of
from kdtalker_jax.spaces.landmarks.statistics import statistics_of
from tests.spaces.landmarks.faces import speaking
from tests.training.landmarks import make_clip, simple_face

ONE = Pose(np.full(1, 0.6), np.eye(3)[None], np.array([[0.0, -0.2, 0.0]]))


def test_all_jaws_have_equal_boxes():
    """Of one person in one pose, whose landmarks are found again at each opening."""
    statistics = statistics_of([make_clip(f"clip {i}", 40, i)["points"] for i in range(3)])
    shapes = speaking(simple_face(), np.linspace(0, 0.3, 9))
    pose = Pose(np.full(9, 0.7), rotation_of(*np.tile([[4.0], [15.0], [6.0]], 9)), np.tile([[0.1, -0.2, 0]], (9, 1)))
    face = statistics.face(placed(shapes, pose))
    boxes = mouth_boxes(face.identity, face.pose, 256)
    np.testing.assert_array_equal(boxes, np.repeat(boxes[:1], 9, axis=0))


def test_the_mouth_and_an_open_jaw_are_inside():
    shapes = speaking(simple_face(), np.linspace(0, 0.3, 5))
    ((left, top, right, bottom),) = mouth_boxes(simple_face(), ONE, 256)
    pixels = (placed(shapes, ONE)[..., :2] + 1) * 128
    lips = pixels[:, rows_of((*LIPS, 152))]
    assert left < lips[..., 0].min() and lips[..., 0].max() < right
    assert top < lips[..., 1].min() and lips[..., 1].max() < bottom
    eyes = pixels[:, rows_of((33, 263, 159))]
    assert eyes[..., 1].max() < top
    assert bottom - top < 200


@pytest.mark.parametrize("size", [64, 128, 256])
def test_boxes_lie_on_a_grid_within_the_picture(size):
    turned = Pose(
        np.array([0.5, 0.9, 0.7]), rotation_of(*np.array([[0.0, 10, 0], [0, 40, 0], [0, 0, 70]])), np.zeros((3, 3))
    )
    boxes = mouth_boxes(simple_face(), turned, size)
    assert boxes.dtype == np.int32
    assert not (boxes % 8).any() and boxes.min() >= 0 and boxes.max() <= size
    assert (boxes[:, 2] > boxes[:, 0]).all() and (boxes[:, 3] > boxes[:, 1]).all()


def test_a_mouth_out_of_sight_has_an_empty_box():
    away = Pose(np.full(1, 0.6), np.eye(3)[None], np.array([[5.0, 0, 0]]))
    boxes = mouth_boxes(simple_face(), away, 64)
    assert not np.asarray(inside(boxes, 64)).any()
    assert not np.asarray(feathered(boxes, 64, 8)).any()


def test_what_is_inside():
    boxes = np.int32([[8, 16, 24, 40], [0, 0, 64, 64]])
    expected = np.zeros((64, 64))
    expected[16:40, 8:24] = 1
    np.testing.assert_array_equal(inside(boxes, 64)[0, ..., 0], expected)
    np.testing.assert_array_equal(inside(boxes, 64, 4)[0, ..., 0], expected[::4, ::4])
    assert np.asarray(inside(boxes, 64)[1]).all()


def test_seams_are_soft_inside_and_nowhere_else():
    boxes = np.int32([[8, 16, 40, 64]])
    share = np.asarray(feathered(boxes, 64, 8))[0, ..., 0]
    assert not share[:16].any() and not share[:, :8].any() and not share[:, 40:].any()
    np.testing.assert_allclose(share[40, 8:16], (np.arange(8) + 0.5) / 8)
    np.testing.assert_allclose(share[16:24, 24], (np.arange(8) + 0.5) / 8)
    assert (share[24:, 16:32] == 1).all(), "and none at the picture's border"
    inner = np.asarray(feathered(boxes, 64, 8, np.array([False, False, False, True])))[0, ..., 0]
    np.testing.assert_allclose(inner[56:, 24], (np.arange(8)[::-1] + 0.5) / 8)
    np.testing.assert_array_equal(inner[:56], share[:56], "but where the picture goes on")
    hard = np.asarray(feathered(boxes, 64, 0))[0, ..., 0]
    np.testing.assert_array_equal(hard, inside(boxes, 64)[0, ..., 0])


def test_settings_that_cannot_be_are_refused():
    for values, message in (
        ({"image_size": 100}, "image_size is 100, no multiple of 8"),
        ({"steps": 0}, "steps is 0"),
        ({"feather": float("nan")}, "feather is nan"),
        ({"seed": -1}, "seed is -1"),
    ):
        with pytest.raises(ValueError, match=message):
            PaintingConfig(**values)


def test_the_template_is_of_no_account():
    """Another template is another canonical pose: boxes are in pictures."""
    clip = make_clip("person", 40, 3)["points"].astype(np.float64)
    assert template_of(clip).shape == (162, 3)
    first, second = (statistics_of([clip, make_clip("x", 30, seed)["points"]]) for seed in (5, 6))
    boxes = [mouth_boxes(face.identity, face.pose, 256) for face in (s.face(clip) for s in (first, second))]
    assert (np.abs(boxes[0] - boxes[1]) <= 8).all()
    assert (boxes[0] == boxes[1]).mean() > 0.8
