"""`pipelines.dub`: a video with another mouth; its size, rate and all that is no face stay."""

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from kdtalker_jax import demo
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import exact_rate, read_frames
from kdtalker_jax.media.video import VideoWriter
from pipelines.dub import main

FRAMES, RATE = 8, Fraction(30000, 1001)


@pytest.fixture(scope="module")
def inputs(media, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dub")
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(folder / "speech.wav", speech[: round(0.25 * rate)], rate)
    frame = next(read_frames(media / "video" / "lp_d0.mp4"))
    with VideoWriter(folder / "talk.mp4", frame_rate=RATE) as video:
        for _ in range(FRAMES):
            video.write(np.pad(frame, ((40, 41), (200, 201), (0, 0)), mode="edge"))
    return folder


@pytest.fixture
def run(inputs, small_checkpoint):
    def call(output, *extra, video="talk.mp4"):
        arguments = ["--checkpoint", small_checkpoint, "--video", inputs / video, "--steps", 2, "--output", output]
        return CliRunner().invoke(main, [str(argument) for argument in (*arguments, *extra)])

    return call


@pytest.mark.filterwarnings("default:The video is cut")
def test_sound_moves_the_mouth_and_all_around_the_face_stays(run, inputs, tmp_path):
    result = run(tmp_path / "out.mp4", "--driven_audio", inputs / "speech.wav")
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == 7, "of 0.25 s"
    assert exact_rate(tmp_path / "out.mp4") == RATE
    assert len(load_waveform(tmp_path / "out.mp4")) > 0
    ours = np.stack(list(read_frames(tmp_path / "out.mp4", rate=RATE))).astype(int)
    theirs = np.stack(list(read_frames(inputs / "talk.mp4", rate=RATE)))[: len(ours)]
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    assert difference[:, :, :100].max() < 40, "codecs alone"
    assert difference.mean(axis=(0, 3)).max() > 40, "and the face is another"


@pytest.mark.filterwarnings("default:The video is cut")
@pytest.mark.parametrize(("seconds", "length", "frames"), [(0.4, "loop", 11), (0.4, "audio", 11), (0.12, "video", 8)])
def test_it_gets_as_long_as_is_asked_for(run, inputs, tmp_path, seconds, length, frames):
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(tmp_path / "speech.wav", speech[: round(seconds * rate)], rate)
    result = run(tmp_path / "out.mp4", "--driven_audio", tmp_path / "speech.wav", "--length", length)
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == frames


@pytest.mark.filterwarnings("default:The video is cut")
def test_the_video_begins_with_its_first_picture_whatever_its_old_sound_does(run, inputs, tmp_path):
    """Only where that sound is heard, frames begin with it."""
    late = ("-i", inputs / "talk.mp4", "-itsoffset", "0.15", "-i", inputs / "speech.wav")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), *map(str, late), "-c:v", "copy", str(tmp_path / "late.mp4")]
    subprocess.run(ffmpeg, check=True, capture_output=True)
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(tmp_path / "speech.wav", speech[:rate], rate)
    for arguments, frames in (
        (("--driven_audio", tmp_path / "speech.wav", "--length", "video"), FRAMES),
        (("--driving", inputs / "talk.mp4"), FRAMES - 4),
    ):
        result = run(tmp_path / "out.mp4", *arguments, video=tmp_path / "late.mp4")
        assert result.exit_code == 0, result.output
        assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == pytest.approx(frames, abs=1)


def test_another_face_moves_it_too(run, inputs, tmp_path):
    result = run(tmp_path / "out.mp4", "--driving", inputs / "talk.mp4", "--hold_eyes", "--regions", "exp")
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "out.mp4"))[0] == FRAMES


def test_a_recording_that_a_driver_cuts_is_told(run, inputs, tmp_path):
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(tmp_path / "speech.wav", speech[: round(0.5 * rate)], rate)
    both = ("--driven_audio", tmp_path / "speech.wav", "--driving", inputs / "talk.mp4", "--length", "loop")
    with pytest.warns(match=r"The recording .*speech\.wav is cut to 0\.27 s, where the driver ends"):
        result = run(tmp_path / "out.mp4", *both)
    assert result.exit_code == 0, result.output


def test_what_cannot_be_is_said_first(run, inputs, tmp_path):
    speech = ("--driven_audio", inputs / "speech.wav")
    for extra, sentence in (
        ((), "Nothing moves the person: give --driven_audio, --driving, or both."),
        ((*speech, "--feather", "2"), "--feather must be a number from 0 to 0.5"),
        (("--regions", "exp", *speech), "--regions is about a driver"),
        (("--driving", inputs / "absent.mp4"), "does not exist"),
        (("--driving", inputs / "talk.mp4", "--length", "loop"), "--length is about a recording"),
        (("--driving", inputs / "talk.mp4", "--emotion", "happy"), "--emotion is about a motion that sound makes"),
        ((*speech, "--emotion", "happy"), "This model cannot be asked for --emotion"),
    ):
        result = run(tmp_path / "out.mp4", *extra)
        assert (result.exit_code, sentence in result.output) == (2, True), result.output
    result = run(inputs / "talk.mp4", *speech)
    assert result.exit_code == 2
    assert not (tmp_path / "out.mp4").exists()
