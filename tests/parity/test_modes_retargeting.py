"""What is done to driving keypoints, and sliders, against what LivePortrait's code computed with the seed's weights."""

import numpy as np
import pytest

from kdtalker_jax.edits.advanced_editor import SLIDER_OF, Edit, edited_keypoints
from kdtalker_jax.edits.neutral import NEUTRAL
from kdtalker_jax.edits.reenactment import reenacted, video_reenacted
from kdtalker_jax.edits.regions import EYES, Regions
from kdtalker_jax.edits.retargeting import (
    eye_delta,
    eyes_held,
    finished,
    lip_delta,
    lips_closed,
    video_lips_held,
)
from kdtalker_jax.edits.sliders import edited
from kdtalker_jax.faces.openings import eye_openings, lip_openings
from kdtalker_jax.spaces.heads import placed
from tests.parity.modes import assert_keypoints

# LivePortrait's names of its editor's sliders, where ours say what they do.
OURS = {
    "mov_x": "move_x",
    "mov_y": "move_y",
    "mov_z": "size",
    "lip_variation_zero": "pout",
    "lip_variation_one": "purse",
    "lip_variation_two": "grin",
    "lip_variation_three": "mouth",
    "eyeball_direction_x": "gaze_x",
    "eyeball_direction_y": "gaze_y",
} | {name: name for name in ("pitch", "yaw", "roll", "smile", "wink", "eyebrow")}
SEVERAL = {"smile": 0.8, "wink": 10, "yaw": 10, "size": 1.1, "eyebrow": -12, "gaze_x": 9}


def own_of(modes) -> np.ndarray:
    return modes["in/source/x_s"][None]  # (1, 21, 3)


def openings(modes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Eyes (T, 2) and lips (T,)."""
    landmarks = modes[f"in/{name}"].reshape(-1, 203, 2)
    return eye_openings(landmarks), lip_openings(landmarks)


def test_openings_of_203_landmarks(modes):
    names = ("source/landmarks_open", "source/landmarks_closed", "video/landmarks")
    eyes, lips = (np.concatenate(parts) for parts in zip(*(openings(modes, name) for name in names), strict=True))
    assert_keypoints(eyes, modes["ratio/eyes"])
    assert_keypoints(lips[:, None], modes["ratio/lip"])


def test_deltas(modes, networks):
    for name in ("open", "closed"):  # by the network alone, whatever is open
        _, lips = openings(modes, f"source/landmarks_{name}")
        assert_keypoints(lip_delta(networks, own_of(modes), lips, 0.0)[0], modes[f"delta/lip_to_0/{name}"])
    eyes, _ = openings(modes, "source/landmarks_open")
    assert_keypoints(eye_delta(networks, own_of(modes), eyes, 0.39)[0], modes["delta/eyes_to_0.39"])


@pytest.mark.parametrize("multiplier", (1.0, 1.5, 0.5))
@pytest.mark.parametrize("closed", (False, True))
@pytest.mark.parametrize("stitch", (False, True))
def test_a_picture_without_retargeting(modes, networks, stitch, closed, multiplier):
    names = {
        (True, False, 1.0): ("stitching",),
        (True, True, 1.0): ("stitching+normalise_lip",),
        (False, True, 1.0): ("normalise_lip",),
        (True, False, 1.5): ("stitching+multiplier1.5",),
        (True, False, 0.5): ("pose-friendly+stitching+multiplier0.5",),
    }.get((stitch, closed, multiplier), ())
    driving = placed(modes.canonical, reenacted(modes.own, modes.driver, Regions()))
    _, lips = openings(modes, "source/landmarks_open")
    corrections = lips_closed(networks, own_of(modes), lips) if closed else None
    keypoints = finished(
        driving, own_of(modes), networks, stitch=stitch, corrections=corrections, multiplier=multiplier
    )
    for name in names:
        assert_keypoints(keypoints, modes[f"post/image/{name}"])


def test_a_picture_absolutely(modes, networks):
    driving = placed(modes.canonical, reenacted(modes.own, modes.driver, Regions(), relative=False))
    keypoints = finished(driving, own_of(modes), networks, stitch=True)
    assert_keypoints(keypoints, modes["post/image/absolute+stitching"])
    wanted = wanted_by_driver(modes, networks, "eyes+lip")
    keypoints = finished(driving, own_of(modes), networks, stitch=True, wanted=wanted)
    assert_keypoints(keypoints, modes["post/image/absolute+eyes+lip+stitching"])


def wanted_by_driver(modes, networks, what: str, name: str = "source/landmarks_open") -> np.ndarray:
    """As published: what the driver's left eye and its lips ask for."""
    own = own_of(modes) if name.startswith("source") else modes["in/video/x_s"]
    eyes, lips = openings(modes, name)
    wanted = np.zeros((len(modes["in/driving/eyes"]), 21, 3))
    if "eyes" in what:
        wanted = wanted + eye_delta(networks, own, eyes, modes["in/driving/eyes"][:, 0])
    if "lip" in what:
        wanted = wanted + lip_delta(networks, own, lips, modes["in/driving/lip"][:, 0])
    return wanted


@pytest.mark.parametrize("what", ("eyes", "lip", "eyes+lip", "eyes+lip+stitching"))
def test_a_retargeted_picture_as_published(modes, networks, what):
    """All motion of the driver is lost: its keypoints start from the portrait's own."""
    wanted = wanted_by_driver(modes, networks, what)
    keypoints = finished(own_of(modes), own_of(modes), networks, stitch="stitching" in what, wanted=wanted)
    assert_keypoints(keypoints, modes[f"post/image/{what}"])


def test_a_video(modes, networks):
    own, (eyes, lips) = modes["in/video/x_s"], openings(modes, "video/landmarks")
    heads = video_reenacted(modes.video, modes.driver, Regions(), rotations=False)
    driving = placed(modes.video_canonical, heads)
    corrections = {
        "stitching": None,
        "stitching+normalise_lip": lips_closed(networks, own, lips),
        "stitching+hold_eyes": eyes_held(networks, own, eyes),
        "hold_eyes": eyes_held(networks, own, eyes),
    }
    for name, correction in corrections.items():
        keypoints = finished(driving, own, networks, stitch="stitching" in name, corrections=correction)
        assert_keypoints(keypoints, modes[f"post/video/{name}"])
    wanted = wanted_by_driver(modes, networks, "eyes+lip", "video/landmarks")
    keypoints = finished(own, own, networks, stitch=True, wanted=wanted)
    assert_keypoints(keypoints, modes["post/video/eyes+lip+stitching"])


def test_a_videos_lips_are_held_or_silent(modes, networks):
    own, (_, lips) = modes["in/video/x_s"], openings(modes, "video/landmarks")
    delta = video_lips_held(networks, own, lips, 0.15)
    assert_keypoints(delta, modes["video_retarget/lip_0.15/delta_smooth"])
    keypoints = finished(own, own, networks, stitch=True, wanted=delta)
    assert_keypoints(keypoints, modes["video_retarget/lip_0.15/x_d"])

    exp = np.broadcast_to(NEUTRAL, modes.video.exp.shape).copy()
    exp[:, EYES] = modes.video.exp[:, EYES]
    silent = placed(modes.video_canonical, modes.video._replace(exp=exp), depth=True)
    assert_keypoints(silent, modes["video_retarget/silence/x_d"])


def slid(modes, values) -> np.ndarray:
    return placed(modes.canonical, edited(modes.own, values), depth=True)


@pytest.mark.parametrize("name", OURS)
def test_sliders(modes, name):
    for value, recorded in zip(modes[f"slider/{name}/values"], modes[f"slider/{name}/x_d"], strict=True):
        assert_keypoints(slid(modes, {OURS[name]: float(value)})[0], recorded)


def test_sliders_of_openings(modes, networks):
    eyes, lips = openings(modes, "source/landmarks_open")
    still = slid(modes, {})
    assert_keypoints(still[0], modes["slider/none"])
    ratios = [round(float(eyes.mean()), 2), round(float(lips[0]), 2)]
    np.testing.assert_allclose(ratios, modes["slider/source_ratios"], atol=1e-6)
    for value, recorded in zip(modes["slider/eye_ratio/values"], modes["slider/eye_ratio/x_d"], strict=True):
        assert_keypoints((still + eye_delta(networks, own_of(modes), eyes, float(value)))[0], recorded)
    for value, recorded in zip(modes["slider/lip_ratio/values"], modes["slider/lip_ratio/x_d"], strict=True):
        assert_keypoints((still + lip_delta(networks, own_of(modes), lips, float(value)))[0], recorded)
    wanted = lip_delta(networks, own_of(modes), lips, 0.4)
    keypoints = finished(slid(modes, SEVERAL), own_of(modes), networks, stitch=True, wanted=wanted)
    assert_keypoints(keypoints[0], modes["slider/several+stitching"])


@pytest.mark.parametrize("name", SLIDER_OF)
def test_the_advanced_editor(modes, name):
    for i, value in enumerate(modes[f"editor/{name}/values"]):
        edit = Edit({name: float(value)})
        assert_keypoints(edit.exp, modes[f"editor/{name}/exp"][i])
        assert_keypoints(edit.turned, modes[f"editor/{name}/pose"][i])
        assert_keypoints(edited_keypoints(modes.canonical, modes.own, edit), modes[f"editor/{name}/x_d"][i])


def test_the_advanced_editor_with_less_of_the_portraits_expression(modes):
    edit = Edit({"smile": 0.7, "aaa": 40, "wink": 9, "pupil_x": 4, "pupil_y": -5, "rotate_yaw": 6})
    keypoints = edited_keypoints(modes.canonical, modes.own, edit, source_ratio=0.4)
    assert_keypoints(keypoints, modes["editor/src_ratio0.4+several/x_d"])
