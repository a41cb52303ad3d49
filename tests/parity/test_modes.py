"""Driving one face by another, against what LivePortrait's code computed: before anything is stitched."""

import numpy as np
import pytest

from kdtalker_jax.edits.neutral import NEUTRAL
from kdtalker_jax.edits.one_euro import one_euro
from kdtalker_jax.edits.reenactment import (
    animal_reenacted,
    exaggerated,
    reenacted,
    relative_keypoints,
    relative_size,
    smoothed_driver,
    video_reenacted,
)
from kdtalker_jax.edits.regions import regions_of
from kdtalker_jax.spaces.heads import placed
from tests.parity.modes import assert_keypoints

REGIONS = ("all", "exp", "pose", "lip", "eyes")
MODES = ("relative", "absolute")


@pytest.mark.parametrize("region", REGIONS)
def test_a_picture_is_driven_by_a_video(modes, region):
    heads = reenacted(modes.own, modes.driver, regions_of(region))
    keypoints = placed(modes.canonical, heads)
    for option in ("expression-friendly", "pose-friendly"):  # which changes nothing
        assert_keypoints(keypoints, modes[f"x_d/image_by_video/relative/{region}/{option}"])
    heads = reenacted(modes.own, modes.driver, regions_of(region), relative=False)
    assert_keypoints(placed(modes.canonical, heads), modes[f"x_d/image_by_video/absolute/{region}"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("region", REGIONS)
def test_a_picture_is_driven_by_a_picture(modes, mode, region):
    heads = reenacted(modes.own, modes.driver.at(slice(1)), regions_of(region), relative=mode == "relative")
    assert_keypoints(placed(modes.canonical, heads)[0], modes[f"x_d/image_by_image/{mode}/{region}"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("region", REGIONS)
def test_a_video_is_driven_by_a_video_and_by_a_picture(modes, mode, region):
    for driver, name in ((modes.driver, "video_by_video"), (modes.driver.at(slice(1)), "video_by_image")):
        heads = video_reenacted(modes.video, driver, regions_of(region), relative=mode == "relative", rotations=False)
        recorded = modes.get(f"x_d/{name}/{mode}/{region}")
        if recorded is not None:
            assert_keypoints(placed(modes.video_canonical, heads), recorded)


def test_a_video_driven_by_a_video_is_recorded(modes):
    """The test above says nothing of what is missing."""
    recorded = [name for name in modes if name.startswith("x_d/video_by")]
    assert len(recorded) == 20


@pytest.mark.parametrize("variance", (3e-7, 1e-5, 1e-3))
def test_a_driver_is_smoothed(modes, variance):
    name = f"smooth/{variance:.0e}"
    assert_keypoints(smoothed_driver(modes["in/driving/exp"].astype(float), variance / 3e-7), modes[name])


def test_a_driver_is_smoothed_as_it_comes(modes):
    assert_keypoints(one_euro(modes["in/driving/exp"]), modes["smooth/one_euro"])


def test_the_neutral_expression(modes):
    np.testing.assert_allclose(NEUTRAL, modes["const/neutral_exp"], rtol=0, atol=1e-12)


def test_an_animal_is_driven(modes):
    driving = placed(modes.canonical, animal_reenacted(modes.own, modes.driver))
    own = modes["in/source/x_s"]
    keypoints = relative_keypoints(own, driving)
    assert_keypoints(keypoints, modes["animals/x_d"])
    assert_keypoints(exaggerated(own, keypoints, 1.75), modes["animals/multiplier1.75"])


def test_the_friendly_option_changes_nothing(modes):
    """LivePortrait's `expression-friendly` scales by this; relative to its reference a portrait has its own size."""
    first = placed(modes.canonical, reenacted(modes.own, modes.driver, regions_of("all")))[0]
    assert abs(relative_size(modes["in/source/x_s"], first) - modes["const/multiplier"][0]) < 1e-5
