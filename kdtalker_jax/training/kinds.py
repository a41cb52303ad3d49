"""Kinds of training, each registered once: the loop, runs on disk and command lines know no other names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.systems import all_systems, resolve


@dataclass(frozen=True)
class Kind:
    """One kind of training.

    Attributes:
        name: in run.json, and of `pipelines.train`.
        config: frozen dataclass of its settings.
        recipes: "module:NAME" of configurations by name, the default first.
        train: "module:NAME" of (config, data, workdir, *, init, report, progress) -> `loop.Outcome`.
        export: "module:NAME" of (run, base, out, *, which, raw, overwrite) -> sentence: writes a model with what a run
            has trained, and all else from the model `base`, which may be None where that is all there is. None: it
            fits no other model.
        memory: "module:NAME" of (config, report), which tells what a step needs of each device's memory, where it can.
        fit: "module:NAME" of (recipe, data, init) -> recipe, with the sizes that the first parameters `init`, or else
            the data set, dictate; None where a recipe names all of them.
        next_stage: the kind that goes on where this one ends: `--stage 2` of `pipelines.train`.
        found: dataclass of what a run finds out before its first step and goes on with, by name; where older runs lack
            one, all its fields are `records.added`.
    """

    name: str
    config: type
    recipes: str
    train: str
    export: str | None
    memory: str | None = None
    fit: str | None = None
    next_stage: str | None = None
    found: Mapping[str, type] = field(default_factory=dict)


def all_kinds() -> Iterator[Kind]:
    """Of all systems that are known."""
    for system in all_systems():
        yield from map(resolve, system.trainings)


def find_kind(name: str) -> Kind:
    """Raises InputError where there is none of this name."""
    kinds = {kind.name: kind for kind in all_kinds()}
    if name not in kinds:
        raise InputError(f"There is no training of a {name!r}: there are {', '.join(kinds)}.")
    return kinds[name]


def at_stage(kind: Kind, stage: int) -> Kind:
    """The kind that is stage `stage`, from 1, of a training that begins with a kind. Raises InputError."""
    found = kind
    for _ in range(1, stage):
        if found.next_stage is None:
            raise InputError(f"The training of a {kind.name} has no stage {stage}.")
        found = find_kind(found.next_stage)
    return found


def kind_of_run(name: str, where: Any) -> Kind:
    """`find_kind` for the run in a folder. Raises CheckpointError."""
    try:
        return find_kind(name)
    except InputError:
        raise CheckpointError(
            f"{where} is of a {name!r}, which this version does not train: update kdtalker_jax"
        ) from None
