"""Sheets of pictures for people to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.demo.reenactment import Take
from benchmarks.demo.speech import Spoken

TAKES, FRAMES = 6, 10  # of a sheet: rows, and frames of a video in a row


def write_takes(folder: Path, name: str, takes: Sequence[Take]) -> None:
    """A row for each of the first takes: source, driving, truth, output, of two of its frames."""
    rows = []
    for take in takes[:TAKES]:
        row = [take.source]
        for frame in (len(take.output) // 3, len(take.output) - 1):
            row += [take.driving[frame], take.truth[frame], take.output[frame]]
        rows.append(np.concatenate(row, axis=1))
    write(folder, name, np.concatenate(rows))


def write_clips(folder: Path, name: str, clips: Sequence[Spoken]) -> None:
    """A row for each of the first videos: frames that follow each other, three apart."""
    rows = [
        np.concatenate(list(clip.frames[:: 3 if len(clip.frames) >= 3 * FRAMES else 1][:FRAMES]), axis=1)
        for clip in clips[:TAKES]
    ]
    write(folder, name, np.concatenate(rows))


def write(folder: Path, name: str, sheet: np.ndarray) -> None:
    """uint8 RGB (H, W, 3) to a file of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
