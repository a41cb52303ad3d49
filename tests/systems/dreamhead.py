"""A model of DreamHead with random weights whose faces are white discs, and films of such faces."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from configs.dreamhead import SMALL
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.faces.mesh_points import with_irises
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET, rows_of
from kdtalker_jax.spaces.landmarks.shapes import template_of
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.systems import find_system
from tests.faces.discs import disc_mesh, scene, template
from tests.training.landmarks import simple_face

SYSTEM = find_system("dreamhead_wav2lip")


def face() -> np.ndarray:
    """(468, 3) pixels of a cut from its middle: as discs have them, but for the lines of a face."""
    points, drawn = template(), simple_face() * 76.8 * (1, 1, -1) - (0, 19.2, 0)
    known = [index for index in CONTOUR_SET if index < len(points)]
    points[known] = drawn[rows_of(known)]
    return points


def statistics() -> LandmarkStatistics:
    """By which these points are a face."""
    shape = template_of(with_irises(face() * (1, 1, -1))[None, list(CONTOUR_SET)])
    opening = np.zeros_like(shape)
    opening[rows_of((14,)), 1] = 1
    values = (shape, np.full_like(shape, 0.02), opening)
    return LandmarkStatistics(*(tuple(value.ravel().tolist()) for value in values))


CONFIG = SMALL.replace(statistics=statistics())


def write_model(directory: Path) -> Path:
    save_checkpoint(directory, {name: random_variables(name, CONFIG) for name in SYSTEM.required}, CONFIG)
    return directory


def write_mesh(directory: Path, *, always: bool = False) -> Path:
    """The network that sees discs, or `always` a face: to be named in the environment as KDTALKER_FACE_MESH."""
    path = directory / "discs.tflite"
    path.write_bytes(disc_mesh(face(), always))
    return path


def disc(x: float = 80, y: float = 80, size: int = 160) -> np.ndarray:
    """A frame with a face in it, uint8 (size, size, 3), on a pattern."""
    frame = scene((x, y), size / 4, (size, size)).astype(int)
    pattern = (np.arange(size)[:, None, None] * np.array([3, 5, 7]) + np.arange(size)[None, :, None] * 2) % 60
    return np.where(frame > 0, frame, pattern).astype(np.uint8)


def write_film(path: Path, frames: list[np.ndarray], rate) -> Path:
    with VideoWriter(path, frame_rate=rate) as video:
        for frame in frames:
            video.write(frame)
    return path


def run(command, *arguments) -> Result:
    """A command line."""
    return CliRunner().invoke(command.main, list(map(str, arguments)))
