"""Writing models. A directory is built beside its destination and moved there when complete: whatever has the final
name is whole."""

import dataclasses
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import jax
import numpy as np

from kdtalker_jax.checkpoints.converted import (
    Base,
    Checkpoint,
    Origin,
    OwnSliders,
    Sums,
    Variables,
    file_sum,
    load_checkpoint,
    part_folder,
)
from kdtalker_jax.checkpoints.fit import fit_sum, misfit
from kdtalker_jax.checkpoints.formats import CONFIG_FILE, FORMAT, LANDMARKS_FILE, SLIDERS_FILE
from kdtalker_jax.checkpoints.trees import layout_of, sum_of
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import disagreement, find_system, resolve
from kdtalker_jax.unfinished import in_one_go, unfinished_folder


def save_checkpoint(
    directory: str | Path,
    networks: Mapping[str, Variables],
    config: ModelConfig,
    *,
    overwrite: bool = False,
    based_on: str | Path | None = None,
) -> None:
    """Writes networks trained here; parts that the directory has already and that are not among them are kept.

    Args:
        directory: of the model.
        networks: the variables of each, with `folded=False`.
        config: of the model.
        overwrite: whether parts may be replaced.
        based_on: another model, from which all other parts of the system that it has are taken, and not copied: it has
            to stay where it is, seen from `directory`, and as it is.

    Raises:
        OutputError: the directory cannot be written, holds something else, or has these parts and not `overwrite`.
        CheckpointError: a network is not of its sizes, or the other model has parts of other sizes.
    """
    with checkpoint_writer(directory, config, networks, overwrite=overwrite) as writer:
        for name, variables in networks.items():
            writer.add(name, variables)
        if based_on is not None:
            others = [name for name in find_system(config.system).parts if name not in writer.parts]
            writer.base = _base(Path(directory), Path(based_on), config, others)


def combine_models(
    out: str | Path,
    system: str,
    models: Sequence[str | Path],
    *,
    based_on: str | Path | None = None,
    overwrite: bool = False,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Writes a model of a system with the networks that others have for it, each from the first that has it.

    All else that a model needs is as in the system's first configuration. Networks that `based_on` has just so are not
    copied: they are taken from there, as by `save_checkpoint`.

    Returns:
        The names of its parts, and of those that it lacks.

    Raises:
        CheckpointError: there is no such system or model, none has a network for it, or networks do not fit together.
        OutputError: as `save_checkpoint`.
    """
    known, others = find_system(system), [load_checkpoint(model) for model in models]
    takes = {name: next((other for other in others if name in other.available), None) for name in known.parts}
    takes = {name: other for name, other in takes.items() if other is not None}
    if not takes:
        raise CheckpointError(f"{', '.join(map(str, models))} have no networks of the system {system}: name others.")
    first = next(iter(resolve(known.configs).values()))
    sections = dict(first.without(*known.optional).sections)
    sections |= {name: other.config.sections[name] for name, other in takes.items()}
    for family in known.members:  # what a family is set to comes with its networks
        givers = [takes[part.name] for part in family.parts if part.name in takes]
        given = givers[0].config.sections if givers else {}  # of another system, which may be set to other things
        sections |= {setting: given[setting] for setting in family.settings if setting in given}
    config = ModelConfig(others[0].config.name, system, sections)
    if problem := disagreement(config, list(takes)):
        raise CheckpointError(f"The networks of these models do not fit together ({problem}).")
    there = load_checkpoint(based_on).sums if based_on else {}
    shared = [name for name, other in takes.items() if name in there and other.has({name: there[name].values})]
    copied = {name: other for name, other in takes.items() if name not in shared}
    with checkpoint_writer(out, config, list(copied), overwrite=overwrite) as writer:
        for name, other in copied.items():
            writer.add(name, other.variables(name), other.origin(name))
        if based_on:
            writer.base = _base(Path(out), Path(based_on), config, shared)
        if landmarks := next((other.landmarks for other in others if other.landmarks), None):
            writer.add_landmarks(landmarks)
        for other in others:  # sliders are of the networks that they were found with
            if (found := other.sliders_file) and all(copied.get(name) is other for name in found[1].parts):
                writer.copy_sliders(*found)
                break
    return tuple(takes), tuple(name for name in known.required if name not in takes)


class CheckpointWriter:
    """Collects the parts of a checkpoint in a directory that is not yet in its place."""

    def __init__(self, directory: Path, kept: Checkpoint) -> None:
        self.directory = directory
        self.config = kept.config
        self.parts, self.sums, self.landmarks_sum = dict(kept.parts), dict(kept.sums), kept.landmarks_sum
        self.base, self.own_sliders = kept.base, kept.own_sliders

    def add(self, name: str, variables: Variables, origin: Origin | None = None) -> None:
        """Writes one network's variables, as trained (`folded=False`).

        Raises:
            CheckpointError: they are not those of the network's sizes. OutputError: they cannot be written.
        """
        import orbax.checkpoint as ocp  # takes half a second

        variables = jax.tree.map(np.asarray, dict(variables))
        system, layout = find_system(self.config.system), layout_of(variables)
        part = system.parts[name]
        if problem := misfit(part, self.config, layout, system.known_fits):
            raise CheckpointError(f"{name} is not of the sizes of the model {self.config.name}: {problem}")
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(part_folder(self.directory, name), variables)
        except (OSError, ValueError) as error:
            raise OutputError(f"{name} cannot be written to {self.directory.parent} ({error})") from error
        self.parts[name] = origin
        self.sums[name] = Sums(fit_sum(part, self.config, layout), sum_of(variables))

    def add_landmarks(self, path: Path) -> None:
        place = self.directory / LANDMARKS_FILE
        place.unlink(missing_ok=True)  # it may be a hard link to the one of the checkpoint that is being extended
        shutil.copyfile(path, place)
        self.landmarks_sum = file_sum(place)

    def add_sliders(self, directions: Mapping[str, np.ndarray], parts: Collection[str]) -> None:
        """Writes directions (`edits.directions`) that were found with these parts, which are there already."""
        from kdtalker_jax.edits.directions import write_directions

        place = self.directory / SLIDERS_FILE
        place.unlink(missing_ok=True)  # as in `add_landmarks`
        write_directions(place, directions)
        self.own_sliders = OwnSliders(file_sum(place), {name: self.sums[name].values for name in parts})

    def copy_sliders(self, path: Path, found_with: OwnSliders) -> None:
        """Those of another model; they stay where the parts are the same."""
        place = self.directory / SLIDERS_FILE
        place.unlink(missing_ok=True)
        shutil.copyfile(path, place)
        self.own_sliders = found_with

    def drop_stale_sliders(self) -> None:
        """Those that were found with other parts: with these they are none."""
        own = self.own_sliders
        if own and any(name not in self.sums or self.sums[name].values != sum for name, sum in own.parts.items()):
            self.own_sliders = None
            (self.directory / SLIDERS_FILE).unlink(missing_ok=True)


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
            writer.drop_stale_sliders()
            _write_config(writer)
            with in_one_go():
                move_into_place(staging, directory)
    except OSError as error:
        raise OutputError(f"{directory} cannot be written ({error.strerror or error})") from error


def _base(directory: Path, other: Path, config: ModelConfig, names: Collection[str]) -> Base:
    """With those of these parts that the other model has; checked here, so that what is written can be read."""
    present = load_checkpoint(other)
    if present.base:
        raise CheckpointError(f"{other} takes parts from yet another model: name that one as the base instead")
    taken = [name for name in names if name in present.parts and name in config.sections]
    for name in taken:
        if present.config.sections.get(name) != config.sections[name]:
            raise CheckpointError(f"{other} has a {name} of other sizes than the model {config.name}")
        if name not in present.sums:
            raise CheckpointError(f"{other} was written without sums: copy its parts into a new model first")
    place = os.path.relpath(other.resolve(), directory.resolve())
    return Base(place, {name: present.sums[name].values for name in taken})


def _kept_parts(directory: Path, config: ModelConfig, names: Collection[str], overwrite: bool) -> Checkpoint | None:
    """What stays of an existing checkpoint beside the new parts; None if there is no checkpoint yet."""
    known = find_system(config.system).parts
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"unknown parts {unknown}; there are {tuple(known)}")
    if directory.is_file():
        raise OutputError(f"{directory} is a file, not a folder")
    if not directory.exists() or not any(directory.iterdir()):
        return None
    if not (directory / CONFIG_FILE).is_file():
        raise OutputError(f"{directory} exists and is not a checkpoint: name another folder")
    present = load_checkpoint(directory)
    again = [name for name in names if name in present.parts]
    if again and not overwrite:
        raise OutputError(f"{directory} has {', '.join(again)} already: replace with `overwrite=True`")
    kept = {name: origin for name, origin in present.parts.items() if name not in names}
    if kept and present.config != config:
        raise OutputError(f"{directory} holds {', '.join(kept)} of a model of other sizes: name another folder")
    sums = {name: sums for name, sums in present.sums.items() if name in kept}
    old, new, base = present.config.sections, config.sections, present.base
    if base and any(old.get(name) != new.get(name) for name in base.parts):
        base = None  # nothing is kept, and this is another model, which those parts do not fit
    return Checkpoint(directory, config, kept, sums, present.landmarks_sum, base, present.own_sliders)


def _link_files(directory: Path, staging: Path, without: Collection[str]) -> None:
    """Hard links (copies where the file system has none) of everything but the parts that are written anew."""
    replaced = {part_folder(directory, name) for name in without}

    def ignore(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(folder) / name in replaced}

    def link(source: str, destination: str) -> None:
        try:
            os.link(source, destination)
        except OSError:
            shutil.copy2(source, destination)

    shutil.copytree(directory, staging, ignore=ignore, copy_function=link, dirs_exist_ok=True, symlinks=True)


def _write_config(writer: CheckpointWriter) -> None:
    config, system = writer.config, find_system(writer.config.system)
    in_base = writer.base.parts if writer.base else {}
    content = {
        "format": FORMAT,
        "system": config.system,
        "name": config.name,
        "model": {name: dataclasses.asdict(section) for name, section in config.sections.items()},
        "parts": _as_dicts({name: writer.parts[name] for name in system.parts if name in writer.parts}),
        "lacking": [name for name in system.required if name not in writer.parts and name not in in_base],
        "sums": _as_dicts({name: writer.sums[name] for name in system.parts if name in writer.sums}),
        "landmarks": writer.landmarks_sum,
        "based_on": writer.base and dataclasses.asdict(writer.base),
        "sliders": writer.own_sliders and dataclasses.asdict(writer.own_sliders),
    }
    path = writer.directory / CONFIG_FILE
    path.unlink(missing_ok=True)  # it may be a hard link to the one of the checkpoint that is being extended
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _as_dicts(records: Mapping[str, Origin | Sums | None]) -> dict[str, dict | None]:
    return {name: record and dataclasses.asdict(record) for name, record in records.items()}


def move_into_place(staging: Path, directory: Path) -> None:
    """Gives a whole directory, that of an `unfinished_folder` beside, its name; what had it before goes with that."""
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
    with suppress(OSError):
        old.rename(staging)  # goes at the end of its block, or if this process dies now by the next one beside
