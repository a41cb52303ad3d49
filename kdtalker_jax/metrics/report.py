"""What was measured of many videos, as JSON and as a table for people."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdtalker_jax.media.files import cannot_write
from kdtalker_jax.metrics.catalogue import METRICS
from kdtalker_jax.metrics.evaluation import Measurement
from kdtalker_jax.records import without_nan
from kdtalker_jax.unfinished import unfinished_file

if TYPE_CHECKING:
    from kdtalker_jax.metrics.protocols import Table

FORMAT = 1


@dataclass
class Report:
    """Measurements by the video's name.

    Attributes:
        conditions: what the numbers depend on beside the videos.
        not_measured: why, by the name of the metric.
        videos: what was measured.
        unreadable: why, by the name of the file.
        together: what was measured of all videos at once, by the name of the metric.
        doubts: what makes one doubt that, in sentences.
        protocol: a paper's table, where one was asked for.
    """

    conditions: Mapping[str, Any]
    not_measured: Mapping[str, str]
    videos: dict[str, Measurement] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    together: dict[str, float] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    protocol: "Table | None" = None

    @property
    def empty(self) -> bool:
        """Whether not one number was measured."""
        return not any(summary["videos"] for summary in self.summary().values())

    def summary(self) -> dict[str, dict[str, Any]]:
        """By the metric's name: mean over the videos where it is a number, how many these are, and how many are not.

        Of what is measured of all videos at once the one number, which is of all or of none.
        """
        summary = {}
        for metric in METRICS:
            if metric.name in self.not_measured:
                continue
            if metric.together:
                values = [self.together.get(metric.name, math.nan)] * len(self.videos)
            else:
                values = [video.values[metric.name] for video in self.videos.values()]
            numbers = [value for value in values if math.isfinite(value)]
            summary[metric.name] = {
                "mean": sum(numbers) / len(numbers) if numbers else math.nan,
                "unit": metric.unit,
                "better": metric.better,
                "videos": len(numbers),
                "nan": len(values) - len(numbers),
            }
        return summary

    def _not_measured_by_reason(self) -> Iterable[tuple[str, list[str]]]:
        names: dict[str, list[str]] = {}
        for name, reason in self.not_measured.items():
            names.setdefault(reason, []).append(name)
        return names.items()

    def warnings(self) -> list[str]:
        """A sentence for each kind of doubt: about the first video concerned, and how many others there are."""
        kinds: dict[str, list[str]] = {}
        for name, video in self.videos.items():
            for kind, sentence in video.warnings.items():
                kinds.setdefault(kind, []).append(f"{name}: {sentence}")
        lines = [first + (f" (And {len(others)} more.)" if others else "") for first, *others in kinds.values()]
        return lines + self.doubts

    def to_json(self) -> str:
        """Strict JSON: null stands for NaN."""
        content = {
            "format": FORMAT,
            "conditions": dict(self.conditions),
            "summary": self.summary(),
            "not_measured": dict(self.not_measured),
            "videos": {
                name: {"frames": video.frames, "metrics": video.values, "notes": video.notes}
                for name, video in self.videos.items()
            },
            "unreadable": self.unreadable,
            "warnings": self.warnings(),
        }
        if self.protocol:
            content["protocol"] = self.protocol.to_json()
        return json.dumps(without_nan(content), indent=1, allow_nan=False)

    def save(self, path: Path) -> None:
        """Raises OutputError where the file cannot be written; what was there before is then still there."""
        try:
            with unfinished_file(path) as partial:
                partial.write_text(self.to_json(), encoding="utf-8")
        except OSError as error:
            raise cannot_write(path, error, "report") from error

    def to_table(self) -> str:
        """Lines for a terminal."""
        row = "{:20} {:>12} {:11} {:7} {:>7} {:>5}".format
        lines = [row("metric", "mean", "unit", "better", "videos", "NaN")]
        for name, summary in self.summary().items():
            mean = "-" if math.isnan(summary["mean"]) else f"{summary['mean']:.4f}"
            lines.append(row(name, mean, summary["unit"], summary["better"], summary["videos"], summary["nan"]))
        lines += [f"not measured: {', '.join(names)}: {reason}" for reason, names in self._not_measured_by_reason()]
        lines += [f"{name}: {note}" for name, video in self.videos.items() for note in video.notes]
        lines += [f"{name}: not read: {reason}" for name, reason in self.unreadable.items()]
        lines += ["", *self.protocol.to_lines()] if self.protocol else []
        return "\n".join(line.rstrip() for line in lines)
