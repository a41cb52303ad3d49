"""What is said beside the numbers of a video: nothing where all is well, a sentence where they mean something else."""

import cv2
import numpy as np
import pytest

from configs import SMALL
from configs.dreamhead import SMALL as DREAMHEAD
from configs.playmate import SMALL as PLAYMATE
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data.tracking import steady_square
from kdtalker_jax.faces.crop import cut_square
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.metrics.evaluation import Evaluator
from kdtalker_jax.random_parts import random_variables
from tests.metrics.films import SIZE, film, portrait, remuxed, speech
from tests.metrics.networks import inception_weights

SPOKEN = speech(1.6)


@pytest.fixture(scope="module")
def evaluators():
    """By already_cut, without networks."""
    return {cut: Evaluator(already_cut=cut, references=True) for cut in (False, True)}


@pytest.fixture
def measure(evaluators, tmp_path):
    """Of a video that is made so, without a word about the reference that it lacks."""

    def of(picture, *, already_cut, sound=SPOKEN, **keywords):
        path = film(tmp_path / "talk.mp4", picture, sound=sound, **keywords)
        measurement = evaluators[already_cut].measure(path)
        del measurement.warnings["no reference"]
        return measurement

    return of


def whole_picture(size=256):
    """A portrait in a picture of twice its size."""
    return np.pad(portrait(size // 2), ((size // 4, size // 4), (size // 4, size // 4), (0, 0)), mode="edge")


def cut_portrait():
    picture = portrait(256)
    return cut_square(picture, steady_square([picture], FaceDetector(), 1, 0), SIZE)


def test_a_judge_may_come_from_another_model(tmp_path):
    """SyncNet is fetched on its own, and the model that is judged need not have it."""
    save_checkpoint(tmp_path / "judge", {"syncnet": random_variables("syncnet", SMALL)}, SMALL)
    alone, judged = Evaluator(), Evaluator(judge=load_checkpoint(tmp_path / "judge"))
    assert {"lse_c", "lse_d", "sync_offset"} == set(alone.not_measured) - set(judged.not_measured)
    assert judged.judge is not None


def test_models_of_all_systems_are_measured_with_as_far_as_they_go(tmp_path):
    """One of DreamHead has no motion extractor, and windows that overlap: of 56 new frames each in the full size."""
    save_checkpoint(tmp_path / "model", {"unet": random_variables("unet", DREAMHEAD)}, DREAMHEAD)
    evaluator = Evaluator(load_checkpoint(tmp_path / "model"))
    assert "of the system dreamhead_wav2lip, which has no motion_extractor" in evaluator.not_measured["jitter"]
    sizes = DREAMHEAD.landmark_denoiser
    assert evaluator.window == sizes.window - sizes.previous
    save_checkpoint(tmp_path / "feeling", {"retargeting": random_variables("retargeting", PLAYMATE)}, PLAYMATE)
    feeling = Evaluator(load_checkpoint(tmp_path / "feeling"))
    assert feeling.window == PLAYMATE.diffusion_transformer.window, "what was before is no part of a window there"


def test_nothing_is_said_where_the_pictures_are_what_they_are_said_to_be(measure):
    assert measure(cut_portrait(), already_cut=True).warnings == {}
    assert measure(whole_picture(), already_cut=False).warnings == {}


def test_pictures_that_are_not_cut_are_told_from_those_that_are(measure):
    """With already_cut the networks would see the whole picture for a face, and dlib look for a face too small."""
    uncut = measure(whole_picture(), already_cut=True)
    assert "not cut to it: leave out already_cut" in uncut.warnings["not cut"]
    assert uncut.warnings["not cut"] in uncut.notes
    oblong = measure(cut_portrait()[:, 16:-16], already_cut=True)
    assert "no squares cut to the face (96x128)" in oblong.warnings["not cut"]


def test_pictures_that_are_cut_already_are_told_from_those_that_are_not(measure):
    assert "already_cut=True` takes them whole" in measure(cut_portrait(), already_cut=False).warnings["cut"]


def test_where_no_face_is_found_one_is_told_what_to_do(measure):
    stripes = np.tile(np.uint8([0, 255]).repeat(8), (SIZE, SIZE // 16))[..., None].repeat(3, axis=-1)
    looked = measure(stripes, already_cut=False)
    assert "There is no face in any frame." in looked.notes
    assert "give already_cut" in looked.warnings["no face"]
    assert "leave out already_cut" in measure(stripes, already_cut=True).warnings["hidden"]


@pytest.mark.parametrize(
    ("kind", "made", "message"),
    [
        ("slow", {"frames": 16, "rate": 10}, "10 frames a second"),
        ("length", {"sound": speech(4)}, "pictures end 2.4 s before the sound"),
        ("length", {"frames": 80}, "sound ends 1.6 s before the pictures"),
    ],
)
def test_odd_files_are_noted(evaluators, tmp_path, kind, made, message):
    """The writer of this package makes sound and pictures equally long: files of others are not."""
    path = remuxed(tmp_path, **{"sound": SPOKEN, **made})
    measurement = evaluators[True].measure(path)
    assert message in measurement.warnings[kind]
    assert measurement.warnings[kind] in measurement.notes


def test_a_reference_of_another_length_gives_no_number(evaluators, tmp_path):
    """Nor a distance of keypoints: no value of a comparison may come from parts of the two."""
    path = film(tmp_path / "talk.mp4", cut_portrait(), sound=SPOKEN)
    other = film(tmp_path / "real.mp4", cut_portrait(), frames=90, sound=speech(3.6))
    measurement = evaluators[True].measure(path, other)
    assert np.isnan([measurement.values[name] for name in ("psnr", "ssim", "l1")]).all()
    assert "The reference has 90 frames where the video has 40: cut it alike." in measurement.notes
    assert measurement.warnings.keys() == {"other reference"}


def test_a_face_is_compared_with_that_of_its_reference(evaluators, tmp_path):
    """A portrait beside a blurred copy, two pixels to the side: landmarks tell how far, and whose face it is."""
    picture = cut_portrait()
    path = film(tmp_path / "talk.mp4", np.roll(cv2.GaussianBlur(picture, (5, 5), 1), 2, axis=1), sound=SPOKEN)
    found = evaluators[True].measure(path, film(tmp_path / "real.mp4", picture, sound=SPOKEN)).values
    landmarks = FaceDetector().landmarks(picture, FaceDetector().detect(picture)[0])
    eyes = np.linalg.norm(landmarks[36] - landmarks[45])
    assert found["lmd"] == pytest.approx(2 / eyes, rel=0.4)
    assert found["lmd_lips"] == pytest.approx(2 / eyes, rel=0.4)
    assert 0.9 < found["csim_dlib"] < 1
    assert 10 < found["psnr_mouth"] < 40
    assert 0.3 < found["ssim_mouth"] < 1
    assert found["flicker"] == pytest.approx(1, abs=0.4)
    assert found["flicker_mouth"] == pytest.approx(1, abs=0.4)


def test_fid_needs_pictures_of_both(inception, tmp_path):
    (tmp_path / "a.txt").write_text("nothing")
    evaluator = Evaluator(references=True, inception=inception)
    assert "fid" not in evaluator.not_measured
    assert np.isnan(evaluator.frechet([tmp_path / "a.txt"], [tmp_path / "absent.mp4"])[0])


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "inception.npz"
    np.savez(path, **inception_weights())
    return path


@pytest.mark.slow  # the roots of 2048 x 2048 numbers
def test_fid_is_of_all_pictures_of_all_videos(inception, tmp_path):
    """Equal sets in another order are no distance apart; a handful of pictures is doubted; other files are left out."""
    paths = [
        film(tmp_path / f"{name}.mp4", portrait(64, name), frames=2, sound=None) for name in ("mila", "bruno", "yara")
    ]
    (tmp_path / "a.txt").write_text("nothing")
    evaluator = Evaluator(references=True, inception=inception, batch_size=2)
    assert "fid" not in evaluator.measure(paths[0]).values
    distance, doubt = evaluator.frechet([*paths[:2], tmp_path / "a.txt"], paths[1::-1])
    assert distance == pytest.approx(0, abs=1e-3)
    assert "FID of 4 pictures beside 4" in doubt
    other, _ = evaluator.frechet(paths[:2], paths[2:])
    assert other > 1
