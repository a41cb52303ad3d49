"""`python -m pipelines.sample` as its users meet it: what works, what is refused, what is left behind."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdtalker_jax import demo
from kdtalker_jax.spaces.keypoints import Motion
from pipelines.animate import main as animate
from pipelines.portraits import FROM_DRAWINGS
from pipelines.sample import main

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with a picture and 0.4 s of sound, ten frames. Nothing may ever change in it."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copy(demo.PORTRAITS[0], folder / "face.png")
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(folder / "speech.wav", speech[: round(0.4 * rate)], rate)
    return folder


@pytest.fixture
def run(inputs, small_checkpoint):
    """Run the command in-process with a small model; keyword arguments replace options, None leaves them out."""

    def call(output, *extra, command=main, **options):
        options = {
            "checkpoint": small_checkpoint,
            "source_image": inputs / "face.png",
            "driven_audio": inputs / "speech.wav",
            "output": output,
            "crop": "none",
            "steps": 2,
        } | options
        arguments = [str(part) for name, value in options.items() if value is not None for part in (f"--{name}", value)]
        return CliRunner().invoke(command, [*arguments, *map(str, extra)])

    return call


def probe(path):
    """(frames, seconds of sound, ffmpeg's description)."""
    counted = imageio_ffmpeg.count_frames_and_secs(str(path))[0]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path]
    text = subprocess.run(command, capture_output=True, text=True).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text).groups()
    return counted, int(hours) * 3600 + int(minutes) * 60 + float(seconds), text


def contents(folder):
    return {path: path.stat().st_size for path in folder.rglob("*")}


def test_makes_a_video_that_browsers_play(run, tmp_path):
    result = run(tmp_path / "new folder" / "talk.mp4")
    assert result.exit_code == 0, result.output
    assert re.search(r"talk\.mp4: 10 frames, 0\.40 s, rendered at [\d.]+ frames a second", result.output)
    frames, seconds, text = probe(tmp_path / "new folder" / "talk.mp4")
    assert frames == 10
    assert abs(seconds - 0.4) <= 0.04
    for word in ("h264", "yuv420p", "128x128", "25 fps", "aac", "16000 Hz"):
        assert word in text
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["talk.mp4"]


@pytest.mark.parametrize(
    "spelling", [["-source_image", "X"], ["-source_image=X"], ["--source_image", "X"], ["--source-image=X"]]
)
def test_published_spellings(run, inputs, tmp_path, spelling):
    spelled = [part.replace("X", str(inputs / "face.png")) for part in spelling]
    result = run(tmp_path / "talk.mp4", *spelled, source_image=None)
    assert result.exit_code == 0, result.output


def test_what_is_not_given_comes_with_the_package(run, tmp_path):
    """Of the model without --checkpoint nothing is said, unless it is shown a face that it may not know."""
    result = run(tmp_path / "talk.mp4", checkpoint=None, source_image=None)
    assert result.exit_code == 0, result.output
    assert FROM_DRAWINGS not in result.output
    assert "256x256" in probe(tmp_path / "talk.mp4")[2]
    result = run(tmp_path / "photo.mp4", checkpoint=None)
    assert result.exit_code == 0, result.output
    assert result.output.count(FROM_DRAWINGS) == 1


def test_a_model_by_its_name(run, small_checkpoint, tmp_path, monkeypatch):
    """The published one, once it is in the cache: without a network, and the same video as by its directory."""
    monkeypatch.setenv("KDTALKER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    shutil.copytree(small_checkpoint, tmp_path / "cache" / "models" / "published")
    for name, checkpoint in {"a": "published", "b": small_checkpoint}.items():
        result = run(tmp_path / f"{name}.mp4", checkpoint=checkpoint)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ("publishd", "publishd does not exist as a folder, and no model has that name: there are demo, demo-playmate"),
        ("ChaolongYang/KDTalker", "ask for 'published', which fetches and converts them"),
    ],
)
def test_names_that_no_model_has(run, tmp_path, checkpoint, message):
    result = run(tmp_path / "talk.mp4", checkpoint=checkpoint)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_motion_goes_out_and_comes_in(run, tmp_path):
    assert run(tmp_path / "a.mp4", motion_out=tmp_path / "a.npz").exit_code == 0
    assert run(tmp_path / "b.mp4", motion_in=tmp_path / "a.npz", seed=5).exit_code == 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_motion_without_a_recording_is_silent(run, small_checkpoint, tmp_path):
    Motion.from_vector(np.zeros((3, 7 + 63))).save(tmp_path / "a.npz")
    result = run(tmp_path / "a.mp4", motion_in=tmp_path / "a.npz", driven_audio=None)
    assert result.exit_code == 0, result.output
    frames, _, text = probe(tmp_path / "a.mp4")
    assert frames == 3
    assert "Audio" not in text


def test_motion_is_sampled_as_the_model_was_made_for(run, small_checkpoint, tmp_path):
    shutil.copytree(small_checkpoint, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    content = json.loads(config.read_text())
    content["model"]["diffusion"]["sampler"] = "ddpm"
    config.write_text(json.dumps(content))

    def motion(name, **options):
        result = run(tmp_path / f"{name}.mp4", motion_out=tmp_path / f"{name}.npz", **options)
        assert result.exit_code == 0, result.output
        return Motion.load(tmp_path / f"{name}.npz").to_vector()

    np.testing.assert_array_equal(motion("a"), motion("b", sampler="dpm++"))
    np.testing.assert_array_equal(
        motion("c", checkpoint=tmp_path / "model"), motion("d", checkpoint=tmp_path / "model", sampler="ddpm")
    )


def test_same_seed_same_file(run, tmp_path):
    for name in ("a", "b"):
        assert run(tmp_path / f"{name}.mp4", seed=3).exit_code == 0
    assert run(tmp_path / "c.mp4", seed=4).exit_code == 0
    a, b, c = ((tmp_path / f"{name}.mp4").read_bytes() for name in "abc")
    assert a == b != c


def test_inputs_beside_the_output_survive(run, inputs, tmp_path):
    """The published code deletes a recording that lies in the output folder."""
    for name in ("face.png", "speech.wav"):
        (tmp_path / name).write_bytes((inputs / name).read_bytes())
    result = run(tmp_path / "talk.mp4", source_image=tmp_path / "face.png", driven_audio=tmp_path / "speech.wav")
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"face.png", "speech.wav", "talk.mp4"}
    for name in ("face.png", "speech.wav"):
        assert (tmp_path / name).read_bytes() == (inputs / name).read_bytes()


@pytest.mark.parametrize(
    ("asked", "message"),
    [("steps=5", "This model leaves nothing of its rendering to choose."), ("steps", "'steps' is no NAME=VALUE")],
)
def test_a_rendering_that_cannot_be_chosen(run, tmp_path, asked, message):
    result = run(tmp_path / "talk.mp4", "--rendering", asked)
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "naïve 你好", "-leading", "$(touch pwned)", "`id`;x"])
def test_odd_names(run, inputs, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(f"{name}.png").write_bytes((inputs / "face.png").read_bytes())
    Path(f"{name}.wav").write_bytes((inputs / "speech.wav").read_bytes())
    result = run(f"{name}.mp4", source_image=f"{name}.png", driven_audio=f"{name}.wav")
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png", f"{name}.wav", f"{name}.mp4"}


@pytest.fixture
def bad(tmp_path):
    """A folder of files that are not what they seem."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.png").touch()
    soundfile.write(folder / "soundless.wav", np.zeros((0, 1)), 16000)
    cv2.imwrite(str(folder / "plain.png"), np.full((300, 300, 3), 127, np.uint8))
    Motion.from_vector(np.ones((2, 22))).save(folder / "few.npz")
    with np.load(folder / "few.npz") as file:
        np.savez(folder / "absurd.npz", **{**file, "yaw": np.full(2, 1e38)})
    return folder


# What is asked for ({bad}, {inputs}: folders), and what the sentence must say.
REFUSALS = {
    "missing picture": ({"source_image": "{bad}/no.png"}, "no.png"),
    "text as picture": ({"source_image": "{bad}/text.png"}, "text.png"),
    "empty picture": ({"source_image": "{bad}/empty.png"}, "empty.png"),
    "missing recording": ({"driven_audio": "{bad}/no.wav"}, "no.wav"),
    "recording without length": ({"driven_audio": "{bad}/soundless.wav"}, "soundless.wav"),
    "swapped": ({"source_image": "{inputs}/speech.wav", "driven_audio": "{inputs}/face.png"}, "swapped"),
    "no face": ({"source_image": "{bad}/plain.png", "crop": "square"}, "--crop none"),
    "unknown extension": ({"output": "{bad}/out/talk.txt"}, ".mp4"),
    "a file as folder": ({"output": "{bad}/text.png/talk.mp4"}, "cannot be written"),
    "missing checkpoint": ({"checkpoint": "{bad}/nowhere"}, "nowhere"),
    "not a checkpoint": ({"checkpoint": "{inputs}"}, "config.json"),
    "unknown sampler": ({"sampler": "euler"}, "euler"),
    "no steps": ({"steps": "0"}, "steps"),
    "steps that are no number": ({"steps": "many"}, "many"),
    "no frames at a time": ({"batch_size": "0"}, "batch"),
    "negative smoothing": ({"smoothing": "-1"}, "smoothing"),
    "a motion that is none": ({"motion_in": "{inputs}/speech.wav"}, "speech.wav"),
    "a motion that is no head's": ({"motion_in": "{bad}/absurd.npz"}, "absurd.npz"),
    "a motion of other keypoints": ({"motion_in": "{bad}/few.npz"}, "5 keypoints"),
    "a motion that is the video": ({"output": "{bad}/a.mp4", "motion_out": "{bad}/../bad/a.mp4"}, "another output"),
    "a motion that would replace the one to use": (
        {"motion_in": "{bad}/few.npz", "motion_out": "{bad}/few.npz"},
        "lost",
    ),
    "a motion that would replace the picture": (
        {"motion_out": "{bad}/plain.png", "source_image": "{bad}/plain.png"},
        "lost",
    ),
    "a motion that cannot go out": ({"motion_out": "{bad}/text.png/motion.npz"}, "motion.npz"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_one_line_and_leaves_nothing(run, inputs, bad, tmp_path, case):
    options, word = REFUSALS[case]
    options = {name: value.format(bad=bad, inputs=inputs) for name, value in options.items()}
    output = options.pop("output", tmp_path / "talk.mp4")
    before = contents(tmp_path) | contents(inputs)
    result = run(output, **options)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    lines = result.stderr.strip().splitlines()
    assert word in lines[-1]
    assert not [line for line in lines if "Traceback" in line]
    assert contents(tmp_path) | contents(inputs) == before


def test_bad_input_is_found_before_the_model_is_loaded(run, bad, tmp_path):
    """With both wrong, the picture is named: the checkpoint has not been looked at yet."""
    result = run(tmp_path / "talk.mp4", source_image=bad / "text.png", checkpoint=bad / "nowhere")
    assert "text.png" in result.stderr


SETTINGS = [
    ("seed", "-1"), ("seed", 2**64), ("seed", "1.5"), ("smoothing", "nan"), ("smoothing", "inf"), ("smoothing", "1e40"),
    ("batch_size", "0"), ("batch_size", "1000000000"), ("steps", "0"), ("steps", "1000000000"), ("face_index", "-1"),
    ("face_index", "0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_settings_are_looked_at_before_the_model(run, bad, tmp_path, name, value):
    result = run(tmp_path / "talk.mp4", checkpoint=bad / "nowhere", **{name: value})
    assert result.exit_code == 2
    assert name.partition("_")[0] in result.stderr
    assert "nowhere" not in result.stderr


def test_the_motion_may_not_be_the_video_by_another_name(run, tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")  # which is not there yet
    for name in ("link.mp4", "A.MP4", "./a.mp4"):
        result = run(tmp_path / "a.mp4", motion_out=f"{tmp_path}/{name}")
        assert result.exit_code == 2
        assert "another output" in result.stderr


def test_the_table_of_poses_is_not_replaced(run, tmp_path):
    table = tmp_path / "p.csv"
    table.write_text("0,0,0,0\n")
    for command, how in ((main, {"motion_out": table}), (animate, {"output": table})):
        result = run(how.pop("output", tmp_path / "a.mp4"), command=command, pose=table, **how)
        assert result.exit_code == 2
        assert "p.csv is also an input and would be lost" in result.stderr
    assert table.read_text() == "0,0,0,0\n"


def test_motions_are_named_npz(run, tmp_path):
    for command, how in ((main, {"motion_out": tmp_path / "a.wav"}), (animate, {"output": tmp_path / "a.wav"})):
        result = run(how.pop("output", tmp_path / "a.mp4"), command=command, **how)
        assert result.exit_code == 2
        assert "The name of a motion ends in .npz" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_model_is_no_place_for_outputs(run, small_checkpoint, tmp_path):
    shutil.copytree(small_checkpoint, tmp_path / "model")
    before = (tmp_path / "model" / "config.json").read_bytes()
    result = run(tmp_path / "a.mp4", checkpoint=tmp_path / "model", motion_out=tmp_path / "model" / "config.json")
    assert result.exit_code == 2
    assert (tmp_path / "model" / "config.json").read_bytes() == before


def test_names_of_all_bytes_that_there_may_be(run, tmp_path):
    result = run(tmp_path / f"{'v' * 251}.mp4", motion_out=tmp_path / f"{'n' * 251}.npz", seed=2**63)
    assert result.exit_code == 0, result.output
    assert sorted(len(path.name) for path in tmp_path.iterdir()) == [255, 255]


def test_an_older_video_stays_when_something_fails(run, bad, tmp_path):
    output = tmp_path / "talk.mp4"
    output.write_bytes(b"precious")
    assert run(output, batch_size=0).exit_code == 2
    assert output.read_bytes() == b"precious"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_the_program_is_ended(tmp_path, number):
    """In the middle of rendering."""
    command = [sys.executable, "-m", "pipelines.sample", "--output", tmp_path / "talk.mp4", "--steps", "1"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, start_new_session=True)
    while not any(tmp_path.glob(".kdtalker-*")):  # the folder of the unfinished video
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert errors.endswith(b"Stopped.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("closed", ["2>&-", ">&-"])
def test_without_standard_streams(tmp_path, inputs, small_checkpoint, closed):
    command = ["bash", "-c", f'"$@" {closed}', "bash", sys.executable, "-m", "pipelines.sample", "--steps", "2"]
    command += ["--checkpoint", small_checkpoint, "--output", tmp_path / "talk.mp4", "--crop", "none"]
    command += ["--source_image", inputs / "face.png", "--driven_audio", inputs / "speech.wav"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert probe(tmp_path / "talk.mp4")[0] == 10


def test_help_teaches():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for word in ("Examples:", "--face_index", "docs/models.md", "square:"):
        assert word in result.output


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    arguments=st.lists(
        st.one_of(
            st.sampled_from([f"{dash}{param.name}" for param in main.params for dash in ("-", "--")]),
            st.sampled_from([f"--{param.name}=" for param in main.params]),
            st.text(max_size=8),
            st.sampled_from(["", "-", "--", "/", "/dev/null", "nowhere.png", "\0", "-1", "1e9", "nan"]),
        ),
        max_size=8,
    )
)
def test_no_arguments_whatever_give_a_traceback(arguments, tmp_path, monkeypatch):
    """Any command line ends with a status, and writes nothing but its output."""
    monkeypatch.chdir(tmp_path)
    arguments = [*arguments, "--source_image", "missing.png"]  # never renders
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
