"""A number of a comparison is one of two videos that show the same; where they cannot, there is none, or a warning."""

import shutil

import cv2
import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.metrics.reference import compare_videos, pair
from kdtalker_jax.metrics.video_file import VideoFile
from tests.metrics.films import FRAMES, SIZE, film, portrait, speech

SPOKEN = speech(2)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return film(tmp_path_factory.mktemp("video") / "talk.mp4", portrait(), sound=SPOKEN)


@pytest.fixture
def compared(video, tmp_path):
    """What is found for a reference that is made so."""

    def compare(picture=None, sound=SPOKEN, **keywords):
        path = film(tmp_path / "real.mp4", portrait() if picture is None else picture, sound=sound, **keywords)
        return compare_videos(VideoFile(video), VideoFile(path), FRAMES, FaceDetector())

    return compare


def soft(picture):
    """As a generator that is not perfect would have it."""
    return cv2.GaussianBlur(picture, (5, 5), 1)


def on_canvas(scale):
    """The whole picture that a portrait was cut from."""
    side = round(SIZE * scale)
    margin = (SIZE - side) // 2
    rest = SIZE - side - margin
    return np.pad(portrait(side), ((margin, rest), (margin, rest), (0, 0)), mode="edge")


def test_a_reference_that_shows_the_same_leaves_no_doubt(compared):
    similarity, doubts = compared(soft(portrait()))
    assert doubts == {}
    assert 20 < similarity.psnr < 50


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"frames": 60, "sound": speech(2.4)}, "has 60 frames where the video has 40"),
        ({"frames": 5}, "has 5 frames where the video has 40"),
        ({"picture": portrait()[:, 20:-20]}, "another shape, 88x128"),
        ({"picture": cv2.resize(on_canvas(0.45), (256, 256))}, "times as large in the video as in the reference"),
    ],
)
def test_what_cannot_show_the_same_is_refused(compared, made, message):
    with pytest.raises(InputError, match=message):
        compared(**made)


def test_a_frame_more_is_no_other_video(compared):
    similarity, doubts = compared(soft(portrait()), frames=FRAMES + 1)
    assert doubts == {}
    assert np.isfinite(similarity.psnr)


@pytest.mark.parametrize(
    ("kind", "made", "message"),
    [
        ("same", {}, "equals the video"),
        ("size", {"picture": portrait(256)}, "256x256, was resized to 128x128"),
        ("rate", {"frames": 48, "rate": 30}, "25 frames a second and the reference 30"),
        ("cut", {"picture": on_canvas(0.75)}, r"1\.\d+ times as large in the video"),
        ("cut", {"picture": np.roll(soft(portrait()), 30, axis=1)}, "lies elsewhere in the reference"),
        ("cut", {"picture": portrait()[::-1]}, "a face in the video but none in the reference"),
        ("sound", {"sound": speech(2, seed=1)}, "another sound"),
        ("offset", {"sound": np.concatenate([np.zeros(3200), SPOKEN])}, r"the same 0\.20 s later"),
        ("offset", {"sound": SPOKEN[3200:]}, r"the same 0\.20 s earlier"),
        ("scene", {"picture": np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)}, "SSIM 0.0"),
        ("colours", {"picture": portrait() // 2}, "levels darker"),
        ("colours", {"picture": np.maximum(portrait(), 200)}, "levels brighter"),
    ],
)
def test_what_may_differ_by_mistake_is_said(compared, kind, made, message):
    """One sentence of the kind; the numbers are there."""
    similarity, doubts = compared(**made)
    assert np.isfinite(similarity).all()
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(doubts[kind])


def test_a_mute_reference_has_nothing_to_be_compared_in_sound(compared):
    assert compared(soft(portrait()), sound=None).doubts == {}


def test_files_are_paired_by_name(video, tmp_path):
    """Of the same name, or else the same but for the extension; what is no video does not count."""
    for name in ("b.mov", "c.mkv", "c.mp4"):
        shutil.copy(video, tmp_path / name)
    (tmp_path / "b.txt").write_text("what is said")
    references = {path.name: path for path in tmp_path.iterdir()}
    videos = {name: tmp_path / "elsewhere" / name for name in ("a.mp4", "b.mp4", "c.mp4", "deeper/b.mp4")}
    assert pair(videos, references) == {"b.mp4": tmp_path / "b.mov", "c.mp4": tmp_path / "c.mp4"}
    with pytest.raises(InputError, match=r"Any of c.mkv and c.mp4 may be the reference of c.webm: leave one"):
        pair({"c.webm": video}, dict(sorted(references.items())))
