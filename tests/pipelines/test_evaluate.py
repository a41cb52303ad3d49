"""Folders of videos, good and bad, to a report: every number or a reason, and never a crash."""

import json
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import safetensors.numpy
import soundfile
from click.testing import CliRunner

from configs import SMALL
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.metrics.evaluation import METRICS, Evaluator
from kdtalker_jax.random_parts import random_variables
from pipelines import evaluate
from tests.metrics.networks import inception_weights, lpips_weights

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = "sad_WDA_AlexandriaOcasioCortez_000.mp4"
COMPARED = ("--videos", "some", "--reference", "some", "--out", "r.json")
FRAMES = 70  # one more window than one
NEVER = {"pose_diversity_hopenet", "fid", "fvd", "csim", "emotion_accuracy", "emotion_of_video"}
POSES = {f"pose_distance_{angle}" for angle in ("yaw", "pitch", "roll")}
FACE = {
    *("mouth_correlation", "mouth_offset", "csim_dlib", "lmd", "lmd_lips"),
    *("psnr_mouth", "ssim_mouth", "flicker_mouth"),
}
ALWAYS = {metric.name for metric in METRICS} - NEVER


def run(*arguments):
    result = CliRunner().invoke(evaluate.main, [str(argument) for argument in arguments])
    if result.exit_code not in (0, 2):
        raise result.exception
    return result


def read(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


def make_video(path, frames, volume=0.3, size=(64, 64)):
    """Stripes that move to and fro, and clicks; no sound for volume None."""
    random = np.random.default_rng(frames)
    still = random.integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    shifts = np.rint(8 * np.sin(np.arange(frames) / 4)).astype(int)
    sound = path.with_suffix(".wav")
    if volume is not None:
        clicks = random.uniform(-1, 1, 640 * frames) * (np.arange(640 * frames) % 8000 < 900)
        soundfile.write(sound, volume * clicks, 16_000)
    with VideoWriter(path, None if volume is None else sound) as video:
        video.write(np.stack([np.roll(still, shift, axis=1) for shift in shifts]))
    sound.unlink(missing_ok=True)


def test_a_signal_keeps_what_is_measured(tmp_path):
    """It comes during the first of two videos, which is still measured."""
    for name in ("a.mp4", "b.mp4"):
        make_video(tmp_path / name, 5)
    program = """
import signal, sys
from kdtalker_jax.metrics.evaluation import Evaluator
from pipelines.evaluate import main

measure = Evaluator.measure
def stop_and_measure(self, *arguments):
    signal.raise_signal(signal.SIGTERM)
    return measure(self, *arguments)
Evaluator.measure = stop_and_measure
main(sys.argv[1:])
"""
    command = [sys.executable, "-c", program, "--videos", tmp_path, "--out", tmp_path / "report.json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert "Stopping after this video" in done.stderr
    report = read(tmp_path / "report.json")
    assert list(report["videos"]) == ["a.mp4"]
    assert "asked to stop" in report["unreadable"]["b.mp4"]


@pytest.fixture(scope="module")
def checkpoint(small_variables, tmp_path_factory):
    """The small model, and small networks to judge with."""
    directory = tmp_path_factory.mktemp("judged") / "checkpoint"
    needed = {"motion_extractor": small_variables["motion_extractor"], "syncnet": random_variables("syncnet", SMALL)}
    save_checkpoint(directory, needed, SMALL)
    return directory


@pytest.fixture(scope="module")
def report(checkpoint, tmp_path_factory):
    """Of one good video, and of every kind of bad one, as squares that are cut already."""
    folder = tmp_path_factory.mktemp("evaluated")
    videos, references = folder / "videos", folder / "real"
    videos.mkdir()
    (videos / "deeper").mkdir()
    make_video(videos / "good.mp4", FRAMES)
    make_video(videos / "deeper" / "mute.mkv", 30, volume=None)
    make_video(videos / "silent.mp4", 40, volume=0)
    make_video(videos / "single.mp4", 1)
    make_video(videos / "wide.mp4", 10, size=(64, 96))
    (videos / "notes.txt").write_text("not a video")
    (videos / "empty.mp4").touch()
    (videos / ".hidden.mp4").write_text("nor this")
    (videos / "cut short.mp4").write_bytes((videos / "good.mp4").read_bytes()[:3000])
    references.mkdir()
    shutil.copy(videos / "good.mp4", references / "good.mov")
    shutil.copy(videos / "single.mp4", references / "single.mp4")
    shutil.copy(videos / "good.mp4", references / "wide.mp4")
    (references / "good.txt").write_text("what is said, beside it")
    out = folder / "reports" / "report.json"
    safetensors.numpy.save_file(lpips_weights("AlexNet"), folder / "lpips.safetensors")
    common = ("--checkpoint", checkpoint, "--already_cut", "--lpips", folder / "lpips.safetensors", "--out", out)
    result = run("--videos", videos, "--reference", references, *common)
    assert result.exit_code == 0, result.output
    return read(out), result.output


def test_a_good_video_gets_every_number_that_needs_no_face(report):
    content, _ = report
    metrics = content["videos"]["good.mp4"]["metrics"]
    assert metrics.keys() == ALWAYS
    assert {name for name, value in metrics.items() if value is None} == FACE
    assert f"{FRAMES} of {FRAMES} frames show no face." in content["videos"]["good.mp4"]["notes"]
    assert content["videos"]["good.mp4"]["frames"] == FRAMES


def test_a_video_equals_itself(report):
    """The reference has the same name with another extension."""
    metrics = report[0]["videos"]["good.mp4"]["metrics"]
    assert (metrics["psnr"], metrics["l1"], metrics["keypoint_distance"]) == (100, 0, 0)
    assert [metrics[name] for name in POSES] == [0, 0, 0]
    assert (metrics["ssim"], metrics["flicker"]) == pytest.approx((1, 1), abs=1e-6)
    assert metrics["lpips"] == pytest.approx(0, abs=1e-9)


def test_what_cannot_be_measured_is_null_and_counted(report):
    content, _ = report
    unmeasured = {
        name: {metric for metric, value in video["metrics"].items() if value is None}
        for name, video in content["videos"].items()
    }
    mouth, lips = FACE, {"lse_c", "lse_d", "sync_offset"}
    no_reference = {"psnr", "ssim", "l1", "lpips", "flicker", "keypoint_distance"} | POSES
    assert unmeasured["deeper/mute.mkv"] == mouth | lips | no_reference | {"beat_align", "window_jump"}
    assert unmeasured["silent.mp4"] == mouth | no_reference | {"beat_align", "window_jump"}
    moving = {"pose_diversity", "beat_align", "jitter", "window_jump", "flicker"}
    assert unmeasured["single.mp4"] == mouth | lips | moving
    assert content["summary"]["window_jump"]["videos"] == 1
    assert content["summary"]["window_jump"]["nan"] == 4


def test_reasons_are_given(report):
    content, _ = report
    notes = {name: " ".join(video["notes"]) for name, video in content["videos"].items()}
    assert "no audio stream" in notes["deeper/mute.mkv"]
    assert "There is no reference of this name." in notes["deeper/mute.mkv"]
    assert "pictures of another shape, 64x64" in notes["wide.mp4"]


def test_a_comparison_that_cannot_be_meant_is_refused_and_said(tmp_path):
    """Five frames of one size against an uncut reference of many frames of another: the numbers would be of nothing."""
    make_video(tmp_path / "talk.mp4", 5)
    make_video(tmp_path / "real.mp4", 40, size=(128, 128))
    given = ("--videos", tmp_path / "talk.mp4", "--reference", tmp_path / "real.mp4", "--out", tmp_path / "r.json")
    with warnings.catch_warnings(record=True) as said:
        result = run(*given)
    assert any("talk.mp4: The reference has 40 frames where the video has 5: cut it" in str(w.message) for w in said)
    video = read(tmp_path / "r.json")["videos"]["talk.mp4"]
    assert [video["metrics"][name] for name in ("psnr", "ssim", "l1")] == [None] * 3
    assert "talk.mp4: The reference has 40 frames where the video has 5: cut it alike." in result.output


def test_a_reference_that_two_videos_share_is_noted(tmp_path):
    for folder, names in (("videos", ("a.mp4", "a.mov", "b.mp4")), ("real", ("a.mp4", "b.mp4"))):
        (tmp_path / folder).mkdir()
        for name in names:
            make_video(tmp_path / folder / name, 2)
    given = ("--videos", tmp_path / "videos", "--reference", tmp_path / "real", "--out", tmp_path / "r.json")
    with warnings.catch_warnings(record=True) as said:
        run(*given)
    assert any("a.mov: a.mp4 is compared with the same reference" in str(warning.message) for warning in said)
    notes = {name: " ".join(video["notes"]) for name, video in read(tmp_path / "r.json")["videos"].items()}
    assert "a.mov is compared with the same" in notes["a.mp4"]
    assert "same reference" not in notes["b.mp4"]
    make_video(tmp_path / "real" / "a.mkv", 2)
    (tmp_path / "real" / "a.mp4").rename(tmp_path / "real" / "a.m4v")
    result = run(*given)
    assert result.exit_code == 2
    assert "Any of a.m4v and a.mkv may be the reference of a.mov: leave one of them there" in result.output


def test_bad_files_are_named_and_stop_nothing(report):
    content, table = report
    assert content["unreadable"].keys() == {"notes.txt", "empty.mp4", "cut short.mp4"}
    assert "is empty" in content["unreadable"]["empty.mp4"]
    assert "notes.txt: not read: " in table


def test_metrics_without_weights_are_named_and_not_faked(report):
    content, table = report
    assert content["not_measured"].keys() == NEVER
    assert "needs Hopenet" in content["not_measured"]["pose_diversity_hopenet"]
    assert content["summary"].keys() == ALWAYS
    assert "needs weights that --arcface names" in table


@pytest.fixture(scope="module")
def real_clip(media, tmp_path_factory):
    """1.6 seconds of a person who speaks."""
    folder = tmp_path_factory.mktemp("real")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", media / "video" / CLIP]
    subprocess.run([*command, "-t", "1.6", "-c:v", "libx264", "-crf", "16", folder / "clip.mp4"], check=True)
    return folder


def test_a_face_is_found_and_its_mouth_followed(real_clip, checkpoint, tmp_path):
    result = run("--videos", real_clip, "--checkpoint", checkpoint, "--out", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    content = read(tmp_path / "r.json")
    video = content["videos"]["clip.mp4"]
    assert video["notes"] == []
    assert video["metrics"]["mouth_correlation"] > 0.2
    assert abs(video["metrics"]["mouth_offset"]) <= 15
    assert video["metrics"]["jitter"] > 0
    assert content["not_measured"]["psnr"] == "needs a reference"


def test_without_a_checkpoint_there_is_less_to_measure(real_clip, tmp_path):
    result = run("--videos", real_clip / "clip.mp4", "--out", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    content = read(tmp_path / "r.json")
    assert content["summary"].keys() == {"cpbd", "mouth_correlation", "mouth_offset", "csim_dlib"}
    assert content["not_measured"]["lse_c"].startswith("needs SyncNet: 'python -m pipelines.models fetch syncnet'")


def test_a_checkpoint_without_the_judge_says_how_to_add_it(small_checkpoint, real_clip):
    """LSE is left out by name; all else is measured."""
    evaluator = Evaluator(load_checkpoint(small_checkpoint))
    assert "pipelines.models fetch syncnet" in evaluator.not_measured["lse_d"]
    assert str(small_checkpoint) not in evaluator.not_measured["lse_d"], "which may be the package's own"
    assert "pose_diversity" not in evaluator.not_measured


def test_without_a_landmark_predictor_faces_are_left_alone(checkpoint, monkeypatch):
    """dlib cannot say where a mouth is without it; pictures that are cut already need no dlib for the rest."""
    monkeypatch.setattr("kdtalker_jax.faces.detector.importlib.util.find_spec", lambda _: None)
    found = Evaluator(load_checkpoint(checkpoint)).not_measured
    assert found["mouth_offset"] == found["jitter"]
    assert "68-landmark predictor" in found["jitter"]
    cut = Evaluator(load_checkpoint(checkpoint), already_cut=True).not_measured
    assert "mouth_offset" in cut
    assert "jitter" not in cut


def test_a_papers_table_is_made_of_two_folders(checkpoint, tmp_path):
    """Numbers of both, and a dash with a reason where there are no weights."""
    for folder, frames in (("videos", 30), ("real", 31)):
        (tmp_path / folder).mkdir()
        make_video(tmp_path / folder / "a.mp4", frames)
    make_video(tmp_path / "real" / "beside.mp4", 30)
    (tmp_path / "real" / "a.txt").write_text("what is said")
    given = ("--videos", tmp_path / "videos", "--reference", tmp_path / "real", "--out", tmp_path / "r.json")
    result = run(*given, "--checkpoint", checkpoint, "--already_cut", "--protocol", "kdtalker", "--speed", "20")
    assert result.exit_code == 0, result.output
    table = read(tmp_path / "r.json")["protocol"]
    made, real = table["rows"]["videos"], table["rows"]["real videos"]
    assert made["CPBD"] is not None and real["CPBD"] is not None
    assert made["LSE-C"] != real["LSE-C"]
    assert (made["FPS"], real["FPS"], made["FID"], real["FID"]) == (20, 25, None, None)
    assert "needs Hopenet" in table["reasons"]["Diversity"]
    assert "FID: needs weights that --inception names" in result.output
    header = next(line for line in result.output.splitlines() if "LSE-C" in line)
    assert header.split()[:2] == ["LSE-C", "LSE-D"]


@pytest.mark.slow  # the roots of 2048 x 2048 numbers
def test_fid_is_one_number_of_the_report(tmp_path):
    """Of few pictures it is warned of; of files that are no videos there is none."""
    for folder, size in (("videos", (64, 64)), ("real", (72, 64))):
        (tmp_path / folder).mkdir()
        make_video(tmp_path / folder / "a.mp4", 2, size=size)
        (tmp_path / folder / "b.txt").write_text("nothing")
    safetensors.numpy.save_file(inception_weights(), tmp_path / "inception.safetensors")
    given = ("--videos", tmp_path / "videos", "--reference", tmp_path / "real", "--out", tmp_path / "r.json")
    assert run(*given, "--inception", tmp_path / "inception.safetensors").exit_code == 0
    content = read(tmp_path / "r.json")
    assert content["summary"]["fid"]["mean"] > 0
    assert (content["summary"]["fid"]["videos"], content["summary"]["fid"]["nan"]) == (1, 0)
    assert "fid" not in content["videos"]["a.mp4"]["metrics"]
    assert any("FID of 2 pictures beside 2" in sentence for sentence in content["warnings"])


def test_no_face_is_a_note(checkpoint, tmp_path):
    make_video(tmp_path / "a.mp4", 12)
    out = tmp_path / "r.json"
    assert run("--videos", tmp_path, "--checkpoint", checkpoint, "--out", out).exit_code == 0
    video = read(out)["videos"]["a.mp4"]
    assert "There is no face in any frame." in video["notes"]
    assert video["metrics"]["pose_diversity"] is None
    assert video["metrics"]["lse_d"] is not None  # whole pictures, as in Wav2Lip's evaluation


def test_nothing_measured_is_a_failure_and_reported(tmp_path):
    (tmp_path / "a.txt").write_text("no video")
    result = run("--videos", tmp_path, "--out", tmp_path / "r.json")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: Nothing could be measured; {tmp_path / 'r.json'} says why"
    assert read(tmp_path / "r.json")["unreadable"].keys() == {"a.txt"}
    again = run("--videos", tmp_path, "--out", tmp_path / "r.json")
    assert again.exit_code == 2
    assert read(tmp_path / "r.json")["unreadable"].keys() == {"a.txt"}  # and not the report itself


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--videos", "absent", "--out", "r.json"), "absent does not exist"),
        (("--videos", "nothing", "--out", "r.json"), "no videos in nothing"),
        (("--videos", "some", "--out", "some/a.txt"), "is also an input"),
        (("--videos", "some", "--reference", "nothing", "--out", "r.json"), "no videos in nothing"),
        (("--videos", "some", "--checkpoint", "some", "--out", "r.json"), "is not a converted checkpoint"),
        (("--videos", "some", "--out", "r.json", "--batch_size", "0"), "batch_size"),
        (
            ("--videos", "some", "--out", "r.json", "--protocol", "kdtalker"),
            "--protocol compares two folders: give --re",
        ),
        (("--videos", "some", "--out", "r.json", "--speed", "20"), "--speed is a number of the table that --protocol"),
        (
            ("--videos", "some", "--out", "r.json", "--inception", "i.npz"),
            "are for comparing with real videos: give --r",
        ),
        ((*COMPARED, "--inception", "absent.npz"), "absent.npz cannot be read as weights"),
        (("--videos", "some", "--out", "r.json", "--arcface", "some/a.txt"), "some/a.txt cannot be read as weights"),
        ((*COMPARED, "--lpips", "absent.ckpt"), "no LPIPS network at absent.ckpt"),
        ((*COMPARED, "--lpips", "some/a.txt"), "some/a.txt is damaged"),
    ],
)
def test_bad_options_end_with_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a.txt").write_text("something")
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_fault_of_the_program_costs_one_video(tmp_path, monkeypatch):
    measure = Evaluator.measure

    def fail(self, path, reference=None):
        if path.name == "a.mp4":
            raise MemoryError("too much")
        return measure(self, path, reference)

    monkeypatch.setattr(Evaluator, "measure", fail)
    for name in ("a.mp4", "b.mp4"):
        make_video(tmp_path / name, 2, size=(128, 128))
    assert run("--videos", tmp_path, "--out", tmp_path / "r.json").exit_code == 0
    content = read(tmp_path / "r.json")
    assert content["unreadable"] == {"a.mp4": "failed, MemoryError: too much"}
    assert content["videos"].keys() == {"b.mp4"}
