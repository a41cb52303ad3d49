"""Published models that have a name here: their files, where those are, and under which licence.

Systems name theirs (`System.published`); the tables are in `configs/published.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdtalker_jax.systems import all_systems, resolve


@dataclass(frozen=True)
class Place:
    """A file of a repository on the hub, by its path there."""

    repository: str
    path: str


@dataclass(frozen=True)
class PublishedFile:
    """One file of a published model.

    Attributes:
        file: its path in the tree that the converter reads.
        places: that it may be fetched from, the first that has it.
        licence: in a few words.
        megabytes: about; the hub gives the size before anything is fetched. 0: not known.
        sha256: where it is known beforehand; else it is pinned when the file is first fetched.
        needed: False for one that is left out where nobody has it, or nobody the one that is known.
    """

    file: str
    places: tuple[Place, ...]
    licence: str
    megabytes: int = 0
    sha256: str | None = None
    needed: bool = True


@dataclass(frozen=True)
class PublishedModel:
    """A model, or a part that other models are used with, as its authors publish it.

    Attributes:
        name: by which it is asked for.
        about: what it is, in one line.
        files: all that are needed.
        parts: that are made of them.
        system: whose parts they are.
        config: their sizes, by the name that the system gives them.
        converter: function (folder, out, parts, config, overwrite, system) that makes a model directory of the files,
            as "module:NAME", for it is outside the library.
    """

    name: str
    about: str
    files: tuple[PublishedFile, ...]
    parts: tuple[str, ...]
    system: str = "kdtalker"
    config: str = "published"
    converter: str = "convert.official:convert"

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.licence for file in self.files))

    @property
    def repositories(self) -> tuple[str, ...]:
        """Those that files may come from."""
        return tuple(dict.fromkeys(place.repository for file in self.files for place in file.places))

    def convert(self, source: Path, out: Path) -> None:
        """Makes the model directory `out`, or leaves it as it was. Raises CheckpointError, OutputError."""
        converter: Callable[..., Any] = resolve(self.converter)
        converter(source, out, self.parts, self.config, True, self.system)


_REGISTERED: dict[str, PublishedModel] = {}


def register(model: PublishedModel) -> None:
    """Makes a published model known in this process, under its name, before any other of that name."""
    _REGISTERED[model.name] = model


def published_models() -> Iterator[PublishedModel]:
    """All that are known."""
    tables = [resolve(system.published) for system in all_systems() if system.published]
    yield from ({model.name: model for table in tables for model in table} | _REGISTERED).values()


def find_published(name: str) -> PublishedModel | None:
    return next((model for model in published_models() if model.name == name), None)
