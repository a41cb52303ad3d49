"""From what became of the files to a data set in its place, with its statistics and a report.

DATASET/dataset_info.json, features.json, *.array_record*     as TFDS writes them
DATASET/statistics.json                                       of the training split
DATASET/report.json                                           whose clips they are, which files gave none, and why
"""

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from kdtalker_jax.data.builder import KDTalkerClips
from kdtalker_jax.data.clips import SPLITS
from kdtalker_jax.data.report import REPORT_FILE
from kdtalker_jax.data.statistics import STATISTICS_FILE, mean_and_std, save_statistics
from kdtalker_jax.data.work import Outcome
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.rates import FRAME_RATE
from kdtalker_jax.spaces.statistics import MotionStatistics
from kdtalker_jax.unfinished import in_one_go


def check_place(out: Path, inputs: Path) -> None:
    """Raises OutputError where the data set exists or lies within the inputs."""
    if out.exists():
        raise OutputError(f"{out} exists already: name another folder, or remove it first.")
    if out.resolve().is_relative_to(inputs.resolve()):
        raise OutputError(f"{out} lies within {inputs}, and would be read as one of its files: name a folder outside.")


def work_folder(out: Path, inputs: Path) -> Path:
    """Make the folder beside a data set to be where unfinished work is kept, to go on from after an interruption.

    Raises:
        OutputError: as `check_place`, or its folder cannot be written.
    """
    check_place(out, inputs)
    work = out.with_name(f"{out.name}.unfinished")
    try:
        (work / "clips").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work} cannot be written ({error.strerror}).") from error
    return work


def split_of(name: str, train: float) -> str:
    """The split of a clip: by its name alone, so that it stays where it is when others come and go."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64  # 0 to 1
    return "train" if number < train else "validation"


def write_dataset(
    out: Path,
    work: Path,
    outcomes: Sequence[Outcome],
    train: float,
    statistics: MotionStatistics | None = None,
    beam: tfds.download.DownloadConfig | None = None,
    *,
    system: str = "kdtalker",
) -> dict[str, Any]:
    """Write a data set, all of it or nothing, and remove the unfinished work.

    Args:
        out: the data set.
        work: see `work_folder`.
        outcomes: of all files, in any order.
        train: part of the clips for training, by the hash of their names; the rest is for validation.
        statistics: instead of the training split's own.
        beam: has Beam write the clips, with this runner and these options.
        system: whose networks described the clips.

    Returns:
        The report.

    Raises:
        InputError: no file gave a clip, or none of the training split did. The report is then left in `work`.
    """
    outcomes = _alike(sorted(outcomes, key=lambda outcome: outcome.name))
    splits = {split: [o for o in outcomes if o.moments and split_of(o.name, train) == split] for split in SPLITS}
    report = make_report(outcomes, splits, system)
    if not splits["train"]:
        _write_report(work, report)
        if splits["validation"]:
            raise InputError(f"All {len(splits['validation'])} clips fall into validation: use a split of 1/0.")
        raise InputError(
            f"None of {len(outcomes)} files gave a clip; {work / REPORT_FILE} says why.\n{summary(report)}"
        )

    staging = work / "tfds"
    shutil.rmtree(staging, ignore_errors=True)  # of a run that was interrupted
    filled = {split: clips for split, clips in splits.items() if clips}
    builder = KDTalkerClips(splits=filled, beam=beam is not None, data_dir=staging, file_format="array_record")
    tfds.disable_progress_bar()
    with redirect_stdout(io.StringIO()):  # it would tell where the data set is, before it is there
        builder.download_and_prepare(download_config=beam)
    directory = Path(builder.data_dir)
    save_statistics(directory / STATISTICS_FILE, statistics or mean_and_std(clip.moments for clip in splits["train"]))
    _write_report(directory, report)
    with in_one_go():
        directory.rename(out)
        shutil.rmtree(work)
    return report


def _alike(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Clips whose rows are as wide as those of most: others are no part of the same data set, and are left out."""

    def widths(outcome: Outcome) -> tuple:
        return tuple((name, len(part.mean)) for name, part in outcome.moments.items())

    usual = Counter(widths(outcome) for outcome in outcomes if outcome.moments).most_common(1)
    why = "It has another number of keypoints or features than most files."
    return [
        outcome
        if not outcome.moments or widths(outcome) == usual[0][0]
        else replace(outcome, moments=None, reason="unreadable", explanation=why)
        for outcome in outcomes
    ]


def make_report(
    outcomes: Sequence[Outcome], splits: Mapping[str, Sequence[Outcome]], system: str = "kdtalker"
) -> dict[str, Any]:
    """The system that described them, frames of each clip by split, what one may not expect of it, and the files that
    gave none with their reasons."""
    return {
        "system": system,
        "clips": {split: {clip.name: clip.frames for clip in clips} for split, clips in splits.items()},
        "notes": {clip.name: list(clip.notes) for clips in splits.values() for clip in clips if clip.notes},
        "skipped": [
            {"name": outcome.name, "reason": outcome.reason, "explanation": outcome.explanation}
            for outcome in outcomes
            if not outcome.moments
        ],
    }


def summary(report: Mapping[str, Any]) -> str:
    """The report in a few lines, with every skipped file and every note."""
    lines = []
    for split, clips in report["clips"].items():
        lines.append(f"{split}: {len(clips)} clips, {sum(clips.values()) / FRAME_RATE / 60:.1f} minutes")
    reasons = Counter(skipped["reason"] for skipped in report["skipped"])
    kinds = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    lines.append(f"skipped: {reasons.total()}" + (f" ({kinds})" if kinds else ""))
    lines += [f"  {skipped['name']}: {skipped['reason']}: {skipped['explanation']}" for skipped in report["skipped"]]
    if report["notes"]:
        lines.append(f"with notes: {len(report['notes'])}")
    lines += [f"  {name}: {note}" for name, notes in report["notes"].items() for note in notes]
    return "\n".join(lines)


def _write_report(directory: Path, report: Mapping[str, Any]) -> None:
    (directory / REPORT_FILE).write_text(json.dumps(report, indent=1), encoding="utf-8")
