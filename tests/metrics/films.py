"""Videos of a drawn face, which a detector finds, for tests of what a video and its reference may differ in."""

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import soundfile

from kdtalker_jax.demo import PORTRAITS
from kdtalker_jax.media.video import VideoWriter

SIZE, FRAMES, RATE = 128, 40, 25


def portrait(size: int = SIZE, name: str = "mila") -> np.ndarray:
    """uint8 RGB (size, size, 3) of which the face's box is two fifths."""
    (path,) = (path for path in PORTRAITS if path.stem == name)
    picture = cv2.imread(str(path))[..., ::-1]
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise at 16 kHz whose loudness wanders."""
    random = np.random.default_rng(seed)
    loud = np.repeat(random.uniform(0, 0.5, round(25 * seconds)), 640)
    return loud * random.uniform(-1, 1, len(loud))


def film(path: Path, picture: np.ndarray, *, frames: int = FRAMES, rate: int = RATE, sound: np.ndarray | None) -> Path:
    """The picture, which sways a little."""
    wave = path.with_suffix(".wav")
    if sound is not None:
        soundfile.write(wave, sound, 16_000)
    shifts = np.rint(2 * np.sin(np.arange(frames) * 4 / rate)).astype(int)
    with VideoWriter(path, None if sound is None else wave, frame_rate=rate) as video:
        video.write(np.stack([np.roll(picture, shift, axis=1) for shift in shifts]))
    wave.unlink(missing_ok=True)
    return path


def remuxed(folder: Path, *, frames: int = FRAMES, rate: int = RATE, sound: np.ndarray) -> Path:
    """Pictures and sound of different lengths in one file, which `VideoWriter` would not leave so."""
    pictures = film(folder / "pictures.mp4", portrait(), frames=frames, rate=rate, sound=None)
    soundfile.write(folder / "sound.wav", sound, 16_000)
    inputs = ("-i", pictures, "-i", folder / "sound.wav", "-map", "0:v", "-map", "1:a", "-c:v", "copy")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *inputs, folder / "talk.mkv"]
    subprocess.run(list(map(str, command)), check=True)
    return folder / "talk.mkv"
