import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.video import VideoWriter, check_output

ODD_NAMES = ["-dash", "with space", "quote'\"`", "ünï 影片", "$(touch hacked)", "a;b|c&d", "file:x", "%03d"]


def clip(frames, height=48, width=64):
    """Frames of a moving gradient."""
    column, row, time = np.arange(width), np.arange(height)[:, None], np.arange(frames)[:, None, None]
    grey = (2 * column + row + 3 * time) % 256
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)


@pytest.fixture
def probe(ffmpeg):
    """What ffmpeg says of a file's streams, and what is really in them when decoded."""

    def look(path):
        streams = ffmpeg("-i", f"file:{path}", check=False)
        found = {"streams": streams}
        if "Video:" in streams:
            checksums = Path(f"{path}.crc")
            ffmpeg("-i", f"file:{path}", "-map", "0:v", "-f", "framecrc", checksums)  # one line a decoded frame
            found["frames"] = len(re.findall(r"^0,", checksums.read_text(), re.MULTILINE))
        if "Audio:" in streams:
            ffmpeg("-i", f"file:{path}", "-map", "0:a", f"{path}.wav")
            found["sound"], found["rate"] = soundfile.read(f"{path}.wav", dtype="float32", always_2d=True)
        return found

    return look


@pytest.fixture
def speech(tmp_path, tone):
    path = tmp_path / "speech.wav"
    soundfile.write(path, tone(3, 44_100, 2), 44_100)
    return path


def names(folder):
    """Names of all that is in a folder, hidden things included."""
    return sorted(path.name for path in folder.iterdir())


def boxes(path):
    """Names of the top-level boxes of an mp4 file, in order."""
    data, position, names = path.read_bytes(), 0, []
    while position < len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        names.append(name.decode())
        position += size
    return names


@pytest.mark.parametrize("frames", [1, 2, 3, 25, 63, 64, 65])
def test_every_frame_is_there_and_the_sound_is_as_long(tmp_path, probe, speech, frames):
    with VideoWriter(tmp_path / "out.mp4", speech) as writer:
        for start in range(0, frames, 8):
            writer.write(clip(frames)[start : start + 8])
    assert writer.frames == frames
    found = probe(tmp_path / "out.mp4")
    assert found["frames"] == frames
    assert abs(len(found["sound"]) / found["rate"] - frames / 25) < 0.001


def test_the_file_plays_in_browsers(tmp_path, probe, speech):
    with VideoWriter(tmp_path / "out.mp4", speech) as writer:
        writer.write(clip(25))
    streams = probe(tmp_path / "out.mp4")["streams"]
    for part in ("h264", "yuv420p(tv, smpte170m/bt709/bt709", "64x48", "25 fps", "aac (LC)", "44100 Hz", "stereo"):
        assert part in streams
    found = boxes(tmp_path / "out.mp4")
    assert found.index("moov") < found.index("mdat")  # faststart


def test_others_may_read_the_file_as_they_may_any_new_one(tmp_path, speech):
    """Temporary files are private to their owner; the result is none."""
    with VideoWriter(tmp_path / "out.mp4", speech) as writer:
        writer.write(clip(1))
    assert (tmp_path / "out.mp4").stat().st_mode == speech.stat().st_mode


@pytest.mark.parametrize("extension", ["m4v", "mov", "mkv", "MP4"])
def test_other_containers(tmp_path, probe, speech, extension):
    with VideoWriter(tmp_path / f"out.{extension}", speech) as writer:
        writer.write(clip(25))
    found = probe(tmp_path / f"out.{extension}")
    assert "h264" in found["streams"]
    assert found["frames"] == 25
    assert abs(len(found["sound"]) / 44_100 - 1) < 0.04


def test_a_video_without_recording(tmp_path, probe):
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(clip(1)[0])
        writer.write(clip(4))
    found = probe(tmp_path / "out.mp4")
    assert found["frames"] == 5
    assert "Audio" not in found["streams"]
    assert boxes(tmp_path / "out.mp4").index("moov") < boxes(tmp_path / "out.mp4").index("mdat")


@pytest.mark.parametrize(
    ("rate", "channels", "written_rate", "layout"),
    [
        (8_000, 1, 8_000, "mono"),
        (16_000, 2, 16_000, "stereo"),
        (37_800, 1, 32_000, "mono"),
        (44_100, 2, 44_100, "stereo"),
        (96_000, 1, 96_000, "mono"),
        (192_000, 6, 96_000, "5.1"),
    ],
)
def test_the_recording_keeps_its_rate_and_channels(tmp_path, tone, probe, rate, channels, written_rate, layout):
    soundfile.write(tmp_path / "a.wav", tone(1.03, rate, channels), rate)
    with VideoWriter(tmp_path / "out.mp4", tmp_path / "a.wav") as writer:
        writer.write(clip(25))
    found = probe(tmp_path / "out.mp4")
    assert f"{written_rate} Hz, {layout}," in found["streams"]
    assert (found["rate"], found["sound"].shape[1]) == (written_rate, channels)
    assert abs(len(found["sound"]) / written_rate - 1) < 0.04


def test_channels_of_no_known_place_become_one(tmp_path, tone, probe):
    soundfile.write(tmp_path / "nine.wav", tone(1, 16_000, 9), 16_000)
    with VideoWriter(tmp_path / "out.mp4", tmp_path / "nine.wav") as writer:
        writer.write(clip(25))
    assert "16000 Hz, mono," in probe(tmp_path / "out.mp4")["streams"]
    expected, heard = load_waveform(tmp_path / "nine.wav"), load_waveform(tmp_path / "out.mp4")
    part = min(len(expected), len(heard))
    assert np.corrcoef(expected[:part], heard[:part])[0, 1] > 0.99


SOURCES = {
    "mp3": ["-c:a", "libmp3lame"],
    "m4a": ["-c:a", "aac"],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "mp4 whose sound starts late": ["-c:a", "aac"],
    "mkv whose sound starts late": ["-c:a", "flac"],
}


@pytest.mark.parametrize("source", SOURCES)
def test_sound_in_the_video_lies_where_the_waveform_has_it(tmp_path, tone, ffmpeg, source):
    """The frames are made from `load_waveform`: a lag between it and the sound would be one of the lips."""
    soundfile.write(tmp_path / "a.wav", tone(2, 48_000), 48_000)
    recording = tmp_path / f"b.{source[:4].strip()}"
    inputs = ["-i", tmp_path / "a.wav"]
    if "late" in source:
        inputs = ["-f", "lavfi", "-i", "color=size=32x32:rate=25:duration=3", "-itsoffset", "0.7", *inputs]
    ffmpeg(*inputs, *SOURCES[source], recording)
    with VideoWriter(tmp_path / "out.mp4", recording) as writer:
        writer.write(clip(50))
    expected, heard = load_waveform(recording), load_waveform(tmp_path / "out.mp4")
    assert abs(len(heard) - 50 * 640) < 640
    part = min(len(expected), len(heard))
    assert np.corrcoef(expected[:part], heard[:part])[0, 1] > 0.99  # 1 ms of lag would already spoil this


def test_a_short_recording_is_followed_by_silence(tmp_path, tone, probe):
    soundfile.write(tmp_path / "a.wav", tone(0.5, 16_000), 16_000)
    with VideoWriter(tmp_path / "out.mp4", tmp_path / "a.wav") as writer:
        writer.write(clip(50))
    sound = probe(tmp_path / "out.mp4")["sound"]
    assert abs(len(sound) - 32_000) < 640
    assert np.abs(sound[:8_000]).max() > 0.3
    assert np.abs(sound[10_000:]).max() < 0.01


def test_chapters_and_covers_of_the_recording_stay_out(tmp_path, probe, ffmpeg, speech):
    (tmp_path / "chapters.txt").write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n")
    cv2.imwrite(str(tmp_path / "cover.png"), clip(1)[0])
    inputs = ["-i", speech, "-i", tmp_path / "cover.png", "-i", tmp_path / "chapters.txt"]
    ffmpeg(
        *inputs,
        "-map",
        "0",
        "-map",
        "1",
        "-map_chapters",
        "2",
        "-c:v",
        "copy",
        "-disposition:v",
        "attached_pic",
        tmp_path / "b.m4a",
    )
    with VideoWriter(tmp_path / "out.mp4", tmp_path / "b.m4a") as writer:
        writer.write(clip(25))
    streams = probe(tmp_path / "out.mp4")["streams"]
    assert streams.count("Stream #0:") == 2
    assert "Chapter" not in streams


@pytest.mark.parametrize(("height", "width"), [(31, 17), (32, 17), (31, 18), (1, 1), (255, 513)])
def test_odd_sizes_grow_by_one_and_lose_nothing(tmp_path, height, width):
    frame = np.full((height, width, 3), 60, np.uint8)
    frame[-1], frame[:, -1] = 180, 180
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(np.stack([frame, frame]))
    good, image = cv2.VideoCapture(str(tmp_path / "out.mp4")).read()
    assert good
    assert image.shape == (height + height % 2, width + width % 2, 3)
    assert abs(int(image[-1, 0, 0]) - 180) < 25
    assert abs(int(image[0, -1, 0]) - 180) < 25


@pytest.mark.parametrize(
    "colour", [(255, 255, 255), (0, 0, 0), (200, 30, 30), (30, 200, 30), (30, 30, 200), (224, 172, 140)]
)
def test_colours_survive(tmp_path, colour):
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(np.full((3, 64, 64, 3), colour, np.uint8))
    _, image = cv2.VideoCapture(str(tmp_path / "out.mp4")).read()
    assert np.abs(image[..., ::-1].astype(int) - colour).max() <= 4


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_file_names_are_names_and_nothing_else(tmp_path, speech, probe, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / f"{name}.wav").write_bytes(speech.read_bytes())
    monkeypatch.chdir(folder)
    with VideoWriter(f"{name}.mp4", f"{name}.wav") as writer:
        writer.write(clip(3))
    assert names(folder) == sorted([f"{name}.mp4", f"{name}.wav"])
    assert probe(folder / f"{name}.mp4")["frames"] == 3


def test_a_recording_in_the_output_folder_survives(tmp_path, speech):
    before = speech.read_bytes()
    with VideoWriter(tmp_path / "speech.mp4", speech) as writer:
        writer.write(clip(3))
    assert speech.read_bytes() == before
    assert names(tmp_path) == ["speech.mp4", "speech.wav"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_folder_as_it_was(tmp_path, speech, error):
    (tmp_path / "out.mp4").write_bytes(b"an older video")
    with pytest.raises(error), VideoWriter(tmp_path / "out.mp4", speech) as writer:
        writer.write(clip(30))
        raise error
    assert names(tmp_path) == ["out.mp4", "speech.wav"]
    assert (tmp_path / "out.mp4").read_bytes() == b"an older video"


def test_a_generator_that_is_dropped_leaves_nothing(tmp_path, speech):
    def frames_written():
        with VideoWriter(tmp_path / "out.mp4", speech) as writer:
            while True:
                writer.write(clip(3))
                yield

    generator = frames_written()
    next(generator)
    assert len(names(tmp_path)) == 2  # the recording and the folder of the beginnings
    generator.close()
    assert names(tmp_path) == ["speech.wav"]


def test_ctrl_c_stops_python_and_the_encoder_and_leaves_nothing(tmp_path, speech):
    """The terminal signals the whole process group, as is done here."""
    program = (
        "import signal, sys, numpy as np\n"
        "from kdtalker_jax.media.video import VideoWriter\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs of a shell ignore it
        "with VideoWriter(*sys.argv[1:]) as writer:\n"
        "    for _ in range(10_000):\n"
        "        writer.write(np.zeros((8, 64, 64, 3), np.uint8))\n"
        "        print('written', flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out.mp4"), str(speech)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline() == "written\n"
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        errors = process.stderr.read()
    assert "KeyboardInterrupt" in errors
    assert "OutputError" not in errors
    assert names(tmp_path) == ["speech.wav"]


def test_the_death_of_the_encoder_is_an_output_error(tmp_path, speech):
    with (
        pytest.raises(OutputError, match=r"out\.mp4 cannot be written: "),
        VideoWriter(tmp_path / "out.mp4", speech) as writer,
    ):
        writer.write(clip(3))
        writer._encoder.process.kill()
        while True:
            writer.write(clip(64))
    assert names(tmp_path) == ["speech.wav"]


def test_the_death_of_the_encoder_after_the_last_frame_is_an_output_error(tmp_path, speech):
    with (
        pytest.raises(OutputError, match=r"out\.mp4 cannot be written: "),
        VideoWriter(tmp_path / "out.mp4", speech) as writer,
    ):
        writer.write(clip(3))
        writer._encoder.process.kill()
        writer._encoder.process.wait()
    assert names(tmp_path) == ["speech.wav"]


@pytest.mark.parametrize("step", ["encoding", "adding the sound"])
def test_a_file_that_may_not_grow_is_an_output_error(tmp_path, speech, step):
    """Stands for a full disk, which ends either of the two steps."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "out.mp4", speech) as writer:
        writer.write(noise)
    whole = (tmp_path / "out.mp4").stat().st_size
    (tmp_path / "out.mp4").unlink()

    limit = whole // 4 if step == "encoding" else whole - 1000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with (
            pytest.raises(OutputError, match=r"out\.mp4 cannot be written: "),
            VideoWriter(tmp_path / "out.mp4", speech) as writer,
        ):
            writer.write(noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == ["speech.wav"]


def test_no_frames_at_all(tmp_path):
    with pytest.raises(OutputError, match="there were no frames"), VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(clip(0))
    assert names(tmp_path) == []


def test_frames_of_another_kind_or_size_are_refused(tmp_path):
    for wrong in (clip(2) / 255, clip(2)[..., 0], clip(2)[..., :2], clip(2)[:, :0], np.uint8(3)):
        with pytest.raises(OutputError, match="Frames must be uint8"), VideoWriter(tmp_path / "out.mp4") as writer:
            writer.write(wrong)
    with pytest.raises(OutputError, match="cannot follow"), VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(clip(2, 32, 32))
        writer.write(clip(2, 32, 34))
    assert names(tmp_path) == []


def test_frames_do_not_pile_up(tmp_path):
    """300 frames are 59 MB, which go to the encoder 8 at a time."""
    frames = clip(8, 256, 256)
    tracemalloc.start()
    with VideoWriter(tmp_path / "out.mp4") as writer:
        for _ in range(300 // 8):
            writer.write(frames)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * frames.nbytes


def test_a_recording_that_cannot_be_read_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.wav does not exist"):
        VideoWriter(tmp_path / "out.mp4", tmp_path / "nowhere.wav")


def test_sound_that_cannot_be_written_is_refused_before_the_first_frame(tmp_path, ffmpeg, tone):
    ffmpeg("-f", "lavfi", "-i", "color=size=32x32:rate=25:duration=0.2", tmp_path / "mute.mp4")
    soundfile.write(tmp_path / "many.wav", tone(0.5, 16_000, 65), 16_000)
    (tmp_path / "text.wav").write_text("Dear diary")
    with pytest.raises(InputError, match=r"mute\.mp4 has no audio stream"):
        VideoWriter(tmp_path / "out.mp4", tmp_path / "mute.mp4")
    with pytest.raises(InputError, match=r"The sound of .*text\.wav cannot be written to a video"):
        VideoWriter(tmp_path / "out.mp4", tmp_path / "text.wav")
    with pytest.raises(InputError, match=r"many\.wav has 65 channels, more than 64: mix it"):
        VideoWriter(tmp_path / "out.mp4", tmp_path / "many.wav")
    assert names(tmp_path) == ["many.wav", "mute.mp4", "text.wav"]


def test_an_output_that_can_be_written_is_returned_and_its_folder_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_output("new/folder/out.mp4") == tmp_path / "new" / "folder" / "out.mp4"
    assert names(tmp_path / "new" / "folder") == []
    (tmp_path / "older.mp4").write_bytes(b"older")
    check_output("older.mp4")
    assert (tmp_path / "older.mp4").read_bytes() == b"older"


@pytest.mark.parametrize("name", ["out.avi", "out", "out.wav", "out.mp4.tmp", ".mp4"])
def test_an_extension_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"must end in one of \.mp4, \.m4v, \.mov, \.mkv"):
        check_output(tmp_path / name)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a file/out.mp4", "a part of its folder's name is a file"),
        ("a file/deeper/out.mp4", "a part of its folder's name is a file"),
        ("/proc/out.mp4", "cannot be written"),
        ("/proc/self/new/out.mp4", "cannot be written"),
        ("n" * 300 + ".mp4", "too long"),
        ("nul\0.mp4", "null"),
        ("folder.mp4", "exists and is not a file"),
        ("pipe.mp4", "exists and is not a file"),
    ],
)
def test_places_that_cannot_be_written_are_refused(tmp_path, path, sentence):
    """Also for root, to whom permission bits mean nothing."""
    (tmp_path / "a file").write_text("")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(OutputError, match=sentence):
        check_output(tmp_path / path)


def test_an_output_that_is_an_input_is_refused(tmp_path, speech):
    recording, other = tmp_path / "talk.mp4", tmp_path / "link.mp4"
    recording.write_bytes(speech.read_bytes())
    other.symlink_to(recording)
    os.link(recording, tmp_path / "hard.mp4")
    for output in (recording, other, tmp_path / "hard.mp4", tmp_path / "." / "talk.mp4"):
        with pytest.raises(OutputError, match="is also an input"):
            VideoWriter(output, recording)
        with pytest.raises(OutputError, match="is also an input"):
            VideoWriter(output, speech, inputs=[recording])
    check_output(tmp_path / "new.mp4", [recording, tmp_path / "nowhere.png"])
    assert recording.read_bytes() == speech.read_bytes()
