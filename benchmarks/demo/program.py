"""How long `python -m pipelines.sample` and a window alone take, and whether it does the same twice."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import soundfile

from benchmarks.demo.rows import Row
from benchmarks.race import Work, race
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.portrait import TalkingPortrait

MOST_SECONDS = 60.0


def program_rows(checkpoint: Path | None, picture: np.ndarray, waveform: np.ndarray) -> list[Row]:
    """Two runs with the same seed, nothing cached in either: the portrait (H, H, 3), already cut, says the waveform."""
    with tempfile.TemporaryDirectory() as folder:
        image, sound = f"{folder}/portrait.png", f"{folder}/speech.wav"
        cv2.imwrite(image, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        soundfile.write(sound, waveform, SAMPLE_RATE)
        given = ["--source_image", image, "--crop", "none", "--driven_audio", sound, "--no_cache"]
        if checkpoint is not None:
            given += ["--checkpoint", str(checkpoint)]
        outputs = [Path(folder, f"{run}.mp4") for run in ("first", "second")]
        seconds = [_run(*given, "--output", str(output)) for output in outputs]
        first, second = (np.stack(list(read_frames(output))) for output in outputs)
    same = np.array_equal(first, second)
    length = len(waveform) / SAMPLE_RATE
    return [
        Row("same seed", "the same video, bit for bit", "equal" if same else "different", same, {"frames": len(first)}),
        Row(
            f"`python -m pipelines.sample`, nothing cached, {os.cpu_count()} cores, {length:.0f} s of audio",
            f"under {MOST_SECONDS:.0f} s, compilation included",
            f"{max(seconds):.0f} s",
            max(seconds) < MOST_SECONDS,
            {"seconds": seconds, "load": os.getloadavg()[0]},
        ),
    ]


def window_row(model: TalkingPortrait, other: TalkingPortrait, picture: np.ndarray, repeats: int) -> Row:
    """How long a window of motion takes as it is made by default, beside that of another model; they take turns."""
    length = SAMPLES_PER_FRAME * model.motion_model.length
    sound = np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32)

    def contestant(model: TalkingPortrait, **asked: str) -> Work:
        source = model.prepare(picture, crop="none")
        return lambda: model.animate(source, sound, **asked)

    contestants = {"KDTalker": contestant(other), "own": contestant(model), "felt": contestant(model, emotion="happy")}
    result = race(contestants, repeats, "KDTalker")
    ratio, felt = result["own"]["ratio"], result["felt"]["ratio"]
    text = f"{ratio:.2f} ({felt:.2f} with an emotion)"
    return Row("a window of motion, time beside KDTalker's demo", "<= 1.5", text, ratio <= 1.5, dict(result))


def _run(*arguments: str) -> float:
    """Seconds that the program took."""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    started = time.perf_counter()
    command = [sys.executable, "-m", "pipelines.sample", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"pipelines.sample failed: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - started
