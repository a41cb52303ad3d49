"""A video as the source: its own frames, each with another face in its square."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from kdtalker_jax.compositing.pasting import pasted_each
from kdtalker_jax.edits.reenacting import Reenactment
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.heads import heads_of, placed
from kdtalker_jax.video_portrait import prepare_video, steady

RATE = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def film(media, tmp_path_factory):
    """Someone who moves to the right, hidden in one frame."""
    frames = list(read_frames(media / "video" / "lp_d0.mp4", most=6))
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    side = min(frames[0].shape[:2])
    with VideoWriter(path, frame_rate=RATE) as video:
        for i, frame in enumerate(frames):
            picture = np.roll(frame[:side, :side], 2 * i, axis=1)
            video.write(np.zeros_like(picture) if i == 3 else picture)
    return path


@pytest.fixture(scope="module")
def portrait(film, small_model):
    with pytest.warns(UserWarning, match=r"not seen in 1 of 6 frames of film\.mp4"):
        return prepare_video(small_model, film)


def test_what_is_known_of_a_video(portrait):
    assert (len(portrait), portrait.rate) == (6, RATE)
    assert portrait.found.tolist() == [True, True, True, False, True, True]
    assert len(portrait.regions) == 6
    assert portrait.regions[5].left > portrait.regions[0].left, "the square follows the face"
    vectors = portrait.motion.to_vector()
    np.testing.assert_array_equal(vectors[3], vectors[2])
    assert portrait.openings.eyes.shape == (6, 2)


def test_without_a_change_every_frame_stays_where_it_is(portrait, small_model):
    """Relative to itself a still driver asks for nothing; rotations are smoothed a little over time (as published)."""
    still = Driver(portrait.motion[:1].join(*[portrait.motion[:1]] * 5), RATE)
    how = Reenactment(regions="pose")
    own = placed(portrait.canonical.reshape(6, -1, 3), heads_of(portrait.motion))
    np.testing.assert_allclose(portrait.moved(small_model, how, still), own, atol=2e-3)


def test_sound_moves_the_lips_alone(portrait, small_model):
    lips, others = [6, 12, 14, 17, 19, 20], [0, 1, 5, 11]
    sound = replace(portrait.motion, exp=portrait.motion.exp + 0.05)  # of 25 frames a second
    driving = portrait.moved(small_model, Reenactment(), sound=sound)
    own = placed(portrait.canonical.reshape(6, -1, 3), heads_of(portrait.motion))[: len(driving)]
    np.testing.assert_allclose(driving[:, others], own[:, others], atol=1e-6)
    assert np.abs(driving[:, lips] - own[:, lips]).min() > 0.001


def test_the_shortest_decides(portrait, small_model):
    short = Driver(portrait.motion[:3], RATE)
    assert len(portrait.moved(small_model, Reenactment(), short)) == 3
    picture = Driver(portrait.motion[:1], RATE)
    assert len(portrait.moved(small_model, Reenactment(relative=False), picture)) == 6
    with pytest.raises(InputError, match="no frame 3 in the driver"):
        portrait.moved(small_model, Reenactment(reference=3), short)


def test_its_frames_come_with_their_faces(portrait, small_model):
    driving = portrait.moved(small_model, Reenactment(), Driver(portrait.motion, RATE))
    moved = list(portrait.render(small_model, driving))
    assert len(moved) == 6
    assert moved[0].face.shape == (128, 128, 3)
    assert [one.region for one in moved] == portrait.regions
    assert np.abs(moved[0].face.astype(int) - moved[5].face).max() > 0


def test_frames_that_show_no_face_stay(film, small_model, tmp_path):
    """Also the first, which is no portrait either."""
    frames = [np.zeros_like(frame) if i == 0 else frame for i, frame in enumerate(read_frames(film, rate=RATE))]
    path = tmp_path / "hidden.mp4"
    with VideoWriter(path, frame_rate=RATE) as video:
        for frame in frames:
            video.write(frame)
    with pytest.warns(UserWarning, match=r"not seen in 2 of 6 frames of hidden\.mp4: they stay as they are"):
        portrait = prepare_video(small_model, path)
    assert portrait.found.tolist() == [False, True, True, False, True, True]
    assert portrait.portrait(small_model).image.mean() > 30
    driving = portrait.moved(small_model, Reenactment(), Driver(portrait.motion, RATE))
    made = [frame[0] for frame in pasted_each(portrait.render(small_model, driving))]
    same = [np.array_equal(*pair) for pair in zip(made, portrait.frames(), strict=True)]
    assert same == [True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("frames", "anew", "order"),
    [
        (4, True, [0, 1, 2, 3]),
        (14, True, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1]),
        (8, False, [0, 1, 2, 3, 4, 5, 5, 5]),
    ],
)
def test_a_video_lasts_as_long_as_it_is_needed(portrait, frames, anew, order):
    longer = portrait.lasting(frames, anew=anew)
    assert len(longer) == frames
    np.testing.assert_array_equal(longer.motion.to_vector(), portrait.motion.to_vector()[order])
    assert longer.regions == [portrait.regions[k] for k in order]
    pictures = list(portrait.frames())
    assert len(pictures) == 6
    assert all(np.array_equal(a, pictures[k]) for a, k in zip(longer.frames(), order, strict=True))


def test_squares_jump_where_the_face_does():
    left, right = Box(0, 0, 80, 80), Box(200, 0, 280, 80)
    assert steady([left] * 9 + [right] * 9) == [left] * 9 + [right] * 9


def test_squares_move_steadily():
    random = np.random.default_rng(0)
    left = np.round(np.linspace(0, 100, 50) + random.normal(0, 3, 50)).astype(int)
    squares = steady([Box(int(x), 20, int(x) + 80, 100) for x in left])
    assert all(box.width == box.height == 80 for box in squares)
    jerk = np.abs(np.diff([box.left for box in squares], n=2)).mean()
    assert jerk < 0.3 * np.abs(np.diff(left, n=2)).mean()
