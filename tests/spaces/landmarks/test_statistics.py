"""What a training set says of faces: read from clips of people in any pose."""

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.records import from_json
from kdtalker_jax.spaces.landmarks.contours import rows_of, stable_weights
from kdtalker_jax.spaces.landmarks.pose import placed
from kdtalker_jax.spaces.landmarks.shapes import lip_gap
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics, statistics_of
from tests.spaces.landmarks.faces import head, poses, speaking

FRAMES = 60


@pytest.fixture(scope="module")
def shapes():
    """Of three people whose mouths open and close, in the canonical pose."""
    opening = 0.15 * (1 - np.cos(np.arange(FRAMES) / 3))
    first = head(0)
    first[rows_of((33, 263))] = [[-0.5, -0.2, 0], [0.5, -0.2, 0]]
    return [speaking(first + 0.02 * head(seed), opening) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def clips(shapes):
    return [placed(shape, poses(FRAMES, seed)) for seed, shape in enumerate(shapes)]


@pytest.fixture(scope="module")
def statistics(clips):
    return statistics_of(clips)


def test_the_template_is_the_mean_face_whatever_the_poses(statistics, shapes):
    template = statistics.shape("template")
    assert statistics.points == 162
    left, right = template[rows_of((33, 263))]
    np.testing.assert_allclose(np.linalg.norm(left - right), 1, rtol=1e-5)
    face = statistics.face(placed(template[None].astype(np.float64), poses(1)))
    np.testing.assert_allclose(face.identity, template, atol=1e-5)
    np.testing.assert_allclose(stable_weights() @ template, 0, atol=1e-5)
    mean = np.mean([shape.mean(axis=0) for shape in shapes], axis=0)
    distances = [np.linalg.norm(one[:, None] - one[None], axis=-1).ravel() for one in (template, mean)]
    assert np.corrcoef(distances)[0, 1] > 0.999


def test_mouths_open_along_one_direction(statistics):
    opening = statistics.shape("opening")
    np.testing.assert_allclose(np.linalg.norm(opening), 1, rtol=1e-5)
    assert lip_gap(opening) > 0.1
    still = [row for row in range(162) if np.abs(opening[row]).max() < 0.01]
    assert len(still) > 60, "brows and eyes stay"
    deviation = statistics.shape("deviation")
    assert deviation[rows_of((14,)), 1] > 10 * deviation[rows_of((10,)), 1]


def test_a_portrait_at_rest_has_its_mouth_closed(statistics, clips):
    """Also where the one picture shows it open."""
    widest = int(np.argmax([lip_gap(statistics.face(clips[1][i : i + 1]).identity) for i in range(FRAMES)]))
    face = statistics.face(clips[1][widest : widest + 1], still=True)
    np.testing.assert_allclose(lip_gap(face.identity), 0, atol=1e-5)
    assert lip_gap(face.motion.offsets[0]) > 0.1
    whole = statistics.face(clips[1])
    np.testing.assert_allclose(face.identity, whole.identity, atol=0.03)


def test_they_are_kept_in_files(statistics):
    values = {name: list(getattr(statistics, name)) for name in ("template", "deviation", "opening")}
    assert from_json(LandmarkStatistics, values) == statistics
    for name, value, message in (
        ("template", [0.0] * 9, "template has 9 numbers"),
        ("opening", [0.0] * 9, "opening has 9 numbers"),
        ("deviation", [0.0] * 486, "deviation holds 0"),
        ("opening", [float("nan")] * 486, "opening holds nan"),
        ("template", [1e300] * 486, "template holds 1e[+]300"),
    ):
        with pytest.raises(ValueError, match=message):
            LandmarkStatistics(**{key: tuple(kept) for key, kept in (values | {name: value}).items()})


def test_data_that_teaches_nothing_is_refused(clips):
    broken = np.full_like(clips[1], np.nan)
    with pytest.raises(InputError, match="landmarks of clip 1 are not finite"):
        statistics_of([clips[0], broken])
    still = [np.repeat(clip[:1], 5, axis=0) for clip in clips]
    with pytest.raises(InputError, match="do not open"):
        statistics_of(still)
