"""Emotions as they are written, and what is felt when."""

import numpy as np
import pytest

from kdtalker_jax.emotions import EMOTIONS, FADE, ROWS, feelings_of, felt_at, weights_of
from kdtalker_jax.errors import InputError


def test_the_labels_of_data_sets_are_those_of_the_eight():
    assert ("none", *EMOTIONS) == ROWS
    assert EMOTIONS.index("happy") == 5


@pytest.mark.parametrize(
    ("blend", "shares"),
    [
        ("happy", {"happy": 1}),
        (" Sad ", {"sad": 1}),
        ("happy + surprised", {"happy": 0.5, "surprised": 0.5}),
        ("0.7 happy + 0.3 surprised", {"happy": 0.7, "surprised": 0.3}),
        ("3 fear+1 neutral", {"fear": 0.75, "neutral": 0.25}),
        ({"angry": 2, "contempt": 2}, {"angry": 0.5, "contempt": 0.5}),
        ({" Happy": 1, "SAD ": 1}, {"happy": 0.5, "sad": 0.5}),
        ("none", {"none": 1}),
    ],
)
def test_blends(blend, shares):
    weights = dict(zip(ROWS, weights_of(blend), strict=True))
    assert {name: weight for name, weight in weights.items() if weight} == pytest.approx(shares)


@pytest.mark.parametrize(
    ("blend", "message"),
    [
        ("hapy", r"no emotion 'hapy': did you mean 'happy'\?.* There are none, neutral, angry"),
        ("joy", "no emotion 'joy': there are none, neutral, angry, .*surprised"),
        ("happy + ", "is no emotion"),
        ("", "is no emotion"),
        ("0 happy", "add up to nothing"),
        ("1.2.3 happy", "'1.2.3' is no number"),
        ({"happy": -1}, "share of happy"),
        ({"happy": float("nan")}, "share of happy"),
        ({"happy": True}, "share of happy"),
        ({}, "add up to nothing"),
        (3, "a name or a mapping"),
        (["happy"], "a name or a mapping"),
    ],
)
def test_what_is_no_emotion_is_refused(blend, message):
    with pytest.raises(InputError, match=message):
        weights_of(blend)


def test_a_blend_in_place_of_emotions_over_time_is_refused():
    """Its first share would be a time."""
    with pytest.raises(InputError, match="says shares and no time"):
        feelings_of("0.7 happy + 0.3 surprised")
    with pytest.raises(InputError, match="says shares and no time"):
        feelings_of("0.7 happy + .3 surprised")
    assert feelings_of("0.7 happy + surprised")[0].seconds == 0.7


def test_emotions_over_time_as_text_and_as_rows():
    text = feelings_of("0 neutral, 2.5 angry, 4 0.7 happy + 0.3 sad 0.5")
    rows = feelings_of([(0, "neutral"), (2.5, "angry"), (4, {"happy": 0.7, "sad": 0.3}, 0.5)])
    assert text == rows
    assert [feeling.seconds for feeling in text] == [0, 2.5, 4]
    assert [feeling.strength for feeling in text] == [1, 1, 0.5]


@pytest.mark.parametrize(
    ("emotions", "message"),
    [
        ("angry", "no emotion at a time"),
        ("0 angry,", "no emotion at a time"),
        ("0 angry, 0 sad", "times of emotions must grow"),
        ("1 angry, 0 sad", "times of emotions must grow"),
        ("0 angri", "did you mean 'angry'"),
        ("0 angry 1.5", "strength of an emotion must be a number from 0 to 1"),
        ([], "Emotions over time"),
        ({"angry": 1}, "Emotions over time"),
        ([(0,)], "no emotion at a time"),
        ([(-1, "sad")], "in seconds from 0 on"),
        ([("0", "sad")], "in seconds from 0 on"),
        (5, "Emotions over time"),
    ],
)
def test_times_that_are_none_are_refused(emotions, message):
    with pytest.raises(InputError, match=message):
        feelings_of(emotions)


def test_one_fades_into_the_next():
    feelings = feelings_of("0 neutral, 2 angry 0.5")
    weights, strengths = felt_at(feelings, np.array([-0.4, 0, 1.99, 2, 2 + FADE / 2, 2 + FADE, 100]))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(weights[:, ROWS.index("angry")], [0, 0, 0, 0, 0.5, 1, 1], atol=1e-6)
    np.testing.assert_allclose(strengths, [1, 1, 1, 1, 0.75, 0.5, 0.5], atol=1e-6)


def test_before_the_first_there_is_none_and_short_ones_are_reached():
    feelings = feelings_of("1 happy, 1.2 sad")
    weights, strengths = felt_at(feelings, np.array([0, 0.99, 1.2, 1.2 + FADE]))
    assert (weights[:2, 0] == 1).all()
    assert (strengths[:2] == 0).all()
    np.testing.assert_allclose(weights[2:, [ROWS.index("happy"), ROWS.index("sad")]], np.eye(2), atol=1e-6)
