"""Tables of papers, filled in with what was measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.metrics.report import Report

# Table 1 of KDTalker (arXiv 2503.12963): by heading the metric, or what stands in for it under a heading of its own.
KDTALKER: Mapping[str, Mapping[str, str]] = {
    "LSE-C": {"LSE-C": "lse_c"},
    "LSE-D": {"LSE-D": "lse_d"},
    "Diversity": {"Diversity": "pose_diversity_hopenet", "Diversity (degrees)": "pose_diversity"},
    "FID": {"FID": "fid"},
    "CPBD": {"CPBD": "cpbd"},
    "CSIM": {"CSIM": "csim", "CSIM (dlib)": "csim_dlib"},
}
SPEED = "FPS"
_OF_ITSELF = {"fid": 0.0, "csim": 1.0, "csim_dlib": 1.0}  # of real videos beside themselves, by definition
_NO_SPEED = "files do not tell how fast they were made, and nobody has said it"
_REAL, _MADE = "real videos", "videos"


@dataclass(frozen=True)
class Table:
    """A paper's table.

    Attributes:
        rows: by whose they are numbers by heading; None where there is none.
        reasons: why there is none, or why another number than the paper's stands there, by the paper's heading.
    """

    rows: Mapping[str, Mapping[str, float | None]]
    reasons: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return {"rows": {name: dict(row) for name, row in self.rows.items()}, "reasons": dict(self.reasons)}

    def to_lines(self) -> list[str]:
        """For a terminal, with a dash for None."""
        first = max(map(len, self.rows))
        headings = list(next(iter(self.rows.values())))
        widths = [max(len(heading), 7) for heading in headings]
        lines = [
            " " * first + "".join(f"  {heading:>{width}}" for heading, width in zip(headings, widths, strict=True))
        ]
        for name, row in self.rows.items():
            cells = ("-" if value is None else f"{value:.3f}" for value in row.values())
            cells = (f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
            lines.append(f"{name:{first}}{''.join(cells)}")
        return lines + [f"{heading}: {reason}" for heading, reason in self.reasons.items()]


def kdtalker_table(made: Report, real: Report, speed: float | None = None) -> Table:
    """KDTalker's table 1: of generated videos, and of the real ones that they were compared with.

    Args:
        speed: frames a second that the videos were made at, where it is known.
    """
    ours, theirs, reasons = made.summary(), real.summary(), {}
    rows: dict[str, dict[str, float | None]] = {_REAL: {}, _MADE: {}}
    for heading, choices in KDTALKER.items():
        measured = {shown: name for shown, name in choices.items() if _mean(ours, name) is not None}
        shown, name = next(iter(measured.items()), (heading, choices[heading]))
        if shown != heading or not measured:
            reasons[heading] = made.not_measured.get(choices[heading], "measured on no video")
        rows[_MADE][shown] = _mean(ours, name)
        rows[_REAL][shown] = _OF_ITSELF.get(name, _mean(theirs, name)) if measured else _mean(theirs, name)
    rows[_MADE][SPEED], rows[_REAL][SPEED] = speed, float(FRAME_RATE)
    if speed is None:
        reasons[SPEED] = _NO_SPEED
    return Table(rows, reasons)


def _mean(summary: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    mean = summary[name]["mean"] if name in summary else math.nan
    return mean if math.isfinite(mean) else None
