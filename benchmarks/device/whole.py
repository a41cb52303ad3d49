"""What users wait for: a file from files, and the first frame of a stream."""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.device.pieces import Report, Settings
from benchmarks.random_params import random_params
from configs import MODELS
from kdtalker_jax import demo
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.portrait import TalkingPortrait

FIRST_WINDOW = 67  # frames of sound that the first window of motion hears (docs/deployment.md)
BATCHES = (None, 32)  # frames at once: the default, and more


def _model(settings: Settings) -> TalkingPortrait:
    config = MODELS[settings.model]
    return TalkingPortrait(config, random_params(config))


def _noise(frames: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, frames * SAMPLES_PER_FRAME).astype(np.float32)


def files(settings: Settings, report: Report) -> None:
    """From a picture of 512x512 and a recording to a video with sound; also what encoding alone takes."""
    model, frames = _model(settings), 20 if settings.tiny else 25 * FRAME_RATE
    with tempfile.TemporaryDirectory() as folder:
        recording, output = Path(folder) / "speech.wav", Path(folder) / "talk.mp4"
        soundfile.write(recording, _noise(frames), SAMPLE_RATE)
        for size in BATCHES[: 1 if settings.tiny else None]:
            for call in ("first call", "second call"):
                began = time.perf_counter()
                model.sample(demo.PORTRAITS[0], recording, output, crop="none", batch_size=size)
                seconds = time.perf_counter() - began
                row = {"frames": frames, "seconds": seconds, "frames_per_second": frames / seconds}
                report(f"batch {size or 'default'}, {call}", row)
        source = model.prepare(demo.PORTRAITS[0], crop="none")
        motion = model.animate(source, _noise(frames), rate=SAMPLE_RATE)
        rendered = list(model.render(source, motion))
        began = time.perf_counter()
        with VideoWriter(output, recording, frames=frames) as video:
            for batch in rendered:
                video.write(batch)
        seconds = time.perf_counter() - began
        report("encoding alone", {"frames": frames, "seconds": seconds, "frames_per_second": frames / seconds})


def stream(settings: Settings, report: Report) -> None:
    """Seconds from the last piece of sound that the first window hears to the first frames, once all is compiled.

    No further sound comes before them, as from a microphone.
    """
    model = _model(settings)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    chunks = _noise(FIRST_WINDOW + FRAME_RATE).reshape(-1, SAMPLES_PER_FRAME)
    for size in (None,) if settings.tiny else (None, 1, 4):
        seconds = [first_frame(model, source, chunks, size) for _ in range(2 if settings.tiny else 6)]
        row = {"compiling": seconds[0], "median": float(np.median(seconds[1:])), "highest": max(seconds[1:])}
        report(f"first frame, batch {size or 'default'}", row)


def first_frame(model: TalkingPortrait, source, chunks: np.ndarray, batch_size: int | None) -> float:
    """Seconds that a stream takes for its first frames from when it was given their sound."""
    shown, given = threading.Event(), 0.0

    def microphone() -> Iterator[np.ndarray]:
        nonlocal given
        for i, chunk in enumerate(chunks):
            if i == FIRST_WINDOW:
                shown.wait(60)
            if i == FIRST_WINDOW - 1:
                given = time.perf_counter()
            yield chunk

    frames = model.stream(source, microphone(), rate=SAMPLE_RATE, batch_size=batch_size)
    next(frames)
    seconds = time.perf_counter() - given
    shown.set()
    frames.close()
    return seconds
