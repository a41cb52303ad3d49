"""What is measured, in the order of its worth, and for how long at most."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPILED = "torch.compile"  # among what races
Report = Callable[[str, Any], None]  # a row's name and its numbers, kept at once


@dataclass(frozen=True)
class Settings:
    """What every piece is given.

    Attributes:
        tiny: small networks, for a CPU.
        recorded: folder with recorded numbers of the published networks and the script of their weights, if any.
    """

    tiny: bool
    recorded: Path | None = None

    @property
    def model(self) -> str:
        return "small" if self.tiny else "published"

    @property
    def batches(self) -> tuple[int, ...]:
        """Frames at once, those that matter most first."""
        return (2, 1) if self.tiny else (8, 32, 1)

    @property
    def repeats(self) -> int:
        return 2 if self.tiny else 7


@dataclass(frozen=True)
class Piece:
    """A function "module:name" of `Settings` and `Report`, its limit in seconds, and what it measures."""

    name: str
    function: str
    limit: float
    text: str

    def run(self, settings: Settings, report: Report) -> None:
        module, _, name = self.function.partition(":")
        getattr(importlib.import_module(f"benchmarks.device.{module}"), name)(settings, report)


PIECES = (
    Piece("machine", "machine:describe", 40, "the card, what is installed, and the random weights"),
    Piece("parity", "parity:measure", 75, "float32 networks against recorded numbers or a CPU; bfloat16 frames"),
    Piece("ceiling", "machine:ceilings", 30, "rates of products in bfloat16 and tf32, and of memory"),
    Piece("frames", "frames:race_frames", 170, "the frame path beside PyTorch, eager and compiled"),
    Piece("motion", "motion:race_motion", 60, "8 s of motion beside PyTorch; the denoiser's windows in batches"),
    Piece("files", "whole:files", 45, "from files to a file"),
    Piece("stream", "whole:stream", 30, "latency of a stream"),
    Piece("training", "motion:train", 75, "a step of training beside PyTorch"),
    Piece("memory", "frames:peak_memory", 40, "peak memory of frames"),
    Piece("profile", "frames:profile", 40, "time of a frame by layer"),
)
