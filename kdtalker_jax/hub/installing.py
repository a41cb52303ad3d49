"""Fetches models into the user's cache: published files, which are converted, and directories that somebody uploaded.

A model has its name in the cache once it is whole, has been looked at and is pinned. Any number of
processes may ask for the same one.
"""

import errno
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import click

from kdtalker_jax.checkpoints import CONFIG_FILE, LANDMARKS_FILE, SLIDERS_FILE, move_into_place
from kdtalker_jax.checkpoints.landmarks import may_be_read
from kdtalker_jax.errors import CheckpointError, KDTalkerError, OutputError
from kdtalker_jax.hub.cache import (
    Lock,
    Pin,
    change_lock,
    locked,
    model_folder,
    models_folder,
    no_room,
    read_lock,
    writing_cache,
)
from kdtalker_jax.hub.client import MAIN, Listing, RemoteFile, fetch, forget, is_downloaded
from kdtalker_jax.hub.inspection import check_listed, inspect, parts_of
from kdtalker_jax.hub.licences import accept
from kdtalker_jax.hub.pinning import Finder, size_in_words
from kdtalker_jax.hub.registry import PublishedFile, PublishedModel
from kdtalker_jax.sums import sha256
from kdtalker_jax.unfinished import in_one_go, unfinished_folder

Fetched = dict[str, tuple[Path, Pin]]  # by their names in the model: where files are, and their pins


def install_published(model: PublishedModel, *, accept_licence: bool = False, upgrade: bool = False) -> Path:
    """The directory of a published model; fetched and converted where it is not in the cache.

    Args:
        model: from the registry.
        accept_licence: its licences are accepted, nobody need be asked.
        upgrade: take what the hub has today in place of what is here and pinned.

    Raises:
        InputError: the licences were not accepted. CheckpointError: the hub has no such files, cannot be reached, or
            what it gives is damaged, of other sizes or not what is pinned. OutputError: the cache cannot be written.
            In all cases the model is what it was before.
    """
    place = model_folder(model.name)
    if not upgrade and _is_there(place):
        return place
    with locked(model.name, lambda: _say_waiting(model.name)):
        if not upgrade and _is_there(place):  # another process has fetched it meanwhile
            return place
        finder = Finder(model.name, {} if upgrade else read_lock().pins.get(model.name, {}))
        wanted = [file for file in model.files if not _is_at_hand(file)]
        found = {file.file: (file, finder.find(file, MAIN)) for file in wanted}
        remote = {name: at for name, (_, at) in found.items() if at}
        licences = tuple(dict.fromkeys(file.licence for file, at in found.values() if at))
        summary = _summary(model.name, model.about, {n: (at, found[n][0].licence) for n, at in remote.items()})
        accept(model.name, licences, summary, accepted=accept_licence)
        known = {file.file: file.sha256 for file in model.files}
        fetched = _fetch_all(finder, remote, known, converts=True)
        _convert(model, fetched, place)
    return place


def install_uploaded(
    name: str, repository: str, revision: str, *, accept_licence: bool = False, upgrade: bool = False
) -> Path:
    """The directory of a converted model that somebody has uploaded. Arguments and errors as above.

    Nothing of it is believed: see `inspection`.
    """
    place = model_folder(name)
    if not upgrade and _is_there(place):
        return place
    with locked(name, lambda: _say_waiting(name)):
        if not upgrade and _is_there(place):
            return place
        finder = Finder(name, {} if upgrade else read_lock().pins.get(name, {}))
        listing = finder.listing(repository, revision)
        described = listing.files.get(CONFIG_FILE)
        if described is None:
            raise CheckpointError(
                f"{repository} is no converted model (no {CONFIG_FILE} in it): such a one is made by 'python -m "
                "pipelines.models push'."
            )
        check_listed(repository, {CONFIG_FILE: described}, {})
        config, described_pin = fetch(described)
        wanted = _wanted(listing, config)
        licence = f"{listing.licence or 'not named'} (by the card of {repository})"
        before = read_lock().licences.get(name)
        licences = before if finder.is_offline and before else (licence,)  # offline nobody can look at the card
        summary = _summary(name, "a converted model", {path: (at, licence) for path, at in wanted.items()})
        accept(name, licences, summary, accepted=accept_licence)
        fetched = _fetch_all(finder, wanted, {}, converts=False)
        fetched[CONFIG_FILE] = config, finder.check(CONFIG_FILE, described, described_pin)
        _assemble(name, fetched, place)
    return place


def _is_there(place: Path) -> bool:
    return (place / CONFIG_FILE).is_file()


def _is_at_hand(file: PublishedFile) -> bool:
    """Whether the package that serves models without a file of their own has the very same."""
    from kdtalker_jax.faces.detector import find_packaged  # with OpenCV, which a model that is here already needs not

    packaged = None if file.needed else find_packaged(Path(file.file).name)
    return packaged is not None and sha256(packaged) == file.sha256


def _say_waiting(name: str) -> None:
    click.echo(f"Waiting for another process, which is fetching {name}.", err=True)


def _wanted(listing: Listing, config: Path) -> dict[str, RemoteFile]:
    """The files of a model's parts, by their paths; whatever else was uploaded is left there."""
    shapes = parts_of(config, listing.repository)
    files = {
        path: file
        for path, file in listing.files.items()
        if path.startswith("networks/") and path.split("/")[1] in shapes
    }
    landmarks = listing.files.get(LANDMARKS_FILE)
    if landmarks and landmarks.sha256 and may_be_read(landmarks.sha256):
        files[LANDMARKS_FILE] = landmarks
    if SLIDERS_FILE in listing.files:
        files[SLIDERS_FILE] = listing.files[SLIDERS_FILE]
    check_listed(listing.repository, files, shapes)
    return files


def _summary(name: str, about: str, files: Mapping[str, tuple[RemoteFile, str]]) -> str:
    """What is to be fetched, from where and under which licence, in some lines."""
    groups: dict[tuple[str, str], list[RemoteFile]] = {}
    for file, licence in files.values():
        groups.setdefault((file.repository, licence), []).append(file)
    lines = [
        f"  {size_in_words(sum(file.size for file in group))} of {repository} at {group[0].commit[:8]}: {licence}"
        for (repository, licence), group in groups.items()
    ]
    remote = [file for file, _ in files.values()]
    missing = sum(file.size for file in remote if not is_downloaded(file))
    total = sum(file.size for file in remote)
    here = "" if missing == total else f", of which {size_in_words(total - missing)} are here"
    return "\n".join([f"{name}, {about}: {size_in_words(total)} to fetch{here}.", *lines])


def _fetch_all(
    finder: Finder, files: Mapping[str, RemoteFile], known: Mapping[str, str | None], *, converts: bool
) -> Fetched:
    """Where the files are, and what to pin them to."""
    _check_room(files.values(), converts=converts)
    fetched = {}
    for name, file in files.items():
        path, found = fetch(file)
        if known.get(name) not in (None, found):
            raise CheckpointError(
                f"{file} is not the file that is known by that name (its SHA-256 is {found}): do not use it; files "
                "that you trust are converted by 'python -m convert.official'."
            )
        fetched[name] = path, finder.check(name, file, found)
    return fetched


def _check_room(files: Collection[RemoteFile], *, converts: bool) -> None:
    """For the downloads, and on the disk of the cache of models for what is made of them.

    Links to downloads take none. What is converted is taken to be half as large as its files, which may hold what only
    a training needs: nobody is refused who has room.
    """
    from huggingface_hub import constants

    total = sum(file.size for file in files)
    missing = sum(file.size for file in files if not is_downloaded(file))
    downloads, models = Path(constants.HF_HUB_CACHE).absolute(), models_folder()
    one_disk = _existing(downloads).stat().st_dev == _existing(models).stat().st_dev
    made = (0 if one_disk else total) + (total // 2 if converts else 0)
    for folder, size in ((downloads, missing), (models, made + missing * one_disk)):
        if shutil.disk_usage(_existing(folder)).free < size:
            raise no_room(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _convert(model: PublishedModel, fetched: Fetched, place: Path) -> None:
    with writing_cache(), unfinished_folder(place) as source, unfinished_folder(place) as made:
        for name, (path, _) in fetched.items():
            _put(path, source / name)
        try:
            model.convert(source, made)
        except OutputError as error:
            raise OutputError(str(error).replace(str(made), str(place))) from error
        except CheckpointError as error:
            for name, (path, _) in fetched.items():  # whichever it was: next time it is downloaded again
                if str(source / name) in str(error):
                    forget(path)
            raise CheckpointError(str(error).replace(f"{source}/", f"{model.name}: ")) from error
        _give_name(model.name, made, place, fetched)


def _assemble(name: str, fetched: Fetched, place: Path) -> None:
    with writing_cache(), unfinished_folder(place) as folder:
        for file, (path, _) in fetched.items():
            _put(path, folder / file)
        try:
            inspect(folder)
        except KDTalkerError as error:
            why = str(error).replace(str(folder), "its copy here")
            raise CheckpointError(f"{place.name} is not used, for it is damaged or worse: {why}") from error
        _give_name(name, folder, place, fetched)


def _give_name(name: str, folder: Path, place: Path, fetched: Fetched) -> None:
    """Pins come first: a model that is there is not asked about again, and would stay without."""
    before = read_lock().pins.get(name, {})
    _pin(name, {file: pin for file, (_, pin) in fetched.items()})
    try:
        with in_one_go():
            move_into_place(folder, place)
    except BaseException:
        _pin(name, before)
        raise


def _put(download: Path, place: Path) -> None:
    """A download under another name: a hard link, or a copy where there are none."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(download.resolve(), place)
    except OSError:
        shutil.copyfile(download, place)


def _pin(name: str, pins: Mapping[str, Pin]) -> None:
    def change(lock: Lock) -> None:
        others = {other: of_it for other, of_it in lock.pins.items() if other != name}
        lock.pins = others | ({name: dict(pins)} if pins else {})

    change_lock(change)
