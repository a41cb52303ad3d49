"""A recipe is a row of stages. One that is done has left what it makes in the folder, and is not done again."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdtalker_jax.data import dataset, work
from kdtalker_jax.streams import progress_bar

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


def describe_all(
    out: Path, folder: Path, tasks: Sequence[work.Task], make: work.ClipMaker, report: Report, progress: bool
) -> None:
    """Makes a data set of all tasks; `folder` is where `dataset.work_folder` keeps what is done of it."""
    for task in progress_bar(tasks, "Performances", show=progress):
        work.carry_out(task, make)
    outcomes = list(map(work.read_outcome, tasks))
    report(dataset.summary(dataset.write_dataset(out, folder, outcomes, train=0.95, system=make.system)))
