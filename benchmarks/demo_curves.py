"""How the demo model learnt, as a picture of what its training said: `python -m benchmarks.demo_curves`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from kdtalker_jax.cli import Command

PANELS = (  # title, and the lines with their names in the log
    ("renderer, unseen heads, PSNR in dB", {"self": "self/psnr", "cross": "cross/psnr"}),
    ("renderer, unseen heads, degrees", {name: name for name in ("yaw", "pitch", "roll")}),
    ("renderer, unseen heads, landmarks", {"error of guided keypoints": "landmarks"}),
    (
        "audio encoder, unseen voices, r",
        {
            name.replace("_", " "): f"of speakers not trained on, {name}"
            for name in ("jaw", "lip_width", "lip_rounding")
        },
    ),
    ("stitching and retargeting, unseen", {name: name for name in ("stitching", "eye", "lip")}),
    ("denoiser, unseen, loss", {"moving average": "validation/ema/loss"}),
)
_STEP, _FINISHED = re.compile(r"Step (\d+): (.+)"), re.compile(r"Finished after (\d+) steps")
_NUMBER = re.compile(r"(\S+)(?: r =)? (-?[\d.]+(?:e[+-]\d+)?|-?inf|nan)")


@dataclass
class Run:
    """One of the trainings that a log tells of."""

    steps: int = 0
    curves: dict[str, dict[int, float]] = field(default_factory=dict)  # by quantity: step and value


@click.command(cls=Command)
@click.option(
    "--log",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=Path("docs/demo_training.log"),
    show_default=True,
    help="What pipelines.train_demo said.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/demo_training.svg"), show_default=True)
def main(log: Path, out: Path) -> None:
    """Draw the curves of a log of pipelines.train_demo. Needs matplotlib, which the extra `benchmarks` brings."""
    from matplotlib import pyplot, rcParams

    runs = read_log(log.read_text(encoding="utf-8").splitlines())
    rcParams["svg.hashsalt"] = "demo"  # the same file for the same curves
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 6), layout="constrained")
    for axis, (title, lines) in zip(axes.flat, PANELS, strict=True):
        for label, name in lines.items():
            axis.plot(*joined(runs, name), label=label)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("steps")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(out, metadata={"Date": None})
    click.echo(out)


def read_log(lines: Iterable[str]) -> list[Run]:
    """Trainings in turn. Where a step was made twice, after an interruption, the later value counts."""
    runs, run = [], Run()
    for line in lines:
        if step := _STEP.fullmatch(line):
            number, told = int(step[1]), ""
            for part in step[2].split(", "):
                if found := _NUMBER.fullmatch(part):
                    run.curves.setdefault(told + found[1], {})[number] = float(found[2])
                else:
                    told = f"{part}, "  # whom the numbers after it are of
        elif finished := _FINISHED.match(line):
            run.steps = int(finished[1])
            runs, run = [*runs, run], Run()
    return [*runs, run]


def joined(runs: Sequence[Run], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a quantity, over those runs that know it, one after the other."""
    steps, values, before = [], [], 0
    for run in runs:
        if curve := run.curves.get(name):
            steps += [before + step for step in curve]
            values += curve.values()
            before += run.steps
    return steps, values


if __name__ == "__main__":
    main()
