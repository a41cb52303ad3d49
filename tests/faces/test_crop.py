"""The three ways of cutting, on real portraits."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.errors import InputError, NoFaceError
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import Box, find_faces
from kdtalker_jax.faces.resizing import rescale, resize
from kdtalker_jax.media.image import read_image

GREY = np.full((120, 90, 3), 127, np.uint8)


def levels_apart(a, b):
    return np.abs(a.astype(int) - b.astype(int))


@pytest.mark.parametrize("name", ["lp_s12.jpg", "lp_s7.jpg", "lp_s8.jpg", "sad_full_body_2.png"])
def test_square_equals_the_published_cut_inside_the_picture(detector, portrait, name):
    """Users who switch from the published code see the same framing."""
    square, legacy = (crop_portrait(portrait(name), mode, detector) for mode in ("square", "legacy"))
    assert np.abs(np.subtract(square.region, legacy.region)).max() <= 1
    assert levels_apart(square.image, legacy.image).mean() < 6


def test_square_shows_the_picture_itself(detector, portrait):
    """Pixels of the region, reduced by averaging; nothing squeezed or shifted."""
    image = portrait("lp_s7.jpg")
    crop = crop_portrait(image, "square", detector)
    left, top, right, bottom = crop.region
    assert right - left == bottom - top
    assert np.array_equal(crop.image, resize(image[top:bottom, left:right], 256, 256))
    assert crop.faces == 1 and crop.landmarks.shape == (68, 2)


@pytest.mark.parametrize(
    ("part", "inner_half"),
    [
        (np.s_[:, 85:], np.s_[:, 128:]),
        (np.s_[:, :265], np.s_[:, :128]),
        (np.s_[85:, :], np.s_[128:]),
        (np.s_[:265, :], np.s_[:128]),
    ],
    ids=["left", "right", "top", "bottom"],
)
def test_face_at_the_border_is_continued_not_squeezed(detector, portrait, part, inner_half):
    """The cut is where it would be in the whole picture; what the picture lacks has the colours of its edge."""
    image = portrait("lp_s12.jpg")
    whole, crop = (crop_portrait(picture, "square", detector) for picture in (image, image[part]))
    in_whole = crop.region.moved(part[1].start or 0, part[0].start or 0)
    assert crop.region.width == crop.region.height
    assert np.abs(np.subtract(in_whole, whole.region)).max() < 0.06 * whole.region.width

    margin = 300
    padded = np.pad(image[part], ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    left, top, right, bottom = crop.region.moved(margin, margin)
    expected = resize(padded[top:bottom, left:right], 256, 256)
    assert levels_apart(crop.image, expected)[inner_half].mean() < 8
    assert levels_apart(crop.image.mean(axis=(0, 1)), expected.mean(axis=(0, 1))).max() < 3


def test_narrow_picture_keeps_the_chin(detector, portrait):
    """The published cut ends above the mouth here; the square reaches below the chin."""
    image = portrait("lp_s12.jpg")[:, 90:260]
    square, legacy = (crop_portrait(image, mode, detector) for mode in ("square", "legacy"))
    chin = square.landmarks[8, 1]
    assert legacy.region.bottom < chin < square.region.bottom


def test_small_and_whole_picture_are_cut_alike(detector, portrait):
    image = portrait("sad_art_0.png")
    scale = 64 / max(image.shape[:2])
    small, whole = (crop_portrait(picture, "square", detector).region for picture in (rescale(image, scale), image))
    assert np.abs(np.array(small) / scale - whole).max() < 0.05 * whole.width


@pytest.mark.parametrize("mode", ["square", "legacy", "none"])
@pytest.mark.parametrize("size", [64, 256])
def test_size_of_the_result(detector, portrait, mode, size):
    image = crop_portrait(portrait("WRA_MarkwayneMullin_000.png"), mode, detector, size=size).image
    assert image.shape == (size, size, 3) and image.dtype == np.uint8


def test_faces_are_chosen_by_size(detector, two_faces):
    """Index 0 is the largest in every mode; without an index, legacy keeps to dlib's first."""

    def cut(mode, index=None):
        return crop_portrait(two_faces, mode, detector, index)

    assert cut("square").faces == cut("legacy").faces == 2
    assert cut("square").box == cut("square", 0).box == cut("legacy", 0).box == find_faces(two_faces, detector)[0]
    assert cut("square", 1).box == cut("legacy", 1).box == cut("legacy").box == detector.detect(two_faces)[0]


@pytest.mark.parametrize("index", [2, -1])
def test_face_index_out_of_range_says_how_many(detector, two_faces, index):
    with pytest.raises(InputError, match=r"no face -?\d in group\.png; faces found: 2"):
        crop_portrait(two_faces, "square", detector, index, name="group.png")


@pytest.mark.parametrize("mode", ["square", "legacy"])
def test_no_face_names_the_picture_and_the_way_out(detector, mode):
    with pytest.raises(NoFaceError, match=r'wall\.png.* `crop="none"`'):
        crop_portrait(GREY, mode, detector, name="wall.png")


def test_none_leaves_a_cut_portrait_as_it_is(detector):
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    crop = crop_portrait(image, "none", detector)
    assert np.array_equal(crop.image, image)
    assert crop == type(crop)(crop.image, Box(0, 0, 256, 256))


def test_none_continues_a_picture_to_a_square(detector):
    """Neither squeezed nor cut: the picture's own half stays sharp, the rest takes the colours of its edges."""
    random = np.random.default_rng(0)
    image = random.integers(100, 156, (256, 128, 3), np.uint8)
    crop = crop_portrait(image, "none", detector)
    assert crop.region == (-64, 0, 192, 256)
    assert np.array_equal(crop.image[:, 64:192], image)
    assert crop.image[:, :40].std() < image.std() / 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (255, 256), (3, 2)])
def test_none_takes_any_shape(detector, shape):
    image = np.full((*shape, 3), (10, 200, 60), np.uint8)
    assert np.array_equal(crop_portrait(image, "none", detector).image, np.full((256, 256, 3), (10, 200, 60), np.uint8))


def test_none_does_without_dlib():
    """Anime and animals are cut by hand, perhaps on a machine that has no dlib."""
    code = (
        "import sys, numpy as np; from kdtalker_jax.faces.crop import crop_portrait, FaceDetector;"
        "crop_portrait(np.zeros((9, 5, 3), np.uint8), 'none', FaceDetector());"
        "sys.exit('dlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_none_refuses_a_face_index(detector):
    with pytest.raises(InputError, match="face 1"):
        crop_portrait(GREY, "none", detector, 1)


def test_unknown_mode_lists_the_known_ones(detector):
    with pytest.raises(InputError, match="square, legacy, none"):
        crop_portrait(GREY, "round", detector)


@pytest.mark.parametrize("image", [GREY[..., 0], GREY.astype(np.float32), GREY[:0]])
def test_other_arrays_are_refused(detector, image):
    with pytest.raises(InputError):
        crop_portrait(image, "none", detector)


@pytest.mark.parametrize("mode", ["square", "legacy"])
def test_all_exif_orientations_give_the_same_cut(detector, portrait, tmp_path, mode):
    """Stored turned or mirrored, with a note how to turn it back, it is the same portrait."""
    upright = Image.fromarray(portrait("lp_s12.jpg"))
    undo = [None, *(Image.Transpose(value) for value in (0, 3, 1, 5, 2, 6, 4))]
    expected = crop_portrait(np.array(upright), mode, detector).image
    for orientation, transpose in enumerate(undo, start=1):
        stored = upright if transpose is None else upright.transpose(transpose)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(tmp_path / "photo.png", exif=exif)
        crop = crop_portrait(read_image(tmp_path / "photo.png"), mode, detector)
        assert np.array_equal(crop.image, expected), f"orientation {orientation}"
