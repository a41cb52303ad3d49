"""Converted checkpoints on disk: one Orbax tree per network and a `config.json`.

    DIR/config.json                     format version, sizes, statistics, the parts that are there and their sources
    DIR/networks/<name>/                variables of one network as trained: params, batch_stats, spectral
    DIR/shape_predictor_68_face_landmarks.dat      if it was given

A directory is built beside its destination and moved there when complete: whatever has the final name is whole.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from kdtalker_jax.checkpoints.trees import UnknownSettingError, from_json, read_tree
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.model_config import ModelConfig

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
class Checkpoint:
    """A converted checkpoint. Parameters are read when asked for."""

    directory: Path
    config: ModelConfig
    parts: Mapping[str, Source | None]  # None: trained here, not converted

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for name in PARTS if name not in self.parts)

    @property
    def landmarks(self) -> Path | None:
        """The 68-landmark predictor, if the checkpoint carries it."""
        path = self.directory / LANDMARKS_FILE
        return path if path.is_file() else None

    def require(self, *names: str) -> None:
        """Raises CheckpointError that names the parts of `names` that are lacking, and how to convert them."""
        lacking = [name for name in names if name not in self.parts]
        if lacking:
            only = "".join(f" --only {name}" for name in lacking)
            raise CheckpointError(
                f"{self.directory} lacks {', '.join(lacking)}: add with '{HOW_TO_CONVERT} {self.directory}{only}'"
            )

    def variables(self, name: str) -> dict[str, Any]:
        """The variables of one network with `folded=False`, as NumPy arrays: params and, where it has them, batch_stats
        and spectral.

        Raises:
            CheckpointError: the part is lacking or damaged.
        """
        self.require(name)
        try:
            return read_tree(_part(self.directory, name))
        except Exception as error:  # Orbax and its storage raise many kinds
            raise CheckpointError(
                f"{self.directory} is damaged: {name} cannot be read; convert it again with --overwrite"
            ) from error


def load_checkpoint(directory: str | Path) -> Checkpoint:
    """Opens a directory that `convert.official` or `save_checkpoint` wrote. Reads no parameters yet.

    Raises:
        CheckpointError: it does not exist, is no checkpoint, is damaged or of a newer format or version.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    if not path.is_file():
        state = "is not a converted checkpoint (no config.json in it)" if directory.exists() else "does not exist"
        raise CheckpointError(f"{directory} {state}: convert the published files with '{HOW_TO_CONVERT} {directory}'")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["format"]
        if version > FORMAT:
            raise CheckpointError(
                f"{directory} has format {version}, newer than this program's {FORMAT}: update kdtalker_jax"
            )
        config = from_json(ModelConfig, content["model"])
        parts = {name: source and Source(**source) for name, source in content["parts"].items()}
    except UnknownSettingError as error:
        raise CheckpointError(f"{path} was written by another version ({error}): update kdtalker_jax") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): convert the published files again") from error
    gone = [name for name in parts if name not in ALL_PARTS or not _part(directory, name).is_dir()]
    if gone:
        raise CheckpointError(f"{directory} is damaged: {', '.join(gone)} is named in {CONFIG_FILE} but not there")
    return Checkpoint(directory, config, parts)


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

    def __init__(self, directory: Path, parts: Mapping[str, Source | None]) -> None:
        self.directory = directory
        self.parts = dict(parts)

    def add(self, name: str, variables: Variables, source: Source | None = None) -> None:
        """Writes one network's variables, as trained (`folded=False`)."""
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(_part(self.directory, name), jax.tree.map(np.asarray, dict(variables)))
        except (OSError, ValueError) as error:
            raise OutputError(f"{name} cannot be written to {self.directory.parent} ({error})") from error
        self.parts[name] = source

    def add_landmarks(self, path: Path) -> None:
        shutil.copyfile(path, self.directory / LANDMARKS_FILE)


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
    staging = directory.with_name(f".{directory.name}.{os.getpid()}.unfinished")
    try:
        staging.mkdir(parents=True)
        if kept is not None:
            _link_files(directory, staging, without=names)
        writer = CheckpointWriter(staging, kept or {})
        yield writer
        _write_config(staging, config, writer.parts)
        _move_into_place(staging, directory)
    except OSError as error:
        raise OutputError(f"{directory} cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _kept_parts(
    directory: Path, config: ModelConfig, names: Collection[str], overwrite: bool
) -> dict[str, Source | None] | None:
    """The parts of an existing checkpoint that stay beside the new ones; None if there is no checkpoint yet."""
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
    return kept


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


def _write_config(directory: Path, config: ModelConfig, parts: Mapping[str, Source | None]) -> None:
    content = {
        "format": FORMAT,
        "model": dataclasses.asdict(config),
        "parts": {name: parts[name] and dataclasses.asdict(parts[name]) for name in ALL_PARTS if name in parts},
        "lacking": [name for name in PARTS if name not in parts],
    }
    path = directory / CONFIG_FILE
    path.unlink(missing_ok=True)  # it may be a hard link to the one of the checkpoint that is being extended
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _move_into_place(staging: Path, directory: Path) -> None:
    if not directory.exists():
        staging.rename(directory)
        return
    old = staging.with_suffix(".old")
    directory.rename(old)
    try:
        staging.rename(directory)
    except OSError:
        old.rename(directory)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _part(directory: Path, name: str) -> Path:
    return directory / "networks" / name
