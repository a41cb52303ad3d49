"""Make a data set for training from a folder of videos."""

import warnings
from pathlib import Path
from types import ModuleType

import click

from kdtalker_jax.cli import MODEL_HELP, Command, Number, cache_option, licence_option, result
from kdtalker_jax.errors import InputError
from kdtalker_jax.streams import progress_bar

EPILOG = """
\b
Examples:
  python -m pipelines.extract --videos clips --checkpoint model --out dataset
  python -m pipelines.extract --videos voxceleb --already_cut --checkpoint model --out dataset --split 0.98/0.02
  python -m pipelines.extract --videos mead --emotions emotions.csv --checkpoint model --out labelled
  python -m pipelines.extract --from_mat motion_wav2lip --norm norm.npz --out dataset
  python -m pipelines.extract --videos clips --checkpoint model --out dataset \\
      --runner DirectRunner -- --direct_num_workers 8 --direct_running_mode multi_processing

Ctrl-C and other signals end at once and keep the clips that are whole: the same command goes on. docs/data.md describes
the data set.
"""

NO_VALIDATION = (
    "No clip fell into validation: training on this data set is not validated, and has no best checkpoint. Take more "
    "videos, or a larger part of them for validation, such as --split 0.8/0.2; --split 1/0 if none is wanted."
)


@click.command(cls=Command, resumes=True, epilog=EPILOG)
@click.option("--videos", type=click.Path(path_type=Path), help="Folder of videos, also in folders below it.")
@click.option("--checkpoint", help=MODEL_HELP)
@licence_option
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The data set: a folder that is not there yet."
)
@click.option("--split", default="0.95/0.05", show_default=True, help="Parts for training and validation.")
@click.option("--already_cut", is_flag=True, help="The videos are squares cut to the face: take them whole.")
@click.option("--keep_frames", is_flag=True, help="Keep the cut frames as JPEG, to train the renderer.")
@click.option("--silent_too", is_flag=True, help="Take videos without sound as well: the renderer needs none.")
@click.option(
    "--emotions",
    type=click.Path(path_type=Path),
    help="What is felt in the videos, for Playmate: a CSV table of file, emotion and, if known, intensity.",
)
@click.option(
    "--max_without_face",
    default=25.0,
    show_default=True,
    type=Number(0, 100),
    help="Skip a clip with no face in more than so many per cent of its frames.",
)
@click.option(
    "--look_every", default=10, show_default=True, type=click.IntRange(1), help="Frames between looks for the face."
)
@click.option(
    "--batch_size", type=click.IntRange(1), help="Frames at a time on each device.  [default: 8 on a CPU, 64 elsewhere]"
)
@click.option("--from_mat", type=click.Path(path_type=Path), help="Import a folder of published .mat files instead.")
@click.option("--norm", type=click.Path(path_type=Path), help="The norm.npz that belongs to them.  [default: computed]")
@click.option(
    "--mat_key", "keys", multiple=True, help="FIELD=NAME: another name of a field in the .mat files. Can be repeated."
)
@click.option(
    "--runner", help="Apache Beam's: DirectRunner, DataflowRunner, FlinkRunner, SparkRunner; its options after --."
)
@cache_option
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
def main(
    videos: Path | None,
    checkpoint: str | None,
    accept_licence: bool,
    out: Path,
    split: str,
    already_cut: bool,
    keep_frames: bool,
    silent_too: bool,
    emotions: Path | None,
    max_without_face: float,
    look_every: int,
    batch_size: int | None,
    from_mat: Path | None,
    norm: Path | None,
    keys: tuple[str, ...],
    runner: str | None,
    no_cache: bool,
    beam_options: tuple[str, ...],
) -> None:
    """Make a data set for training from a folder of videos: motion and audio features of each clip.

    Files that give no clip are left out and reported; the command fails only when none is left.
    """
    train = _train_part(split)
    if (videos is None) == (from_mat is None):
        raise InputError("Give either --videos or --from_mat.")
    if emotions and not videos:
        raise InputError("--emotions is about --videos.")
    if videos and not checkpoint:
        raise InputError(
            "--videos needs --checkpoint, the model that describes the faces: a folder, or demo, which comes along and "
            "has learnt from drawings."
        )
    if beam_options and not runner:
        raise InputError(f"{' '.join(beam_options)} is not understood; options of Beam need --runner.")

    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.compiling import announced
    from kdtalker_jax.data import dataset, statistics, work  # these take seconds: not needed for --help and errors
    from kdtalker_jax.data.extraction import ExtractionOptions, VideoClips
    from kdtalker_jax.data.labels import LabelledClips, read_labels
    from kdtalker_jax.data.mat import MatClips
    from kdtalker_jax.hub.names import find_model

    if not no_cache:
        keep_compiled()
    beam = _import_beam() if runner else None
    options = beam.pipeline_options(runner, beam_options) if beam else None
    make = None if videos else MatClips(dict(map(_pair, keys)))
    given = statistics.read_published_statistics(norm) if norm else None
    source, suffix = (videos, "") if videos else (from_mat, ".mat")
    files = work.find_files(source, suffix)
    labels = read_labels(emotions, videos, files) if emotions else None
    dataset.check_place(out, source)
    if videos:
        how = ExtractionOptions(already_cut, keep_frames, silent_too, look_every, max_without_face / 100)
        make = VideoClips(find_model(checkpoint, accept_licence=accept_licence), how, batch_size, progress=not runner)
    if labels is not None:
        make = LabelledClips(make, labels)
    folder = dataset.work_folder(out, source)
    tasks = work.make_tasks(source, files, folder / "clips", make.fingerprint, labels)

    if beam:
        beam.carry_out_all(tasks, make, options)
    else:
        with announced("the networks that describe clips", "up to a minute"):
            for task in progress_bar(tasks, "Clips", unit="file"):
                work.carry_out(task, make)
    click.echo("Writing the data set ...")
    writing = beam.writing_config(options) if beam else None
    report = dataset.write_dataset(out, folder, work.read_outcomes(tasks), train, given, writing, system=make.system)
    result(f"{out}\n{dataset.summary(report)}", output=out, clips=report["clips"], skipped=len(report["skipped"]))
    if train < 1 and not report["clips"]["validation"]:
        warnings.warn(NO_VALIDATION, stacklevel=1)


def _train_part(split: str) -> float:
    """The first of two parts such as 0.95/0.05."""
    try:
        train, validation = (float(part) for part in split.split("/"))
    except ValueError:
        train = validation = -1
    if not (min(train, validation) >= 0 and abs(train + validation - 1) < 1e-6):
        raise InputError(f"--split must be two parts that make 1, such as 0.95/0.05, not {split}.")
    return train


def _pair(item: str) -> tuple[str, str]:
    field, equals, name = item.partition("=")
    if not (field and equals and name):
        raise InputError(f"--mat_key must be FIELD=NAME, such as audio=aud, not {item}.")
    return field, name


def _import_beam() -> ModuleType:
    try:
        from kdtalker_jax.data import beam
    except ImportError as error:
        raise InputError('--runner needs Apache Beam: install it with `pip install "kdtalker_jax[beam]"`.') from error
    return beam


if __name__ == "__main__":
    main()
