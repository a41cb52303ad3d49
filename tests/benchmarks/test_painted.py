"""What is measured of DreamHead's mouths: that each number is of what its row says."""

import numpy as np
import pytest

from benchmarks.demo.painted import beside_row, painted_rows
from benchmarks.demo.sitters import Painter
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.landmarks.pose import canonical
from kdtalker_jax.spaces.landmarks.shapes import lip_gap
from tests.systems.dreamhead import write_model

pytestmark = pytest.mark.slow  # two people are drawn and probed, which nothing else needs

FRAMES = 40  # in fewer nobody has begun to speak


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return Painter(TalkingPortrait.load(write_model(tmp_path_factory.mktemp("dreamhead") / "model")))


@pytest.fixture(scope="module")
def sitters(painter):
    return painter.sitters(2, FRAMES, "varied", 60)


@pytest.fixture(scope="module")
def rows(painter, sitters, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheets")
    found = {row.quantity: row for rows in painted_rows(painter, sitters, 1.0, folder) for row in rows}
    assert {file.name for file in folder.iterdir()} == {"true landmarks.png", "speech.png"}
    return found


def test_sitters_are_drawn_as_their_landmarks_say(sitters):
    for sitter in sitters:
        assert len(sitter.pictures) == len(sitter.points) == len(sitter.boxes) == FRAMES
        gaps = lip_gap(canonical(sitter.points, sitter.face.pose))
        assert np.corrcoef(gaps, sitter.opening)[0, 1] > 0.9


def test_a_mouth_of_another_frame_moves_lips_alone(sitters):
    sitter = sitters[0]
    wide, shut = int(np.argmax(sitter.opening)), int(np.argmin(sitter.opening))
    np.testing.assert_allclose(sitter.points_at(shut, shut)[0], sitter.points[shut], atol=1e-5)
    moved = np.abs(sitter.points_at(shut, wide)[0] - sitter.points[shut]).max(axis=1)
    assert moved.max() > 0.01
    assert (moved < 1e-6).sum() > 60, "eyes, brows and nose stay"


def test_an_untrained_model_reaches_nothing_but_what_needs_no_training(rows):
    assert len(rows) == 12
    reached = {name for name, row in rows.items() if row.reached}
    assert {"the same seed gives the same landmarks", "change outside all masks"} <= reached
    assert not rows["frames by true landmarks"].reached
    assert not rows["the autoencoder"].reached


def test_shrinking_loses_what_it_loses_without_a_model(rows):
    assert 15 < rows["the autoencoder"].numbers["shrunk"]["psnr"] < 40


def test_painting_true_pictures_is_measured_as_perfect(painter, sitters):
    """Each measure against what it should be where nothing was lost."""
    from benchmarks.demo import painted

    row = painted._flicker_row("", sitters, [sitter.pictures for sitter in sitters])
    assert row.numbers["made"] == row.numbers["true"] > 0
    assert row.reached


def test_other_systems_speak_from_the_same_portraits(sitters):
    """A model that follows speech is seen to: that of the package."""
    row = beside_row("demo", TalkingPortrait.load("demo"), sitters)
    assert row.reached is None and "of demo" in row.quantity
    assert row.numbers["pooled"] > 0.5
