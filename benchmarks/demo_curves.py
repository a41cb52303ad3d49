"""How the demo model learnt, as a picture: `python -m benchmarks.demo_curves --workdir DIR` after a training."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from kdtalker_jax.cli import Command
from kdtalker_jax.training.logs import METRICS_FILE

RENDERER = ("renderer", "details", "lids")  # a recipe may lack the last two
PANELS = (  # folders of runs that go on one from the other, title, and the lines with their names in their logs
    (RENDERER, "renderer, loss of each phase", {"training": "train/loss"}),
    (RENDERER, "unseen heads, PSNR in dB", {"self": "validation/self/psnr", "cross": "validation/cross/psnr"}),
    (RENDERER, "unseen heads, degrees", {name: f"validation/{name}" for name in ("yaw", "pitch", "roll")}),
    (
        ("audio",),
        "audio encoder, unseen voices, r",
        {name.replace("_", " "): f"validation/{name}" for name in ("jaw", "lip_width", "lip_rounding")},
    ),
    (("retargeting",), "stitching and retargeting, loss", {"training": "train/loss", "unseen": "validation/loss"}),
    (("denoiser",), "denoiser, loss", {"training": "train/loss", "unseen": "validation/loss"}),
)


@click.command(cls=Command)
@click.option("--workdir", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/demo_training.svg"), show_default=True)
def main(workdir: Path, out: Path) -> None:
    """Draw the curves of a workdir of pipelines.train_demo. Needs matplotlib, which the extra `benchmarks` brings."""
    from matplotlib import pyplot, rcParams

    rcParams["svg.hashsalt"] = "demo"  # the same file for the same curves
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 6), layout="constrained")
    for axis, (runs, title, lines) in zip(axes.flat, PANELS, strict=True):
        logs = [log for run in runs if (log := workdir / run / METRICS_FILE).exists()]
        for label, name in lines.items():
            axis.plot(*read_curve(logs, name), label=label)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("steps")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(out, metadata={"Date": None})
    click.echo(out)


def read_curve(logs: Sequence[Path], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a quantity, over runs one after the other.

    Where a step was made twice, after an interruption, the later value counts.
    """
    found, before = {}, 0
    for log in logs:
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        found |= {before + row["step"]: row[name] for row in rows if name in row}
        before += max((row["step"] for row in rows), default=0)
    return list(found), list(found.values())


if __name__ == "__main__":
    main()
