"""A recipe is a row of stages. One that is done has left what it makes in the folder, and is not done again."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Report = Callable[[str], None]  # is told what happens, a sentence at a time
Stage = Callable[[Any, Path, Report, bool], bool]  # of a configuration; whether it is finished, or asked to stop


def carry_out(stages: Mapping[str, Stage], config: Any, workdir: Path, report: Report, progress: bool) -> bool:
    """Carries out one stage after the other. Returns whether all are finished."""
    workdir.mkdir(parents=True, exist_ok=True)
    for name, stage in stages.items():
        began = time.perf_counter()
        if not stage(config, workdir, report, progress):
            return False
        report(f"{name}: {(time.perf_counter() - began) / 60:.1f} minutes")
    return True
