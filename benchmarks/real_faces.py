"""What a model does with people of real videos: `python -m benchmarks.real_faces --videos FOLDER`.

The first frame of each clip is the portrait. The clip's own motion drives it, as the model's motion extractor reads it,
and then the clip's own sound; what comes out is compared with what the person did. Some minutes on two cores.
"""

import time
from pathlib import Path

import click
import numpy as np

from benchmarks.demo import sheets
from benchmarks.demo.actors import motion_finder
from benchmarks.race import describe_run, echo_table, json_option, write_json
from benchmarks.real.clips import HALVES, read_clips
from benchmarks.real.judging import Verdict, judge
from benchmarks.real.seen import Watcher
from benchmarks.real.table import BY_CLIP, clip_cells, rows
from benchmarks.real.takes import Take, make_take
from kdtalker_jax import demo
from kdtalker_jax.cli import Command
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.records import without_nan

SIZE = 256  # pixels of all pictures that are compared
SHOWN = 10  # frames of a clip in a sheet


@click.command(cls=Command)
@click.option(
    "--videos",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of videos that show one person each.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Model to judge.  [default: as pipelines.sample]")
@click.option(
    "--half", default="all", show_default=True, type=click.Choice(HALVES),
    help="Half of the clips, by their names: choose by one, judge by the other.",
)  # fmt: skip
@click.option("--seconds", default=8.0, show_default=True, type=click.FloatRange(0.4), help="At most, of each clip.")
@click.option(
    "--every", default=1, show_default=True, type=click.IntRange(1),
    help="Look at every n-th frame, for a quick answer; offsets are then coarse.",
)  # fmt: skip
@click.option("--sheets", "folder", type=click.Path(path_type=Path), help="Also write sheets of pictures there.")
@json_option
def main(
    videos: Path, checkpoint: Path | None, half: str, seconds: float, every: int, folder: Path | None,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Print how a model's videos of real people compare with what these people did.

    Mouths, eyes and heads are read by dlib's 68 landmarks, identity by its recognition network. A sheet shows the
    person's frames, below them those driven by the person's motion, and those driven by the sound where there is one.
    """
    keep_compiled()
    model = TalkingPortrait.load(checkpoint or demo.MODEL)
    detector = FaceDetector()
    find, watch = motion_finder(model), Watcher(detector)
    verdicts, left_out, started = [], [], time.perf_counter()
    for clip in read_clips(videos, half, SIZE, seconds, detector, every):
        if isinstance(clip, str):
            left_out.append(clip)
            click.echo(f"Left out: {clip}", err=True)
            continue
        take = make_take(model, find, clip, watch)
        verdicts.append(judge(take))
        if folder is not None:
            sheets.write(folder, clip.name, sheet(take))
        cells = zip(BY_CLIP, clip_cells(verdicts[-1]), strict=True)
        click.echo(f"{time.perf_counter() - started:4.0f} s: {', '.join(map(' '.join, cells))}", err=True)
    if not verdicts:
        raise InputError(f"No video in {videos} could be used.")
    report(
        verdicts, left_out, json_file, checkpoint=str(checkpoint or "default"), half=half, seconds=seconds, every=every
    )


def sheet(take: Take) -> np.ndarray:
    """Frames of the person over those that the model made: (2 or 3 times S, 10 S, 3)."""
    shown = np.linspace(0, len(take.clip.frames) - 1, SHOWN).astype(int)
    videos = [take.clip.frames, take.driven] + ([] if take.spoken is None else [take.spoken])
    return np.concatenate([np.concatenate(list(video[np.minimum(shown, len(video) - 1)]), axis=1) for video in videos])


def report(
    verdicts: list[Verdict], left_out: list[str], json_file: Path | None, checkpoint: str, **settings: object
) -> None:
    """The tables, and the file."""
    of_all = list(rows(verdicts))
    echo_table(("quantity", "reach", "measured", "reached"), [row.cells for row in of_all])
    click.echo()
    echo_table(BY_CLIP, map(clip_cells, verdicts))
    numbers = {
        "rows": [without_nan(row._asdict()) for row in of_all],
        "clips": [without_nan(verdict.to_json()) for verdict in verdicts],
        "left_out": left_out,
    }
    write_json(json_file, {**describe_run(checkpoint, **settings), **numbers})


if __name__ == "__main__":
    main()
