"""Edits of a motion: nothing asked is nothing changed, bit for bit, and each edit reaches its frames and no others."""

import warnings

import numpy as np
import pytest

from configs import PUBLISHED as CONFIG
from kdtalker_jax.edits.amplitudes import CHANNELS
from kdtalker_jax.edits.editing import Editor, Edits, edits_of, times_of
from kdtalker_jax.edits.regions import EYES, LIP
from kdtalker_jax.edits.retargeting import Networks, Openings
from kdtalker_jax.edits.sliders import PUBLISHED, SLIDERS, edited
from kdtalker_jax.errors import InputError
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.spaces.heads import Heads, angles_of, heads_of
from kdtalker_jax.spaces.implicit_keypoints import Head, ImplicitKeypoints
from kdtalker_jax.spaces.keypoints import Motion
from tests.edits.motions import motion

FRAMES = 50  # two seconds
SPACE = ImplicitKeypoints()
OPEN = Openings(np.array([[0.3, 0.35]]), np.array([0.2]))
EACH = [f"{name}={slider.high}" for name, slider in SLIDERS.items()] + [f"{name}*0.5" for name in CHANNELS]


@pytest.fixture(scope="module")
def own() -> Head:
    canonical = np.random.default_rng(9).normal(0, 0.3, 63).astype(np.float32)
    still = motion(1, 1)
    return Head(canonical, SPACE.drive(Head(canonical, still), still))


@pytest.fixture(scope="module")
def moving(own) -> Motion:
    return SPACE.drive(own, motion(FRAMES, 2))


@pytest.fixture(scope="module")
def networks() -> Networks:
    """Of the published sizes, with random weights."""
    params = {"retargeting": fold(random_variables("retargeting", CONFIG))}
    return LivePortrait(CONFIG).retargeting(params)


@pytest.fixture
def edit(own):
    def call(moving, edits, **how):
        return Editor(edits_of(edits), own).motion(moving, **how)

    return call


def changed(one: Motion, other: Motion) -> np.ndarray:
    """In which frames anything differs, (T,)."""
    parts = [np.asarray(value != other.arrays()[name]).reshape(len(one), -1) for name, value in one.arrays().items()]
    return np.concatenate(parts, axis=1).any(axis=1)


@pytest.mark.parametrize("asked", (None, "", {}, "smile=0", "size=1,lips*1,yaw=0@1s..", {"smile": 0, "pose*": 1}))
def test_what_asks_for_nothing(moving, edit, asked):
    assert not edits_of(asked)
    assert not changed(edit(moving, asked), moving).any()


@pytest.mark.parametrize("asked", EACH)
def test_each_reaches_its_frames_and_no_others(moving, edit, asked):
    """Also the bits of the others stay."""
    assert changed(edit(moving, asked), moving).all()
    times = times_of(FRAMES)
    reached = changed(edit(moving, f"{asked}@0.6s..1.2s"), moving)
    np.testing.assert_array_equal(reached, (times > 0.6 + 1e-9) & (times < 1.2 - 1e-9))


def test_a_constant_slider_is_the_slider(own, moving, edit):
    heads = Editor(edits_of("smile=0.6,eyebrow=-9,yaw=4"), own).heads(heads_of(moving), times_of(FRAMES))
    for one, other in zip(heads, edited(heads_of(moving), {"smile": 0.6, "eyebrow": -9, "yaw": 4}), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_edited_numbers_drive_to_the_edited_keypoints(own, moving, edit):
    """So that a saved motion keeps its edits."""
    new = edit(moving, "smile=1,yaw=9,pose*0.5,lips*1.5,move_x=0.1")
    again = SPACE.drive(own, Motion(**{k: v for k, v in new.arrays().items() if k != "keypoints"}))
    np.testing.assert_allclose(again.keypoints, new.keypoints, atol=1e-5)


def test_relative_motion_keeps_a_constant_edit(own, edit):
    """Though relative motion forgets what is the same in all frames."""
    moving = SPACE.drive(own, motion(FRAMES, 2), relative=True)
    first = edit(moving, "smile=1", relative=True)
    assert np.abs(first.keypoints - moving.keypoints).max(axis=(1, 2)).min() > 0.01


@pytest.mark.parametrize("relative", (False, True))
def test_pieces_are_the_whole(own, edit, relative):
    raw = motion(FRAMES, 2)
    whole = edit(SPACE.drive(own, raw, relative=relative), "smile=1@0.5s..1.5s,yaw=0@0s/9@2s", relative=relative)
    parts = [
        edit(
            SPACE.drive(own, raw[i : i + 20], relative=relative, first=raw), "smile=1@0.5s..1.5s,yaw=0@0s/9@2s",
            relative=relative, first=raw, start=i,
        )
        for i in range(0, FRAMES, 20)
    ]  # fmt: skip
    np.testing.assert_allclose(parts[0].join(*parts[1:]).keypoints, whole.keypoints, atol=1e-6)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


def test_channels_go_so_far_from_the_portrait_and_leave_the_rest(own, moving):
    still, heads, times = heads_of(own.motion), heads_of(moving), times_of(FRAMES)

    def of(asked: str) -> Heads:
        return Editor(edits_of(asked), own).heads(heads, times)

    np.testing.assert_allclose(of("pose*0").rotation, np.broadcast_to(still.rotation, (FRAMES, 3, 3)), atol=1e-9)
    np.testing.assert_allclose(of("pose*0").t, np.broadcast_to(still.t, (FRAMES, 3)), atol=1e-9)
    np.testing.assert_array_equal(of("pose*0").exp, heads.exp)
    np.testing.assert_allclose(of("expression*1.5").exp - still.exp, 1.5 * (heads.exp - still.exp), atol=1e-12)
    for name, keypoints in (("lips", LIP), ("eyes", EYES)):
        moved = of(f"{name}*2").exp
        there = np.isin(np.arange(21), keypoints)
        np.testing.assert_array_equal(moved[:, ~there], heads.exp[:, ~there])
        ours = list(keypoints)
        np.testing.assert_allclose(moved[:, ours], (2 * heads.exp - still.exp)[:, ours], atol=1e-12)
    for one, other, own_one in zip(angles_of(of("yaw*0.5").rotation), angles_of(heads.rotation),
                                   angles_of(still.rotation), strict=True):  # fmt: skip
        halved = np.allclose(one, (other + own_one) / 2, atol=1e-9)
        assert halved or np.allclose(one, other, atol=1e-9)
    half, full = of("pose*0.5").rotation, heads.rotation
    for i in range(3):
        np.testing.assert_allclose(half[i] @ still.rotation[0].T @ half[i], full[i], atol=1e-9)


def test_a_pose_replaces_the_motions(own, moving):
    rows = [(0, 0, 0, 0), (1, 20, -5, 3)]
    heads = Editor(edits_of("roll=2", pose=rows), own).heads(heads_of(moving), times_of(FRAMES))
    pitch, yaw, roll = angles_of(heads.rotation[25:])
    np.testing.assert_allclose((pitch, yaw, roll), np.outer((-5, 20, 5), np.ones(25)), atol=1e-9)
    np.testing.assert_array_equal(heads.exp, moving.exp.reshape(FRAMES, 21, 3).astype(np.float64))


def test_openings_ask_the_networks_and_start_from_the_portrait(own, moving, networks):
    editor = Editor(edits_of("eyes=0.4@0.5s..1.5s,lips=0"), own, PUBLISHED, networks, OPEN)
    times = times_of(FRAMES)
    heads, added = editor.heads(heads_of(moving), times), editor.opened(times)
    np.testing.assert_allclose(heads.exp[:, LIP], np.broadcast_to(heads_of(own.motion).exp[:, LIP], (FRAMES, 6, 3)))
    np.testing.assert_array_equal(heads.exp[:10, EYES], heads_of(moving).exp[:10, EYES])
    only_lips = Editor(edits_of("lips=0"), own, PUBLISHED, networks, OPEN).opened(times)
    np.testing.assert_allclose(added[:10], only_lips[:10])
    assert np.abs(added[25] - only_lips[25]).max() > 1e-4


def test_one_eye_is_opened_alone(own, networks):
    """And both one by one are what both together are."""

    def added(asked: str) -> np.ndarray:
        return Editor(edits_of(asked), own, PUBLISHED, networks, OPEN).opened(times_of(2))

    left, right = added("left_eye=0.1"), added("right_eye=0.1")
    np.testing.assert_allclose(left + right, added("eyes=0.1"), atol=1e-6)
    sides = own.motion.keypoints[0, EYES, 0] < own.motion.keypoints[0, EYES, 0].mean()
    np.testing.assert_array_equal(left[:, EYES][:, ~sides], 0)
    np.testing.assert_array_equal(right[:, EYES][:, sides], 0)


def test_edits_of_one_name_add_up_and_stay_in_range(own):
    amounts = edits_of("yaw=20,yaw=20,lips*0.5,lips*0.5").amounts
    np.testing.assert_allclose(amounts("yaw", times_of(2), factor=False), 25)
    np.testing.assert_allclose(amounts("lips", times_of(2), factor=True), 0.25)


def test_one_warning_for_all_that_is_clipped():
    with pytest.warns(UserWarning, match=r"clipped: smile goes from -0.3 to 1.3, pose\* goes from 0 to 2\.$") as warned:
        edits = edits_of("smile=9,pose*7,smile=8,yaw=1")
    assert len(warned) == 1
    assert edits.terms[0].curve.extremes == (1.3, 1.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert edits_of(edits) is edits


def test_from_python_as_from_a_text():
    table = {"smile": 0.6, "lips*": 1.3, "yaw": [(0, 0), (1.5, 10)]}
    assert edits_of(table) == edits_of("smile=0.6,lips*1.3,yaw=0@0s/10@1.5s")
    assert edits_of({"pose": [(0, 1, 2, 3)]}).pose is not None


@pytest.mark.parametrize(
    ("asked", "said"),
    (
        ("smlie=1", "no slider or opening 'smlie': did you mean 'smile'"),
        ("lip*1", "no channel that can go farther 'lip': did you mean 'lips'"),
        ("smile*2", "goes with '='"),
        ("pose=2", r"goes with '\*'"),
        ("nonsense=1", "there are smile, "),
        ({"smile": "much"}, "number or keyframes"),
        ({"smile": None}, "number or keyframes"),
        ({"yaw": [1, 2]}, "Keyframes are pairs"),
        ({3: 1}, "name of an edit"),
        (7, "text such as"),
        ({"pose": [(1, 2)]}, "four numbers"),
        ({"pose": "absent.csv"}, "does not exist"),
    ),
)
def test_what_cannot_be_asked(asked, said):
    with pytest.raises(InputError, match=said):
        edits_of(asked)


def test_openings_want_a_face(own):
    with pytest.raises(InputError, match="by another `crop`"):
        Editor(Edits(edits_of("lips=0.2").terms), own)
