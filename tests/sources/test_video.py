"""Drivers out of videos and pictures: the face is found, cut by one box, and missing frames are held."""

import gc
import tracemalloc
import weakref
from fractions import Fraction

import jax
import numpy as np
import pytest
from PIL import Image

from kdtalker_jax import demo
from kdtalker_jax.errors import InputError, NoFaceError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.sources.video import follow, read_driver, sound_of

GREY = np.full((256, 320, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def reads(small_model):
    def read(path, **options):
        return read_driver(path, small_model.renderer, small_model.params, FaceDetector(), **options)

    return read


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Writes frames as a video."""

    def write(name, frames, rate=25):
        path = tmp_path_factory.mktemp("film") / name
        with VideoWriter(path, frame_rate=rate) as video:
            for frame in frames:
                video.write(frame)
        return path

    return write


@pytest.fixture(scope="module")
def scene(media):
    """A grey picture with a portrait at some place."""
    with Image.open(media / "portraits" / "WDA_BenCardin1_000.png") as image:
        face = np.array(image.convert("RGB").resize((220, 220)))

    def draw(left):
        frame = GREY.copy()
        frame[20:240, left : left + 220] = face
        return frame

    return draw


def test_frames_without_the_face_are_held_and_counted(scene, film, reads):
    frames = [GREY, scene(40), scene(44), GREY, GREY, scene(48)]
    with pytest.warns(UserWarning, match=r"not seen in 3 of 6 frames of held\.mp4"):
        driver = reads(film("held.mp4", frames))
    assert (len(driver), driver.held) == (6, 3)
    vectors = driver.motion.to_vector()
    for held, shown in ((0, 1), (3, 2), (4, 2)):
        np.testing.assert_array_equal(vectors[held], vectors[shown])
        np.testing.assert_array_equal(driver.openings.eyes[held], driver.openings.eyes[shown])
    assert not np.array_equal(vectors[1], vectors[2])  # one box: the face moves in it
    assert (driver.openings.eyes > 0.1).all()


def test_a_face_is_followed_by_one_box_and_not_another(scene):
    frames = [scene(40), scene(44), scene(48)]
    box = follow(frames, FaceDetector(), "it").box
    assert box.width == box.height
    alone = [follow([frame], FaceDetector(), "it").box for frame in frames]
    np.testing.assert_allclose(box, np.mean(alone, axis=0), atol=1)
    far = np.concatenate([scene(40), GREY], axis=1), np.concatenate([GREY, scene(90)], axis=1)
    assert follow(far, FaceDetector(), "it").found == [True, False]


def test_a_face_that_comes_back_elsewhere_is_found_again_where_that_is_asked_for(scene):
    """As after a change of the camera: in the first frames it is another's."""
    left, right = np.concatenate([scene(40), GREY], axis=1), np.concatenate([GREY, scene(90)], axis=1)
    away = np.zeros_like(left)
    found = follow([left, *[away] * 5, right], FaceDetector(), "it", elsewhere=True).found
    assert found == [True, *[False] * 5, True]
    assert not follow([left, *[away] * 5, right], FaceDetector(), "it").found[-1]
    assert not follow([left, away, right], FaceDetector(), "it", elsewhere=True).found[-1]


def test_the_own_rate_is_kept_exactly(film, reads):
    frames = [np.full((64, 64, 3), level, np.uint8) for level in range(0, 240, 20)]
    driver = reads(film("ntsc.mp4", frames, rate=Fraction(30000, 1001)), driving_crop="none")
    assert (len(driver), driver.rate) == (12, Fraction(30000, 1001))
    assert len(driver.at_rate(Fraction(25))) == 10
    assert driver.openings is None


def test_a_long_driver_takes_no_more_memory(film, reads):
    def most(frames):
        path = film("long.mp4", (GREY for _ in range(frames)))
        tracemalloc.start()
        try:
            reads(path, driving_crop="none")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(4)  # compiles
    assert most(80) - most(20) < 10 * GREY.nbytes, "and not of 60 frames"


def test_a_second_driver_compiles_nothing_and_no_weights_are_kept(film, reads, small_model):
    """Of the same model, or of another of its sizes, whose own weights see it."""
    paths = [film(f"{count}.mp4", [GREY] * count) for count in (3, 11)]
    first = reads(paths[0], driving_crop="none")
    others = jax.tree.map(lambda leaf: leaf * np.float32(1.1), small_model.params)
    weights = weakref.ref(jax.tree.leaves(others["motion_extractor"])[0])
    program = small_model.renderer._observe
    before = program._cache_size()
    assert len(reads(paths[1], driving_crop="none")) == 11
    seen = read_driver(paths[0], small_model.renderer, others, FaceDetector(), driving_crop="none")
    assert program._cache_size() == before > 0
    assert not np.allclose(seen.motion.to_vector(), first.motion.to_vector())
    del others
    gc.collect()
    assert weights() is None


def test_a_picture_is_a_driver_of_one_frame(reads, small_model):
    driver = reads(demo.PORTRAITS[0], driving_crop="none")
    assert len(driver) == 1
    own = small_model.prepare(read_image(demo.PORTRAITS[0]), crop="none").own
    np.testing.assert_allclose(driver.motion.to_vector(), own.motion.to_vector(), atol=1e-3)
    np.testing.assert_allclose(driver.canonical[0], own.canonical, atol=1e-4)


def test_a_driver_without_a_face_is_refused(film, reads, tmp_path):
    path = film("empty.mp4", [GREY] * 2)
    with pytest.raises(NoFaceError, match=r"driver empty\.mp4"):
        reads(path)
    with pytest.raises(InputError, match="does not exist"):
        reads(tmp_path / "absent.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="not a video"):
        reads(tmp_path / "text.mp4")


def test_whether_it_brings_sound(film, tmp_path):
    assert sound_of(film("silent.mp4", [GREY])) is None
    with VideoWriter(tmp_path / "loud.mp4", demo.RECORDINGS[0]) as video:
        video.write(GREY[None].repeat(10, axis=0))
    assert sound_of(tmp_path / "loud.mp4") is not None
    assert sound_of(demo.PORTRAITS[0]) is None
