"""What users of LivePortrait's modes complain about, one after the other, and where it is tested that all is well.

Each line names tests that fail when the complaint comes true. They lie beside what they test.
"""

import importlib
import inspect

import numpy as np
import pytest

from kdtalker_jax.compositing.pasting import pasted

COMPLAINTS = {
    "an open mouth in the driver's first frame keeps the lips shut": [
        "tests.edits.test_reenacting.test_auto_takes_the_frame_of_the_least_open_mouth",
    ],
    "retargeting takes all motion away": [
        "tests.edits.test_reenacting.test_wanted_openings_keep_the_drivers_motion",
    ],
    "the left eye's opening for both eyes": [
        "tests.edits.test_reenacting.test_each_eye_has_its_own_opening",
        "tests.edits.test_editing.test_one_eye_is_opened_alone",
    ],
    "29.97 frames a second become 29, and rates have to match": [
        "tests.edits.test_resampling.test_an_hour_does_not_drift",
        "tests.sources.test_video.test_the_own_rate_is_kept_exactly",
    ],
    "a frame without a face stops everything, or shifts what follows": [
        "tests.sources.test_video.test_frames_without_the_face_are_held_and_counted",
        "tests.test_video_portrait.test_what_is_known_of_a_video",
    ],
    "memory grows with the length of the video": [
        "tests.test_complaints.test_frames_are_taken_as_they_are_wanted",
        "tests.sources.test_video.test_a_long_driver_takes_no_more_memory",
    ],
    "the picture wobbles": ["tests.test_video_portrait.test_squares_move_steadily"],
    "a seam at the shoulders": [
        "tests.compositing.test_pasting.test_feather_and_mask",
        "tests.compositing.test_finish.test_a_seam_that_may_show_is_told",
    ],
    "which of several faces, and results of 1280 pixels at most": [
        "tests.sources.test_video.test_a_face_is_followed_by_one_box_and_not_another",
        "tests.compositing.test_finish.test_pasted_back_at_its_own_size",
        "tests.compositing.test_finish.test_large_pictures_are_reduced_with_a_word",
    ],
    "pose with lips, or all without lips": [
        "tests.edits.test_regions.test_regions_add_up_and_are_taken_away_from_the_left",
        "tests.edits.test_regions.test_a_mask_without_lips_leaves_the_lips",
    ],
    "sliders at zero move the head, and nothing makes a face neutral": [
        "tests.edits.test_editing.test_what_asks_for_nothing",
        "tests.edits.test_editing.test_channels_go_so_far_from_the_portrait_and_leave_the_rest",
    ],
}


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_it_is_tested(complaint):
    for name in COMPLAINTS[complaint]:
        module, test = name.rsplit(".", 1)
        assert inspect.isfunction(getattr(importlib.import_module(module), test, None)), name


def test_all_eleven_are_here():
    assert len(COMPLAINTS) == 11


def test_frames_are_taken_as_they_are_wanted():
    taken = 0

    def frames():
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield np.zeros((1, 16, 16, 3), np.uint8)

    whole = pasted(frames(), np.zeros((20, 20, 3), np.uint8), np.eye(3))
    for wanted in range(1, 5):
        next(whole)
        assert taken <= wanted + 1
