"""Steps after the frames together, on a model: what they give, what they leave alone, what they refuse."""

import warnings
from dataclasses import replace
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from PIL import Image

from kdtalker_jax import demo
from kdtalker_jax.compositing.finish import PLAIN, Finish
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.faces.crop import Crop
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.image import read_image
from kdtalker_jax.spaces.keypoints import Motion

FRAMES = 6


@pytest.fixture(scope="module")
def source(small_model):
    """As if it had been cut out of a larger picture of odd sizes."""
    face = small_model.prepare(demo.PORTRAITS[0], crop="none")
    picture = np.full((201, 303, 3), (90, 120, 150), np.uint8)
    small = read_image(demo.PORTRAITS[0])
    region = Box(60, 40, 60 + 128, 40 + 128)
    picture[40:168, 60:188] = np.asarray(Image.fromarray(small).resize((128, 128)))
    return replace(face, picture=picture, crop=Crop(face.crop.image, region))


@pytest.fixture(scope="module")
def motion(small_model, source):
    turned = np.repeat(source.motion.to_vector(), FRAMES, axis=0)
    turned[:, 1] += np.linspace(0, 10, FRAMES)
    return small_model.drive(source, Motion.from_vector(turned))


def test_a_seam_that_may_show_is_told(small_model, source, tmp_path):
    vector = source.motion.to_vector()
    for degrees, told in ((25, False), (35, True)):
        turned = vector + np.eye(1, vector.shape[1], 1, dtype=np.float32) * degrees
        motion = small_model.drive(source, Motion.from_vector(turned))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            small_model.write(source, motion, tmp_path / "out.mp4", None, finish=Finish(paste_back=True))
        assert ["the seam may show" in str(one.message) for one in caught] == [True] * told


@pytest.fixture
def write(small_model, source, motion, tmp_path):
    def call(name="out.mp4", audio=None, **asked):
        video = small_model.write(source, motion, f"{tmp_path}/{name}", audio, finish=Finish(**asked))
        return video, f"{tmp_path}/{name}"

    return call


def test_nothing_asked_is_nothing_done(small_model, source):
    frames = iter([np.zeros((1, 8, 8, 3), np.uint8)])
    assert PLAIN.applied(source, frames) is frames


def test_pasted_back_at_its_own_size(write, source):
    video, path = write(paste_back=True)
    read = np.stack(list(read_frames(path)))
    assert read.shape == (FRAMES, 202, 304, 3)  # H.264 wants even sides
    assert video.frames == FRAMES
    assert np.abs(read[:, :30].astype(int) - source.picture[:30, [*range(303), 302]]).mean() < 4
    assert np.abs(read[-1, 60:150, 80:170].astype(int) - source.picture[60:150, 80:170]).mean() > 5


@pytest.mark.parametrize(("rate", "frames"), [(50, 12), (30, 7), ("30000/1001", 7), (12.5, 3)])
def test_other_rates(write, tmp_path, rate, frames):
    soundfile.write(tmp_path / "sound.wav", np.zeros(16_000), 16_000)
    video, path = write(audio=tmp_path / "sound.wav", fps=rate)
    assert video.frames == frames == imageio_ffmpeg.count_frames_and_secs(path)[0]
    assert exact_rate(path) == Fraction(rate)
    assert abs(video.seconds - frames / Fraction(rate)) < 1e-6


def test_at_twice_the_rate_each_second_frame_is_the_same(small_model, source, motion):
    twice = small_model._mover.at_rate(source, motion, Fraction(50))
    assert len(twice) == 2 * FRAMES
    np.testing.assert_allclose(twice.keypoints[::2], motion.keypoints, atol=1e-5)
    between = twice.keypoints[1:-1:2] - motion.keypoints[:-1]
    whole = motion.keypoints[1:] - motion.keypoints[:-1]
    np.testing.assert_allclose(between, whole / 2, atol=2e-3)


def test_steps_together(write, tmp_path):
    """Pasted back, cut out by GrabCut, before a colour, reduced, with the driver on the left."""
    Image.fromarray(np.full((50, 100, 3), 77, np.uint8)).save(tmp_path / "driver.png")
    asked = {"paste_back": True, "background": "#ff0000", "size": 100, "compare": tmp_path / "driver.png"}
    _, path = write("out/", **asked)
    first = np.asarray(Image.open(f"{path}000000.png"))
    assert first.shape == (66, 132 + 100, 3)
    assert (first[:, :132] == 77).all()
    assert (first[:4, -4:] == (255, 0, 0)).all()


def test_transparent_by_the_portraits_alpha(small_model, source, motion, tmp_path):
    alpha = np.zeros(source.picture.shape[:2], np.uint8)
    alpha[40:168, 90:150] = 255
    source = replace(source, alpha=alpha)
    for asked, shape in (({}, (128, 128)), ({"paste_back": True}, (201, 303))):
        folder = f"{tmp_path}/{len(asked)}/"
        small_model.write(source, motion, folder, None, finish=Finish(background="transparent", **asked))
        frame = np.asarray(Image.open(f"{folder}000000.png"))
        assert frame.shape == (*shape, 4)
        assert frame[0, 0, 3] == 0 and frame[shape[0] // 2, shape[1] // 2 - 30 * len(asked), 3] > 200


def test_large_pictures_are_reduced_with_a_word(small_model, source):
    large = replace(source, picture=np.zeros((10, 5000, 3), np.uint8))
    frames = np.zeros((1, 128, 128, 3), np.uint8)
    with pytest.warns(UserWarning, match="4096 pixels"):
        steps = Finish(paste_back=True).applied(large, [frames])
    assert next(steps).shape == (1, 8, 4096, 3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"feather": 0.1}, "`paste_back=True`"),
        ({"mask": np.ones((4, 4), np.uint8)}, "`paste_back=True`"),
        ({"feather": 0.7, "paste_back": True}, "from 0 to 0.5"),
        ({"feather": float("nan"), "paste_back": True}, "from 0 to 0.5"),
        ({"paste_back": 1}, "True or False"),
        ({"person": np.ones((4, 4), np.uint8)}, "`background`"),
        ({"size": 5}, "from 16 to 4096"),
        ({"size": 99.5}, "from 16 to 4096"),
        ({"fps": 0}, "from 1 to 120"),
        ({"fps": "fast"}, "from 1 to 120"),
        ({"fps": "1/0"}, "from 1 to 120"),
        ({"fps": float("inf")}, "from 1 to 120"),
        ({"fps": None}, "from 1 to 120"),
        ({"background": "nowhere.png"}, "nowhere.png"),
        ({"compare": "nowhere.mp4"}, "nowhere.mp4"),
    ],
)
def test_what_cannot_be_is_one_sentence(asked, said):
    with pytest.raises(InputError, match=said):
        Finish(**asked)


def test_what_does_not_fit_is_said_before_any_frame(write, tmp_path):
    for name, asked, said in (
        ("a.mp4", {"background": "transparent"}, "no transparency"),
        ("a.gif", {"fps": 60}, "50 frames"),
        ("a.mp4", {"paste_back": True, "mask": np.ones((5, 5), np.uint8)}, "5 x 5 pixels and the portrait 303 x 201"),
        ("a.mp4", {"background": "red", "person": np.ones((5, 5), np.uint8)}, "`person` has 5 x 5"),
    ):
        with pytest.raises((InputError, OutputError), match=said):
            write(name, **asked)
    assert not list(tmp_path.iterdir())


def test_an_output_may_not_replace_what_it_is_made_of(write, tmp_path):
    with Image.new("RGB", (8, 8)) as image:
        image.save(tmp_path / "wall.webp")
    before = (tmp_path / "wall.webp").read_bytes()
    with pytest.raises(OutputError, match="also an input"):
        write("wall.webp", background=tmp_path / "wall.webp")
    assert (tmp_path / "wall.webp").read_bytes() == before
