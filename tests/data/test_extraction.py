"""One video -> one clip."""

import os
import re
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import streams
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data.clips import decode_frame
from kdtalker_jax.data.extraction import (
    ClipNetworks,
    ExtractionOptions,
    SkippedClipError,
    VideoClips,
    describing_parts,
    extract_clip,
)
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.frames import read_frames
from tests.metrics.films import film, portrait, speech

WHOLE = ExtractionOptions(already_cut=True)


@pytest.fixture(scope="module")
def networks(small_checkpoint):
    return ClipNetworks(load_checkpoint(small_checkpoint), batch_size=8)


@pytest.fixture(scope="module")
def extract(networks):
    detector = FaceDetector()
    return lambda path, options=WHOLE: extract_clip(path, networks, detector, options)


def test_fields(extract, videos):
    clip = extract(videos / "c.mov")
    shapes = {name: value.shape for name, value in clip.items() if isinstance(value, np.ndarray)}
    frames, sounding = 83, 83  # 100 frames at 30 a second
    assert shapes == {
        **dict.fromkeys(("yaw", "pitch", "roll", "scale"), (frames,)),
        "t": (frames, 3),
        "exp": (frames, 63),
        "kp": (frames, 63),
        "audio": (sounding, 16),
        "mel": (266, 80),
    }
    assert (clip["frames"], clip["source_rate"], clip["jpeg"]) == (frames, 30, [])


def test_motion_is_what_inference_computes_of_a_portrait(extract, videos, small_model):
    clip = extract(videos / "a.mp4")
    frame = next(read_frames(videos / "a.mp4"))
    source = small_model.prepare(frame, crop="none")
    for name in ("yaw", "pitch", "roll", "scale", "t", "exp"):
        np.testing.assert_allclose(clip[name][0], getattr(source.motion, name)[0], atol=1e-4)
    np.testing.assert_allclose(clip["kp"][0], source.canonical, atol=1e-5)


def test_the_size_of_batches_changes_nothing(extract, videos, small_checkpoint):
    other = ClipNetworks(load_checkpoint(small_checkpoint), batch_size=33)
    a, b = extract(videos / "a.mp4"), extract_clip(videos / "a.mp4", other, FaceDetector(), WHOLE)
    for name in ("yaw", "exp", "audio"):
        np.testing.assert_allclose(a[name], b[name], atol=1e-4)


def test_the_number_of_devices_changes_nothing(extract, videos, small_checkpoint, tmp_path):
    program = """
import sys
import numpy as np
from pathlib import Path
from kdtalker_jax.data.extraction import ExtractionOptions, VideoClips
clip = VideoClips(Path(sys.argv[1]), ExtractionOptions(already_cut=True), 5)(Path(sys.argv[2]))
np.savez(sys.argv[3], **{name: value for name, value in clip.items() if name != "jpeg"})
"""
    result = tmp_path / "clip.npz"
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "3", "JAX_PLATFORMS": "cpu"}
    arguments = [sys.executable, "-c", program, small_checkpoint, videos / "a.mp4", result]
    subprocess.run(arguments, check=True, env=environment)
    clip = extract(videos / "a.mp4")
    with np.load(result) as arrays:
        for name in arrays:
            np.testing.assert_allclose(arrays[name], clip[name], atol=1e-4)


def test_kept_frames_are_those_that_were_described(extract, networks, videos):
    clip = extract(videos / "a.mp4", ExtractionOptions(already_cut=True, keep_frames=True))
    assert len(clip["jpeg"]) == clip["frames"] == 80
    cuts = np.stack([decode_frame(jpeg) for jpeg in clip["jpeg"]])  # (80, 64, 64, 3)
    originals = np.stack(list(read_frames(videos / "a.mp4")))
    assert np.abs(cuts.astype(int) - originals).mean() < 3


@pytest.mark.parametrize(("side", "kept"), [(320, 128), (100, 100), (48, 64)])
def test_kept_frames_are_as_large_as_what_the_renderer_makes(extract, videos, tmp_path, side, kept):
    """Frames of the motion extractor's size, half of it, would teach the renderer to blur. None is enlarged further."""
    _mux(videos / "a.mp4", tmp_path / "large.mp4", "-vf", f"scale={side}:{side}")
    options = ExtractionOptions(already_cut=True, keep_frames=True)
    assert decode_frame(extract(tmp_path / "large.mp4", options)["jpeg"][0]).shape == (kept, kept, 3)


def test_videos_without_sound_can_be_taken(extract, videos):
    """A renderer needs pictures alone."""
    for name in ("mute.mp4", "silent.mp4"):
        clip = extract(videos / name, ExtractionOptions(already_cut=True, silent_too=True))
        assert clip["frames"] == len(clip["audio"]) == 80, name
        assert (clip["mel"] == -4).all(), name  # silence


def test_pictures_after_the_end_of_the_sound_are_left_out(extract, make_video, tmp_path):
    """They could never be part of a training sample."""
    video = make_video(tmp_path / "long.mp4", 80)
    _mux(video, tmp_path / "longer.mkv", "-t", "2.8", "-i", video, "-map", "0:v", "-map", "1:a")
    clip = extract(tmp_path / "longer.mkv")
    assert clip["frames"] == len(clip["audio"]) == 70


def test_a_clip_of_which_one_expects_nothing_else_has_no_notes(extract, videos):
    for name in ("a.mp4", "c.mov"):
        assert extract(videos / name)["notes"] == []


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (("-t", "2.8", "-map", "0:v", "-map", "1:a"), r"sound ends 1\.2 s before the pictures"),
        (("-map", "0:v", "-map", "1:a", "-vf", "trim=end_frame=72"), r"pictures end 1\.1 s before the sound"),
        (("-itsoffset", "0.6", "-map", "0:v", "-map", "1:a"), r"sound begins 0\.6 s into the file"),
        (("-map", "0:v", "-map", "1:a", "-af", "volume=0.01"), r"very quiet \(its peak is at -5\d dB\)"),
        (("-map", "0:v", "-map", "1:a", "-vf", "fps=12"), "12 frames a second"),
        (("-map", "0:v", "-map", "1:a", "-vf", "scale=96:64"), r"no squares cut to the face \(96x64\)"),
    ],
)
def test_what_one_may_not_expect_of_a_clip_is_noted(extract, make_video, tmp_path, made, note):
    """Nothing of it is an error, and each would otherwise be found in the motion that a model has learnt."""
    video = make_video(tmp_path / "video.mp4", 100)
    cut = made.index("-map")
    _mux(video, tmp_path / "odd.mkv", *made[:cut], "-i", video, *made[cut:])
    notes = extract(tmp_path / "odd.mkv")["notes"]
    assert sum(re.search(note, each) is not None for each in notes) == 1, notes


def test_silence_that_is_taken_is_noted(extract, videos):
    for name in ("mute.mp4", "silent.mp4"):
        (note,) = extract(videos / name, ExtractionOptions(already_cut=True, silent_too=True))["notes"]
        assert "There is no sound" in note


def test_how_much_of_a_video_is_described_is_shown(small_checkpoint, videos, capsys, monkeypatch):
    """One of an hour would look as if nothing happened."""
    monkeypatch.setattr(streams, "SECONDS_APART", 0)
    VideoClips(small_checkpoint, WHOLE)(videos / "a.mp4")
    assert not capsys.readouterr().err
    VideoClips(small_checkpoint, WHOLE, progress=True)(videos / "a.mp4")
    told = capsys.readouterr().err
    assert "a.mp4: " in told and "frame/s" in told


def test_pictures_that_are_not_cut_are_noted(extract, tmp_path):
    """Said to be cut, they would teach motion in widths of a picture of which a face is a small part."""
    picture = np.pad(portrait(128), ((64, 64), (64, 64), (0, 0)), mode="edge")
    film(tmp_path / "whole.mp4", picture, frames=70, sound=speech(2.8))
    (note,) = extract(tmp_path / "whole.mp4")["notes"]
    assert "not cut to it: leave out already_cut" in note


def test_a_face_looked_for_once_is_noted(extract, tmp_path):
    film(tmp_path / "face.mp4", portrait(128), frames=70, sound=speech(2.8))
    (note,) = extract(tmp_path / "face.mp4", ExtractionOptions(look_every=70))["notes"]
    assert "first frame alone: look_every=70 of 70" in note


def test_a_face_is_found_and_cut(extract, media):
    """The real clip of 25 frames a second, whose person hardly moves."""
    clip = extract(media / "video" / "sad_WDA_AlexandriaOcasioCortez_000.mp4", ExtractionOptions(look_every=40))
    assert clip["frames"] == len(clip["audio"]) == 200
    assert np.isfinite(clip["exp"]).all()
    whole = extract(media / "video" / "sad_WDA_AlexandriaOcasioCortez_000.mp4")
    assert np.abs(clip["exp"] - whole["exp"]).max() > 1e-3  # the cut makes a difference


def test_no_face(extract, videos):
    with pytest.raises(SkippedClipError, match="no face in any frame") as error:
        extract(videos / "a.mp4", ExtractionOptions(look_every=40))
    assert error.value.reason == "no face"


def test_reasons(extract, videos, bad):
    for name, reason in bad.items():
        with pytest.raises(SkippedClipError) as error:
            extract(videos / name)
        assert error.value.reason == reason, name


def test_the_shortest_clip(extract, make_video, tmp_path):
    """66 frames with 67 of sound hold one training sample, 66 of sound none (start uniform in [0, n - 65])."""
    assert extract(make_video(tmp_path / "just.mp4", 67))["frames"] == 67
    with pytest.raises(SkippedClipError, match="66 frames of sound"):
        extract(make_video(tmp_path / "short.mp4", 66))


def test_what_describes_clips_is_what_the_system_says(small_checkpoint):
    assert describing_parts(load_checkpoint(small_checkpoint)) == ("motion_extractor", "audio_encoder")
    assert VideoClips(small_checkpoint, WHOLE).system == "kdtalker"


def test_a_checkpoint_without_the_audio_encoder(small_variables, tmp_path):
    save_checkpoint(tmp_path / "partial", {"motion_extractor": small_variables["motion_extractor"]}, SMALL)
    with pytest.raises(CheckpointError, match="audio_encoder"):
        VideoClips(tmp_path / "partial", WHOLE)


def test_another_model_or_option_is_another_extraction(small_checkpoint):
    """So that an interrupted run never goes on with clips of another kind."""
    assert VideoClips(small_checkpoint, WHOLE).fingerprint == VideoClips(small_checkpoint, WHOLE, 16).fingerprint
    assert (
        VideoClips(small_checkpoint, WHOLE).fingerprint != VideoClips(small_checkpoint, ExtractionOptions()).fingerprint
    )


def _mux(source, result, *options):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", source, *options, result]
    subprocess.run(list(map(str, command)), check=True)
