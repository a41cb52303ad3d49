"""A recipe is a row of stages. One that is done has left what it makes in the folder, and is not done again."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.data import dataset, work
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.synthetic.builder import build_world
from kdtalker_jax.synthetic.clips import WorldOptions

MODEL = Path("demo", "model")  # what a recipe makes, in its working folder

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


def draw_world(out: Path, config: Any, size: int, progress: bool) -> None:
    """Draws pictures of so many pixels, as many as the fields of a recipe's configuration say."""
    options = WorldOptions(
        seed=config.seed,
        performances=config.performances,
        frames=config.performance_frames,
        size=size,
        apart=config.performance_apart,
        expressive=config.expressive,
        expressive_frames=config.expressive_frames,
        validation=0.05,
        look=config.look,
        plain=config.plain,
    )
    build_world(out, options, lambda plans: progress_bar(plans, "Drawing", unit="clip", show=progress))


def describe_all(
    out: Path, folder: Path, *shares: tuple[work.ClipMaker, Sequence[work.Task]], report: Report, progress: bool
) -> None:
    """Makes one data set of all tasks of one or several makers, whose networks are of one system.

    `folder` is where `dataset.work_folder` keeps what is done of it.
    """
    everything = [(task, make) for make, tasks in shares for task in tasks]
    for task, make in progress_bar(everything, "Performances", show=progress):
        work.carry_out(task, make)
    outcomes = work.read_outcomes([task for task, _ in everything])
    report(dataset.summary(dataset.write_dataset(out, folder, outcomes, train=0.95, system=shares[0][0].system)))


def as_shipped(networks: Mapping[str, Any]) -> dict[str, Any]:
    """Variables whose weights are rounded to what bfloat16 holds: files are compressed, and half as large with these.

    Whatever comes after is trained and measured with the numbers that ship. Biases and statistics stay as they are.
    """

    def rounded(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(jnp.bfloat16).astype(np.float32) if np.ndim(leaf) > 1 else leaf

    return {name: jax.tree.map(rounded, variables) for name, variables in networks.items()}


def drop_notes(model: Path) -> None:
    """Removes from a finished model what names the folder that Orbax wrote to; nothing reads it."""
    for note in model.rglob("commit_success.txt"):
        note.unlink()
