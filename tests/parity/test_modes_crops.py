"""LivePortrait's cuts of pictures and driving videos, against what its code computed."""

import cv2
import numpy as np
import pytest

from kdtalker_jax.faces.oriented import cut_box, fit_face, mean_box, to_cut

SOURCE = {"scale": 2.3, "shift": (0.0, -0.125)}
DRIVER = {"scale": 2.2, "shift": (0.0, -0.1)}


@pytest.fixture(scope="module")
def full() -> np.ndarray:
    y, x, channel = np.mgrid[:400, :600, :3]
    return ((2 * x + 5 * y + 480 * channel) // 8 % 256).astype(np.uint8)


def assert_matrix(actual, recorded):
    np.testing.assert_allclose(actual, recorded, rtol=0, atol=1e-3)


def assert_picture(actual, recorded):
    assert (np.abs(actual.astype(int) - recorded) <= 1).mean() >= 0.999


@pytest.mark.parametrize("points", (203, 106, 68, 5))
def test_cuts(modes, points):
    landmarks = modes[f"crop/{points}/landmarks"]
    fit = fit_face(landmarks, **SOURCE)
    recorded = {name: modes[f"crop/{points}/M_o2c/{name}"] for name in ("rotated", "upright", "landmark_input")}
    assert_matrix(to_cut(fit.centre, fit.side, 512, fit.angle), recorded["rotated"])
    assert_matrix(to_cut(fit.centre, fit.side, 512), recorded["upright"])
    fit = fit_face(landmarks, scale=1.5, shift=(0.0, -0.1))
    assert_matrix(to_cut(fit.centre, fit.side, 224, fit.angle), recorded["landmark_input"])
    assert_matrix(fit_face(landmarks, **DRIVER).box(), modes[f"crop/{points}/driving_box"])


def test_a_cut_picture(modes, full):
    landmarks = modes["crop/203/landmarks"]
    fit = fit_face(landmarks, **SOURCE)
    matrix = to_cut(fit.centre, fit.side, 512, fit.angle)
    cut = cv2.resize(cut_box(full, fit.box(), 512, matrix), (256, 256), interpolation=cv2.INTER_AREA)
    assert_picture(cut[::8, ::8], modes["crop/203/image256"])
    points = np.column_stack([landmarks, np.ones(len(landmarks))]) @ matrix.T
    assert_matrix(points[:8, :2], modes["crop/203/points_in_crop"])


def test_a_cut_driver(modes, full):
    boxes = np.stack([fit_face(modes[f"crop/{points}/landmarks"], **DRIVER).box() for points in (203, 106)])
    box = mean_box(boxes)
    assert_matrix(box, modes["crop/driving_mean_box"])
    assert_matrix(to_cut((box[:2] + box[2:]) / 2, box[2] - box[0], 512), modes["crop/driving_M_o2c"])
    cut = cv2.resize(cut_box(full, box, 512), (256, 256))
    assert_picture(cut[::8, ::8], modes["crop/driving_image256"])
