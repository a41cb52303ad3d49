"""`pipelines.sample --driving`: a portrait moved by a face, with and without a recording."""

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from kdtalker_jax import demo
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.sources.templates import read_template
from kdtalker_jax.spaces.keypoints import Motion
from pipelines.sample import main

FRAMES = 8


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("driving")
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(folder / "speech.wav", speech[: round(0.4 * rate)], rate)
    soundfile.write(folder / "own.wav", speech[: round(FRAMES / 25 * rate)], rate)
    face = read_image(demo.PORTRAITS[1])[::2, ::2]
    with VideoWriter(folder / "actor.mp4", folder / "own.wav") as video:
        for i in range(FRAMES):
            video.write(np.roll(face, 5 * i, axis=1))
    return folder


@pytest.fixture
def run(inputs, small_checkpoint):
    def call(output, *extra):
        arguments = ["--checkpoint", small_checkpoint, "--source_image", demo.PORTRAITS[0], "--crop", "none"]
        arguments += ["--steps", 2, "--output", output, *extra]
        arguments += ["--driving_crop", "none"] if "--driving" in extra else []
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call


@pytest.mark.filterwarnings("ignore:How far eyes")
def test_a_driving_video_moves_the_portrait_and_is_heard(run, inputs, tmp_path):
    saved = ("--motion_out", tmp_path / "out.npz", "--driving_out", tmp_path / "out.pkl")
    result = run(tmp_path / "out.mp4", "--driving", inputs / "actor.mp4", *saved)
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == FRAMES
    assert len(load_waveform(tmp_path / "out.mp4")) > 0
    motion = Motion.load(tmp_path / "out.npz")
    assert np.abs(np.diff(motion.keypoints, axis=0)).max() > 0

    again = tmp_path / "again.npz"
    template = ("--driving", tmp_path / "out.pkl", "--motion_out", again)
    result = run(tmp_path / "again.mp4", *template)
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(Motion.load(again).keypoints, motion.keypoints, atol=1e-4)
    assert len(read_template(tmp_path / "out.pkl")) == FRAMES


@pytest.mark.filterwarnings("ignore:The driver has 8 frames and the sound 10")
def test_with_a_recording_the_shorter_one_counts(run, inputs, tmp_path):
    both = ("--driving", inputs / "actor.mp4", "--driven_audio", inputs / "speech.wav", "--regions", "pose")
    result = run(tmp_path / "out.mp4", *both, "--lip_strength", 0.5)
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == FRAMES


@pytest.mark.parametrize(
    ("name", "said"), (("no.pkl", "no.pkl"), ("no.mp4", "no.mp4"), ("cut.png", "cut.png"), ("plain.png", "No face"))
)
def test_a_driver_that_cannot_be_followed_is_found_before_the_diffusion(inputs, small_checkpoint, tmp_path, name, said):
    """And all but a face that is missing before the model is loaded."""
    for text in ("no.pkl", "no.mp4"):
        (tmp_path / text).write_text("Dear diary")
    Image.new("RGB", (64, 64), "gray").save(tmp_path / "plain.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "plain.png").read_bytes()[:60])
    checkpoint = small_checkpoint if name == "plain.png" else tmp_path / "nowhere"
    options = ("--checkpoint", checkpoint, "--crop", "none", "--driven_audio", inputs / "speech.wav")
    options += ("--source_image", demo.PORTRAITS[0], "--driving", tmp_path / name, "--output", tmp_path / "a.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TalkingPortrait, "animate", lambda *arguments, **named: pytest.fail("is sampled"))
        result = CliRunner().invoke(main, list(map(str, options)))
    assert result.exit_code == 2, result.output
    assert said in result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    (
        (("--regions", "lip"), "--regions is about a driver"),
        (("--driving", "absent.mp4"), "does not exist"),
        (("--driving", "{actor}", "--regions", "lps"), "'lps'"),
        (("--driving", "{actor}", "--relative", "--absolute"), "exclude each other"),
        (("--driving", "{actor}", "--multiplier", "9"), "0 to 2"),
        (("--driving", "{actor}", "--motion_in", "x.npz"), "choose one"),
        (("--driving", "{actor}", "--driving_out", "x.json"), ".pkl or .npz"),
        (("--driving", "{actor}", "--driving_out", "{tmp}/x.npz", "--motion_out", "{tmp}/x.npz"), "of another output"),
        (("--driving", "{actor}", "--reference", "99"), "no frame 99"),
        (("--driving", "{actor}", "--lips", "driver"), "driver's eyes and lips"),
    ),
)
def test_what_does_not_go_is_said_in_one_sentence(run, inputs, tmp_path, options, said):
    options = [option.format(actor=inputs / "actor.mp4", tmp=tmp_path) for option in options]
    result = run(tmp_path / "out.mp4", *options)
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]
    assert not list(tmp_path.iterdir())
