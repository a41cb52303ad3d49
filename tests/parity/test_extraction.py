"""Extraction against the recorded quantities: a video that shows the recorded portrait and sounds as the recording."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.data.extraction import ClipNetworks, ExtractionOptions, extract_clip
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.video import VideoWriter

FIELDS = ("yaw", "pitch", "roll", "scale", "t", "exp", "kp")


@pytest.fixture(scope="module")
def networks(converted):
    return ClipNetworks(load_checkpoint(converted), batch_size=4)


@pytest.fixture(scope="module")
def recording(media):
    return media / "audio" / "WDA_BenCardin1_000.wav"


def test_lossless_video(networks, expected, recording, tmp_path, assert_parity):
    """Decoding, the motion extractor and the audio path add nothing of their own."""
    portrait, video = expected["crop/input_256"], tmp_path / "still.mkv"
    picture = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "256x256", "-r", "25", "-i", "pipe:0")
    codecs = ("-c:v", "ffv1", "-pix_fmt", "bgr0", "-c:a", "pcm_s16le")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *picture, "-i", recording, *codecs, video]
    subprocess.run(command, input=portrait.tobytes() * 2, check=True)

    frames = np.stack(list(read_frames(video)))
    assert (frames == portrait).all()
    clip = networks.describe(frames)
    for field in FIELDS:
        recorded = np.ravel(expected[f"keypoint_info/{field}"])
        np.testing.assert_allclose(np.ravel(clip[field][1]), recorded, atol=1e-4 * max(np.abs(recorded).max(), 1))
    heard = networks.hear(load_waveform(video), len(expected["audio/features"]))
    assert_parity("audio/features", heard["audio"])


@pytest.mark.slow
def test_compressed_video(networks, expected, recording, tmp_path):
    """What H.264 and AAC change stays far below what a clip varies by."""
    with VideoWriter(tmp_path / "still.mp4", recording) as video:
        video.write(np.stack([expected["crop/input_256"]] * 70))
    clip = extract_clip(tmp_path / "still.mp4", networks, FaceDetector(), ExtractionOptions(already_cut=True))
    for field in FIELDS:
        recorded = np.ravel(expected[f"keypoint_info/{field}"])
        np.testing.assert_allclose(
            clip[field].reshape(70, -1)[35], recorded, atol=0.05 * max(np.abs(recorded).max(), 1)
        )
    error = clip["audio"][:68] - expected["audio/features"][:68]
    assert np.sqrt(np.mean(np.square(error))) < 0.3 * np.std(expected["audio/features"])
