"""Performances as motion models learn from them: a data set described by a model's own networks, a stage of recipes."""

from pathlib import Path

from kdtalker_jax.data import dataset, work
from kdtalker_jax.recipes.stages import Report
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.synthetic.described import DescribedPerformances


def describe_performances(out: Path, make: DescribedPerformances, count: int, report: Report, progress: bool) -> None:
    """Writes the data set `out` of the first `count` performances; what an interrupted call has made is not made again.

    Raises:
        OutputError, CheckpointError: it cannot be written, or the networks cannot be loaded.
    """
    folder = dataset.work_folder(out, make.checkpoint)
    tasks = make.tasks(count, folder / "clips")
    for task in progress_bar(tasks, "Performances", show=progress):
        work.carry_out(task, make)
    outcomes = list(map(work.read_outcome, tasks))
    report(dataset.summary(dataset.write_dataset(out, folder, outcomes, train=0.95, system=make.system)))
