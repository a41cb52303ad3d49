"""The person as a network of the user's file sees it, and that it is taken before colours decide."""

from pathlib import Path

import numpy as np
import pytest

from kdtalker_jax.compositing import person
from kdtalker_jax.compositing.finish import Finish
from kdtalker_jax.compositing.person import person_in
from kdtalker_jax.compositing.segmentation import SEGMENTATION, Segmentation
from kdtalker_jax.errors import CheckpointError, InputError
from tests.compositing.test_background import agreement, figure
from tests.tflite.writer import CONVOLUTION, LOGISTIC, NONE, SAME, Network, every_kind


def reds() -> bytes:
    """A network to which red is a person: what it says of a pixel is that pixel's own."""
    net = Network(1, 256, 256, 3)
    kernel, bias = net.constant(np.float32([[[[40, -40, 0]]]])), net.constant(np.float32([-10]))
    x = net.add(CONVOLUTION, [0, kernel, bias], (1, 256, 256, 1), SAME, 1, 1, NONE, 1, 1)
    return net.write(net.add(LOGISTIC, [x], (1, 256, 256, 1)))


@pytest.fixture
def file(tmp_path):
    (path := tmp_path / "selfie_segmentation.tflite").write_bytes(reds())
    return path


def scene(height=300, width=200):
    """A red disc with a hole that is not red, a red speck apart from it, and where the disc lies."""
    y, x = np.mgrid[:height, :width]
    disc = np.hypot(x - 100, y - 160) < 70
    red = (disc & ~(np.hypot(x - 100, y - 160) < 12)) | (np.hypot(x - 20, y - 20) < 6)
    return np.where(red[..., None], (220, 40, 60), (60, 120, 90)).astype(np.uint8), disc


def test_the_largest_part_is_the_person_without_holes(file):
    picture, disc = scene()
    alpha = person_in(picture, segmentation=Segmentation(file))
    assert alpha.shape == picture.shape[:2] and alpha.dtype == np.uint8
    assert agreement(alpha / 255, disc) > 0.97
    assert alpha[160, 100] > 240, "what is inside is the person's"
    assert alpha[:40, :40].max() < 10, "what is apart is not"


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (256, 256), (2000, 30)])
def test_pictures_of_any_size(file, shape):
    assert person_in(np.zeros((*shape, 3), np.uint8), segmentation=Segmentation(file)).max() == 0
    red = np.zeros((*shape, 3), np.uint8) + np.uint8([255, 0, 0])
    assert person_in(red, segmentation=Segmentation(file)).min() > 240


def test_it_is_found_where_it_is_named(file, monkeypatch):
    picture, _ = scene()
    monkeypatch.setattr(person, "_grabbed", lambda *_: pytest.fail("colours decided"))
    monkeypatch.setenv("KDTALKER_SEGMENTATION", str(file))
    assert person_in(picture)[160, 50] > 240
    monkeypatch.setenv("KDTALKER_SEGMENTATION", str(file.with_name("absent.tflite")))
    with pytest.raises(CheckpointError, match=r"no segmentation network at .*absent\.tflite: name selfie_segmentation"):
        person_in(picture)


def test_what_cannot_be_used_is_refused_before_any_work(file, tmp_path):
    (other := tmp_path / "other.tflite").write_bytes(every_kind())
    with pytest.raises(CheckpointError, match="does not segment pictures of 256 pixels"):
        Finish(background="white", segmentation=other)
    with pytest.raises(CheckpointError, match="no segmentation network at"):
        Finish(background="white", segmentation=tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="`segmentation` is about who stays before another `background`"):
        Finish(segmentation=file)
    assert Finish(background="white", segmentation=file).inputs == [file, "white"]


def test_the_network_agrees_with_mediapipe():
    """Recorded with MediaPipe 0.10.21 in segmentation.npz."""
    if not SEGMENTATION.is_there():
        pytest.skip("needs MediaPipe's selfie_segmentation.tflite, named by KDTALKER_SEGMENTATION")
    recorded = np.load(Path(__file__).with_name("segmentation.npz"))["mask"]
    assert recorded.std() > 0.1
    np.testing.assert_allclose(Segmentation()(figure(size=256)[0])[::8, ::8], recorded, atol=2e-4)
