"""What can be asked of a driver, and how it combines with sound, openings and sliders."""

from fractions import Fraction

import numpy as np
import pytest

from configs import PUBLISHED
from kdtalker_jax.edits.reenacting import Reenactment, moved_by, video_moved_by
from kdtalker_jax.edits.regions import EYES, LIP
from kdtalker_jax.edits.retargeting import Networks, Openings
from kdtalker_jax.errors import InputError
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.spaces.heads import heads_of, placed
from kdtalker_jax.spaces.implicit_keypoints import Head
from kdtalker_jax.spaces.keypoints import Motion
from tests.edits.motions import motion

FRAMES = 6


@pytest.fixture(scope="module")
def own() -> Head:
    canonical = np.random.default_rng(9).normal(0, 0.3, 63).astype(np.float32)
    still = motion(1, 1)
    keypoints = placed(canonical.reshape(21, 3), heads_of(still))
    return Head(canonical, Motion(**{**still.arrays(), "keypoints": keypoints}))


@pytest.fixture(scope="module")
def driver() -> Motion:
    return motion(FRAMES, 2)


@pytest.fixture(scope="module")
def openings() -> Openings:
    rng = np.random.default_rng(3)
    return Openings(rng.uniform(0.1, 0.5, (FRAMES, 2)), rng.uniform(0, 0.5, FRAMES))


@pytest.fixture(scope="module")
def networks() -> Networks:
    """Of the published sizes, with random weights."""
    params = {"retargeting": fold(random_variables("retargeting", PUBLISHED))}
    return LivePortrait(PUBLISHED).retargeting(params)


OWN_OPENINGS = Openings(np.array([[0.3, 0.35]]), np.array([0.2]))


def points(motion: Motion, which) -> np.ndarray:
    return motion.exp.reshape(len(motion), -1, 3)[:, list(which)]


def test_the_reference_frame_is_the_portrait_itself(own, driver):
    for reference in (0, 4):
        moved = moved_by(own, driver, Reenactment(reference=reference), None)
        np.testing.assert_allclose(moved.keypoints[reference], own.motion.keypoints[0], atol=1e-5)


def test_auto_takes_the_frame_of_the_least_open_mouth(own, driver, openings):
    moved = moved_by(own, driver, Reenactment(reference="auto"), None, openings=openings)
    frame = int(openings.lips.argmin())
    assert frame != 0
    np.testing.assert_allclose(moved.keypoints[frame], own.motion.keypoints[0], atol=1e-5)


def test_no_multiplier_is_the_portrait_and_sliders_come_on_top(own, driver):
    moved = moved_by(own, driver, Reenactment(multiplier=0), None)
    np.testing.assert_allclose(moved.keypoints, np.repeat(own.motion.keypoints, FRAMES, axis=0), atol=1e-6)
    plain, smiling = (moved_by(own, driver, Reenactment(sliders=values), None) for values in ({}, {"smile": 1.0}))
    assert np.abs(smiling.keypoints - plain.keypoints).max() > 0.01


def test_lips_of_the_sound_and_all_else_of_the_driver(own, driver):
    sound = motion(FRAMES, 5)
    plain = moved_by(own, driver, Reenactment(), None)
    for strength in (0.0, 0.25, 1.0):
        mixed = moved_by(own, driver, Reenactment(lip_strength=strength), None, sound=sound)
        expected = (1 - strength) * points(sound, LIP) + strength * points(plain, LIP)
        np.testing.assert_allclose(points(mixed, LIP), expected, atol=1e-5)
        np.testing.assert_array_equal(points(mixed, EYES), points(plain, EYES))
        np.testing.assert_array_equal(mixed.yaw, plain.yaw)


def test_a_driver_and_sound_of_other_lengths(own, driver):
    with pytest.warns(UserWarning, match="6 frames and the sound 4"):
        assert len(moved_by(own, driver, Reenactment(), None, sound=motion(4, 5))) == 4
    with pytest.warns(UserWarning, match="6 frames and the sound 9"):
        assert len(moved_by(own, driver, Reenactment(), None, sound=motion(9, 5))) == FRAMES
    picture = moved_by(own, driver[:1], Reenactment(), None, sound=motion(9, 5))
    assert len(picture) == 9  # holds its face as long as there is sound


def test_wanted_openings_keep_the_drivers_motion(own, driver, openings, networks):
    asked = Reenactment(eyes="driver", lips=0.3, stitch=True)
    moved = moved_by(own, driver, asked, networks, openings=openings, own_openings=OWN_OPENINGS)
    plain = moved_by(own, driver, Reenactment(), None)
    np.testing.assert_array_equal(moved.yaw, plain.yaw)
    np.testing.assert_allclose(points(moved, LIP), np.repeat(points(own.motion, LIP), FRAMES, axis=0), atol=1e-6)
    assert np.abs(np.diff(moved.keypoints, axis=0)).max() > 0.05


def test_each_eye_has_its_own_opening(own, driver, openings, networks):
    both = Openings(np.full((FRAMES, 2), 0.4), openings.lips)
    one = Openings(np.tile([0.4, 0.1], (FRAMES, 1)), openings.lips)
    asked = Reenactment(eyes="driver")
    same, wink, number = (
        moved_by(own, driver, how, networks, openings=wanted, own_openings=OWN_OPENINGS).keypoints
        for how, wanted in ((asked, both), (asked, one), (Reenactment(eyes=0.4), None))
    )
    np.testing.assert_allclose(same, number, atol=1e-6)
    x = own.motion.keypoints[0, list(EYES), 0]
    left = [keypoint for keypoint, place in zip(EYES, x, strict=True) if place < x.mean()]
    right = [keypoint for keypoint in EYES if keypoint not in left]
    np.testing.assert_allclose(wink[:, left], same[:, left], atol=1e-6)
    assert (np.abs(wink[:, right] - same[:, right]).max(axis=-1) > 1e-5).all()


@pytest.mark.parametrize(
    ("asked", "said"),
    (
        ({"regions": "mouth"}, "'mouth'"),
        ({"multiplier": 3}, "0 to 2"),
        ({"reference": "first"}, "auto"),
        ({"reference": -1}, "auto"),
        ({"lip_strength": 1.5}, "lip_strength"),
        ({"eyes": "open"}, "driver"),
        ({"lips": 2}, "0 to 0.8"),
        ({"relative": 1}, "True or False"),
        ({"sliders": {"smirk": 1}}, "'smirk'"),
        ({"close_lips": True, "lips": 0.1}, "close_lips"),
        ({"close_lips": True, "relative": False}, "close_lips"),
    ),
)
def test_what_cannot_be_asked(asked, said):
    with pytest.raises(InputError, match=said):
        Reenactment(**asked)


def test_what_is_not_known_is_said(own, driver, networks):
    with pytest.raises(InputError, match=r"no frame 6 in the driver, which has 6"):
        moved_by(own, driver, Reenactment(reference=6), None)
    with pytest.raises(InputError, match="driver's eyes and lips"):
        moved_by(own, driver, Reenactment(lips="driver"), networks, own_openings=OWN_OPENINGS)
    with pytest.raises(InputError, match="portrait's eyes and lips"):
        moved_by(own, driver, Reenactment(lips=0.1), networks)


def test_what_only_a_driver_or_a_video_has_is_refused_elsewhere(own, driver, openings, networks):
    canonical, given = np.zeros((FRAMES, 63), np.float32), {"own_openings": openings, "sound": driver}
    with pytest.raises(InputError, match="How far the driver's eyes"):
        video_moved_by(canonical, driver, None, Reenactment(eyes="driver"), networks, **given)
    with pytest.raises(InputError, match="`hold_eyes` is for the person in a video"):
        moved_by(own, driver, Reenactment(hold_eyes=True), networks, openings=openings, own_openings=OWN_OPENINGS)


def test_a_video_lasts_as_long_as_the_shortest_that_moves_it(driver, openings, networks):
    """A picture that drives it is for all of its frames; a video or a recording of one frame is not."""
    asked, other = Reenactment(), {"own_openings": openings}
    canonical = np.zeros((FRAMES, 63), np.float32)
    moved = video_moved_by(canonical, driver, driver[:1], asked, networks, **other)
    assert len(moved) == FRAMES
    moved = video_moved_by(canonical, driver, None, asked, networks, sound=driver[:1], **other)
    assert len(moved) == 1
    one = {"own_openings": openings.at(slice(1))}
    moved = video_moved_by(canonical[:1], driver[:1], None, asked, networks, sound=driver, **one)
    assert len(moved) == 1


def test_the_frames_of_a_video_are_edited_at_its_own_rate(own, driver, openings, networks):
    """From each frame's own face."""
    canonical = np.repeat(own.canonical[None], FRAMES, axis=0)
    asked = Reenactment(edits="yaw=9@0.1s..,eyes=0.4@0.1s..,lips*0.5@0.1s..,pose*0@0.1s..", regions="lip")
    others = {"own_openings": openings, "sound": driver, "rate": Fraction(10)}
    edited = video_moved_by(canonical, driver, None, asked, networks, **others)
    plain = video_moved_by(canonical, driver, None, Reenactment(regions="lip"), networks, **others)
    changed = (edited != plain).reshape(FRAMES, -1).any(axis=1)
    np.testing.assert_array_equal(changed, [False, False, True, True, True, True])
