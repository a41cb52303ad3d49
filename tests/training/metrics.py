"""Reads what a run has logged."""

import json
from pathlib import Path


def read_metrics(run: Path) -> dict[int, dict]:
    """All values of a run by their step; of a step that was logged twice, the later ones."""
    merged: dict[int, dict] = {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        merged.setdefault(values["step"], {}).update(values)
    return merged
