"""Converted checkpoints on disk: one Orbax tree per network and a `config.json`.

    DIR/config.json                     format version, sizes, statistics, the parts that are there, sources and sums
    DIR/networks/<name>/                variables of one network as trained: params, batch_stats, spectral
    DIR/shape_predictor_68_face_landmarks.dat      if it was given

A directory is built beside its destination and moved there when complete: whatever has the final name is whole.
"""

import dataclasses
import json
import os
import shutil
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from configs.networks import ModelConfig
from kdtalker_jax.checkpoints.fit import fit_sum, misfit
from kdtalker_jax.checkpoints.trees import fault_of, layout_of, read_layout, read_tree, sum_of
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.records import UnknownSettingError, from_json, read_json
from kdtalker_jax.unfinished import in_one_go, unfinished_folder

FORMAT = 1
CONFIG_FILE = "config.json"
LANDMARKS_FILE = "shape_predictor_68_face_landmarks.dat"
PARTS = ("appearance", "motion_extractor", "warping", "generator", "retargeting", "audio_encoder", "denoiser")
OPTIONAL_PARTS = ("syncnet",)  # judges videos: a checkpoint is complete without
ALL_PARTS = PARTS + OPTIONAL_PARTS
HOW_TO_CONVERT = "python -m convert.official --source DOWNLOADS --out"

Variables = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Source:
    """The file that a part was converted from."""

    file: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Sums:
    """Of a part when it was written: damage since then shows."""

    fit: str  # see `fit.fit_sum`
    values: str  # see `trees.sum_of`


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A converted checkpoint. Parameters are read when asked for."""

    directory: Path
    config: ModelConfig
    parts: Mapping[str, Source | None]  # None: trained here, not converted
    sums: Mapping[str, Sums] = dataclasses.field(default_factory=dict)  # some checkpoints have been written without
    landmarks_sum: str | None = None

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for name in PARTS if name not in self.parts)

    @property
    def landmarks(self) -> Path | None:
        """The 68-landmark predictor, if the checkpoint carries it. Raises CheckpointError where it is damaged."""
        path = self.directory / LANDMARKS_FILE
        if not path.is_file():
            return None
        if self.landmarks_sum not in (None, _file_sum(path)):
            raise CheckpointError(f"{path} is damaged: copy it again, or delete it to use another predictor")
        return path

    def require(self, *names: str) -> None:
        """Raises CheckpointError that names the parts of `names` that are lacking, and how to convert them; or two of
        them that do not work together.
        """
        lacking = [name for name in names if name not in self.parts]
        if lacking:
            only = "".join(f" --only {name}" for name in lacking)
            raise CheckpointError(
                f"{self.directory} lacks {', '.join(lacking)}: add with '{HOW_TO_CONVERT} {self.directory}{only}'"
            )
        if problem := self.config.disagreement(names):
            path = self.directory / CONFIG_FILE
            raise CheckpointError(f"{path} is damaged: its parts do not fit together ({problem}); copy the model again")

    def variables(self, name: str) -> dict[str, Any]:
        """The variables of one network with `folded=False`, as NumPy arrays: params and, where it has them, batch_stats
        and spectral.

        Raises:
            CheckpointError: the part is lacking or damaged.
        """
        self.require(name)
        folder, sums = _part(self.directory, name), self.sums.get(name)
        try:
            layout = read_layout(folder)
            known = sums and sums.fit == fit_sum(name, self.config, layout)
            fault = None if known else misfit(name, self.config, layout)
            if not fault:
                variables = read_tree(folder)
                fault = fault_of(variables, sums and sums.values)
        except Exception as error:  # Orbax and its storage raise many kinds
            raise self._damaged(name) from error
        if fault:
            raise self._damaged(name, f": {fault}")
        return variables

    def _damaged(self, name: str, why: str = "") -> CheckpointError:
        return CheckpointError(
            f"{self.directory} is damaged: {name} cannot be read{why}; convert it again with --overwrite, or copy the "
            "model again"
        )


def load_checkpoint(directory: str | Path) -> Checkpoint:
    """Opens a directory that `convert.official` or `save_checkpoint` wrote. Reads no parameters yet.

    Raises:
        CheckpointError: it does not exist, is no checkpoint, is damaged or of a newer format or version.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    try:
        if directory.is_file():
            raise CheckpointError(f"{directory} is a file, not the folder of a converted checkpoint")
        if not path.is_file():
            there = directory.exists()
            state = "is not a converted checkpoint (no config.json in it)" if there else "does not exist"
            raise CheckpointError(
                f"{directory} {state}: convert the published files with '{HOW_TO_CONVERT} {directory}'"
            )
        checkpoint = _from_content(directory, read_json(path))
    except UnknownSettingError as error:
        raise CheckpointError(f"{path} was written by another version ({error}): update kdtalker_jax") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}): copy the model or convert the files again") from error
    parts = checkpoint.parts
    gone = [name for name in parts if name not in ALL_PARTS or not _part(directory, name).is_dir()]
    if gone:
        raise CheckpointError(f"{directory} is damaged: {', '.join(gone)} is named in {CONFIG_FILE} but not there")
    return checkpoint


def _from_content(directory: Path, content: Mapping[str, Any]) -> Checkpoint:
    """Raises ValueError where it is damaged, UnknownSettingError and CheckpointError where it is newer."""
    if from_json(int, content.get("format"), "format") > FORMAT:
        raise CheckpointError(
            f"{directory} has format {content['format']}, newer than this program's {FORMAT}: update kdtalker_jax"
        )
    return Checkpoint(
        directory,
        from_json(ModelConfig, content.get("model"), "model"),
        from_json(dict[str, Source | None], content.get("parts"), "parts"),
        from_json(dict[str, Sums], content.get("sums", {}), "sums"),
        from_json(str | None, content.get("landmarks"), "landmarks"),
    )


def save_checkpoint(
    directory: str | Path, networks: Mapping[str, Variables], config: ModelConfig, *, overwrite: bool = False
) -> None:
    """Writes networks trained here; parts that the directory has already and that are not among them are kept.

    Raises:
        OutputError: the directory cannot be written, holds something else, or has these parts and not `overwrite`.
    """
    with checkpoint_writer(directory, config, networks, overwrite=overwrite) as writer:
        for name, variables in networks.items():
            writer.add(name, variables)


class CheckpointWriter:
    """Collects the parts of a checkpoint in a directory that is not yet in its place."""

    def __init__(self, directory: Path, kept: Checkpoint) -> None:
        self.directory = directory
        self.config = kept.config
        self.parts, self.sums, self.landmarks_sum = dict(kept.parts), dict(kept.sums), kept.landmarks_sum

    def add(self, name: str, variables: Variables, source: Source | None = None) -> None:
        """Writes one network's variables, as trained (`folded=False`).

        Raises:
            CheckpointError: they are not those of the network's sizes. OutputError: they cannot be written.
        """
        variables = jax.tree.map(np.asarray, dict(variables))
        layout = layout_of(variables)
        if problem := misfit(name, self.config, layout):
            raise CheckpointError(f"{name} is not of the sizes of the model {self.config.name}: {problem}")
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(_part(self.directory, name), variables)
        except (OSError, ValueError) as error:
            raise OutputError(f"{name} cannot be written to {self.directory.parent} ({error})") from error
        self.parts[name] = source
        self.sums[name] = Sums(fit_sum(name, self.config, layout), sum_of(variables))

    def add_landmarks(self, path: Path) -> None:
        place = self.directory / LANDMARKS_FILE
        place.unlink(missing_ok=True)  # it may be a hard link to the one of the checkpoint that is being extended
        shutil.copyfile(path, place)
        self.landmarks_sum = _file_sum(place)


@contextmanager
def checkpoint_writer(
    directory: str | Path, config: ModelConfig, names: Collection[str], *, overwrite: bool = False
) -> Iterator[CheckpointWriter]:
    """Yields a writer for the parts `names`; on leaving without an error, puts the whole directory in its place.

    Parts and files that the directory has already are kept.

    Raises:
        OutputError: as `save_checkpoint`, before anything is written.
    """
    directory = Path(directory).resolve()
    kept = _kept_parts(directory, config, names, overwrite)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(directory) as staging:
            if kept is not None:
                _link_files(directory, staging, without=names)
            writer = CheckpointWriter(staging, kept or Checkpoint(directory, config, {}))
            yield writer
            _write_config(writer)
            with in_one_go():
                _move_into_place(staging, directory)
    except OSError as error:
        raise OutputError(f"{directory} cannot be written ({error.strerror or error})") from error


def _kept_parts(directory: Path, config: ModelConfig, names: Collection[str], overwrite: bool) -> Checkpoint | None:
    """What stays of an existing checkpoint beside the new parts; None if there is no checkpoint yet."""
    unknown = sorted(set(names) - set(ALL_PARTS))
    if unknown:
        raise ValueError(f"unknown parts {unknown}; there are {ALL_PARTS}")
    if directory.is_file():
        raise OutputError(f"{directory} is a file, not a folder")
    if not directory.exists() or not any(directory.iterdir()):
        return None
    if not (directory / CONFIG_FILE).is_file():
        raise OutputError(f"{directory} exists and is not a checkpoint: name another folder")
    present = load_checkpoint(directory)
    again = [name for name in names if name in present.parts]
    if again and not overwrite:
        raise OutputError(f"{directory} has {', '.join(again)} already: replace with --overwrite")
    kept = {name: source for name, source in present.parts.items() if name not in names}
    if kept and present.config != config:
        raise OutputError(f"{directory} holds {', '.join(kept)} of a model of other sizes: name another folder")
    sums = {name: sums for name, sums in present.sums.items() if name in kept}
    return Checkpoint(directory, config, kept, sums, present.landmarks_sum)


def _link_files(directory: Path, staging: Path, without: Collection[str]) -> None:
    """Hard links (copies where the file system has none) of everything but the parts that are written anew."""
    replaced = {_part(directory, name) for name in without}

    def ignore(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(folder) / name in replaced}

    def link(source: str, destination: str) -> None:
        try:
            os.link(source, destination)
        except OSError:
            shutil.copy2(source, destination)

    shutil.copytree(directory, staging, ignore=ignore, copy_function=link, dirs_exist_ok=True, symlinks=True)


def _write_config(writer: CheckpointWriter) -> None:
    parts, sums = writer.parts, writer.sums
    content = {
        "format": FORMAT,
        "model": dataclasses.asdict(writer.config),
        "parts": {name: parts[name] and dataclasses.asdict(parts[name]) for name in ALL_PARTS if name in parts},
        "lacking": [name for name in PARTS if name not in parts],
        "sums": {name: dataclasses.asdict(sums[name]) for name in ALL_PARTS if name in sums},
        "landmarks": writer.landmarks_sum,
    }
    path = writer.directory / CONFIG_FILE
    path.unlink(missing_ok=True)  # it may be a hard link to the one of the checkpoint that is being extended
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _move_into_place(staging: Path, directory: Path) -> None:
    if not directory.exists():
        staging.rename(directory)
        return
    old = staging.parent.with_suffix(".old")  # beside, where nobody clears it should this process die in between
    directory.rename(old)
    try:
        staging.rename(directory)
    except OSError:
        old.rename(directory)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _part(directory: Path, name: str) -> Path:
    return directory / "networks" / name


def _file_sum(path: Path) -> str:
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return f"{total:08x}"
