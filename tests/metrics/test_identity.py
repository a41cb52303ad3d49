"""CSIM by dlib's network: who is who, frame by frame."""

import numpy as np
import pytest

from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.metrics.faces import read_faces
from kdtalker_jax.metrics.identity import IdentityReader, likeness
from tests.metrics.films import portrait

AXES = np.eye(4)
ABSENT = np.full(4, np.nan)


def test_likeness_is_the_mean_cosine_of_frames_with_a_face():
    people = np.stack([2 * AXES[0], AXES[0] + AXES[1], ABSENT, AXES[2]])
    references = np.stack([AXES[0], AXES[0], AXES[0], ABSENT, AXES[3]])
    assert likeness(people, references) == pytest.approx((1 + np.sqrt(0.5)) / 2)
    assert np.isnan(likeness(people[2:3], references))


def test_without_a_reference_it_is_with_the_first_face():
    assert likeness(np.stack([ABSENT, AXES[0], AXES[0] + AXES[1], AXES[1]])) == pytest.approx(np.sqrt(0.5) / 2)
    assert np.isnan(likeness(AXES[:1]))
    assert np.isnan(likeness(np.stack([ABSENT])))


def test_a_person_is_more_like_himself_than_like_another():
    """As videos have it: every tenth frame is looked at."""
    mila, other = portrait(256), portrait(256, "bruno")
    cuts = [mila] + [other] * 9 + [np.clip(mila.astype(int) + 8, 0, 255).astype(np.uint8)]
    faces = read_faces(iter(cuts), FaceDetector(), {"dlib": IdentityReader()})
    assert faces.landmarks.shape == (11, 68, 2)
    assert faces.people["dlib"].shape == (2, 128)
    others = read_faces([other], FaceDetector(), {"dlib": IdentityReader()}).people["dlib"]
    assert likeness(faces.people["dlib"]) > 0.97
    assert likeness(faces.people["dlib"], others) < likeness(faces.people["dlib"]) - 0.02
