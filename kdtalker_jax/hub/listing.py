"""What is in the user's cache of models: listed, checked, removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kdtalker_jax import demo
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError
from kdtalker_jax.hub.cache import Lock, locked, model_folder, present_models, read_lock, writing_cache
from kdtalker_jax.hub.inspection import inspect
from kdtalker_jax.hub.names import HUB
from kdtalker_jax.hub.registry import PublishedModel, published_models
from kdtalker_jax.unfinished import unfinished_folder


@dataclass(frozen=True)
class Entry:
    """A model that can be asked for.

    Attributes:
        directory: None where it has not been fetched.
        size: bytes on disk; where it is not here, about what is fetched.
        licences, origins: of its files; origins as repository@revision.
    """

    name: str
    about: str
    directory: Path | None
    size: int
    licences: tuple[str, ...]
    origins: tuple[str, ...]


def entries() -> Iterator[Entry]:
    """The models of the package, those that can be fetched by name, and all that are in the cache."""
    lock, present = read_lock(), present_models()
    for name, directory in demo.MODELS.items():
        yield Entry(name, "learnt from drawings alone", directory, _size(directory), ("Apache-2.0",), ("this package",))
    for model in published_models():
        yield _published(model, present.pop(model.name, None), lock)
    for name, directory in present.items():
        yield Entry(
            name, "uploaded by somebody", directory, _size(directory), lock.licences.get(name, ()), _origins(lock, name)
        )


def _published(model: PublishedModel, directory: Path | None, lock: Lock) -> Entry:
    size = _size(directory) if directory else sum(file.megabytes for file in model.files) * 10**6
    origins = _origins(lock, model.name) or model.repositories
    return Entry(model.name, model.about, directory, size, model.licences, origins)


def verify(name: str) -> Path:
    """Reads a whole model again: all arrays, against sums, sizes and what was pinned.

    Args:
        name: of a model in the cache or the package, or a directory.

    Raises:
        InputError: there is no such model here. CheckpointError: it is damaged.
    """
    directory = _directory(name)
    try:
        inspect(directory)
        _check_origins(name, directory)
    except CheckpointError as error:
        raise CheckpointError(with_remedy(name, error)) from error
    return directory


def with_remedy(name: str, error: KDTalkerError) -> str:
    """What is wrong with a model, and where it is in the cache, how to have it anew."""
    if name not in present_models():
        return str(error)
    return f"{str(error).rstrip('.')}; 'python -m pipelines.models remove {name}', then fetch it again."


def _check_origins(name: str, directory: Path) -> None:
    """That the parts were converted from the files that were pinned."""
    pins = read_lock().pins.get(name, {})
    for part, origin in load_checkpoint(directory).parts.items():
        if origin and origin.file in pins and pins[origin.file].sha256 != origin.sha256:
            raise CheckpointError(f"{directory} has a {part} of another file than the one that was fetched")


def remove(name: str, *, downloads: bool = False) -> int:
    """Removes a model from the cache; what it was pinned to is remembered.

    Args:
        downloads: also what it was made of, from huggingface_hub's cache, which other programs may use too.

    Returns:
        The bytes that have become free.

    Raises:
        InputError: it is not in the cache. OutputError: the cache cannot be written.
    """
    if name in demo.MODELS:
        raise InputError(f"{name} comes with the package and stays there.")
    directory, freed = model_folder(name), 0
    if name not in present_models() and not (downloads and name in read_lock().pins):
        raise InputError(f"{name} is not in the cache: 'python -m pipelines.models list' shows what is.")
    with locked(name):
        if name in present_models():
            freed = _size(directory)
            with writing_cache(), unfinished_folder(directory) as folder:
                directory.rename(folder / "removed")  # nobody sees half of it
        return freed + (_remove_downloads(name) if downloads else 0)


def _remove_downloads(name: str) -> int:
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    commits = {pin.commit for pin in read_lock().pins.get(name, {}).values()}
    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return 0
    there = {revision.commit_hash for repository in cache.repos for revision in repository.revisions}
    strategy = cache.delete_revisions(*(commits & there))
    strategy.execute()
    return strategy.expected_freed_size


def _directory(name: str) -> Path:
    present = {**demo.MODELS, **present_models()}
    if name in present:
        return present[name]
    if name.startswith(HUB) or any(model.name == name for model in published_models()):
        raise InputError(f"{name} is not in the cache: fetch it with 'python -m pipelines.models fetch {name}'.")
    return Path(name)


def _origins(lock: Lock, name: str) -> tuple[str, ...]:
    pins = lock.pins.get(name, {}).values()
    return tuple(dict.fromkeys(f"{pin.repository}@{pin.commit[:8]}" for pin in pins))


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
