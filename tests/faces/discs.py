"""A face mesh whose faces are white discs: a network with the shapes of the real one, written as such a file."""

import numpy as np

from kdtalker_jax.faces.detector import Box
from tests.tflite.writer import CONVOLUTION, NONE, VALID, Network

RADIUS = 60  # pixels of a cut that the disc fills as a detector's box would have it
CELL = 12


def template():
    """(468, 3) pixels of a cut from its middle: a ball, with the outer eye corners level."""
    points = np.random.RandomState(0).uniform(-1, 1, (468, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[:4] = [[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0]]
    points[[33, 263]] = [[-0.6, -0.3, -0.5], [0.6, -0.3, -0.5]]
    return 64 * points  # 128 pixels across, so that a cut of 1.5 times that is of the same size


def disc_mesh(shape=None, always=False):
    """The file's bytes: points about the middle of what is white, and a face where as much is white as of a disc.

    The points are those of `template`, or of another shape (468, 3); where it sees a face `always`, they stay.
    """
    cells, white = 192 // CELL, np.pi * RADIUS**2
    net = Network(1, 192, 192, 3)
    kernel = net.constant(np.full((1, CELL, CELL, 3), 1 / 3, np.float32))
    amount = net.add(CONVOLUTION, [0, kernel], (1, cells, cells, 1), VALID, CELL, CELL, NONE, 1, 1)
    places = (np.arange(cells) + 0.5) * CELL - 96
    moments = np.zeros((468, 3, cells, cells))
    if not always:
        moments[:, 0], moments[:, 1] = places[None, :] / white, places[:, None] / white
    kernel = net.constant(moments.reshape(1404, cells, cells, 1).astype(np.float32))
    bias = net.constant(((template() if shape is None else shape) + np.array([96, 96, 0])).ravel().astype(np.float32))
    points = net.add(CONVOLUTION, [amount, kernel, bias], (1, 1, 1, 1404), VALID, 1, 1, NONE, 1, 1)
    kernel = net.constant(np.full((1, cells, cells, 1), 20 / white, np.float32))
    bias = net.constant(np.float32([10 if always else -10]))
    logit = net.add(CONVOLUTION, [amount, kernel, bias], (1, 1, 1, 1), VALID, 1, 1, NONE, 1, 1)
    return net.write(points, logit)


def scene(centre=None, radius=40, size=(240, 320)):
    """uint8 (H, W, 3): black, with a disc about a place in pixels from the upper left corner, if there is one."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = 0 if centre is None else np.clip(radius + 0.5 - np.hypot(columns - centre[0], rows - centre[1]), 0, 1)
    return np.repeat(np.uint8(np.rint(255 * inside + np.zeros(size)))[..., None], 3, axis=-1)


def box_of(centre, radius=40):
    """As a detector would see it."""
    x, y = map(round, centre)
    return Box(x - radius, y - radius, x + radius, y + radius)
