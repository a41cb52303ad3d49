"""Which revision of a file is fetched: the one that was fetched first, unless somebody asks for what is there today."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.hub.cache import Pin
from kdtalker_jax.hub.client import AbsentError, Listing, RemoteFile, UnreachableError, list_downloads, list_files
from kdtalker_jax.hub.registry import PublishedFile

UPGRADE = "'python -m pipelines.models fetch {} --upgrade' takes what is there today"


@dataclass
class Finder:
    """Finds files of one model on the hub, or where that cannot be reached among what has been downloaded.

    Attributes:
        name: of the model. pins: of its files, by their names in it; none where it is upgraded.
    """

    name: str
    pins: Mapping[str, Pin] = field(default_factory=dict)
    _listings: dict[tuple[str, str], Listing | CheckpointError] = field(default_factory=dict)
    _unreachable: UnreachableError | None = None  # why downloads were looked at instead

    @property
    def is_offline(self) -> bool:
        """Whether downloads were looked at in place of the hub."""
        return self._unreachable is not None

    @property
    def upgrade(self) -> str:
        return UPGRADE.format(self.name)

    def listing(self, repository: str, revision: str) -> Listing:
        """Of the pinned revision, where there is one. A warning says that the hub has gone on since."""
        commits = {pin.commit for pin in self.pins.values() if pin.repository == repository}
        pinned = next(iter(commits), None)
        if pinned is None:
            return self._list(repository, revision)
        if (repository, pinned) in self._listings:
            return self._list(repository, pinned)
        try:
            newest = self._list(repository, revision)
        except (AbsentError, UnreachableError):  # a branch that is gone; it may be here
            newest = None
        if newest and newest.commit == pinned:
            return newest
        try:
            found = self._list(repository, pinned)
        except AbsentError as error:
            raise CheckpointError(
                f"{repository} has no revision {pinned[:8]} any more, which {self.name} is pinned to: {self.upgrade}."
            ) from error
        if newest:
            warnings.warn(
                f"{repository} has changed since {self.name} was fetched first; its revision {pinned[:8]} is taken "
                f"again, and {self.upgrade}.",
                stacklevel=2,
            )
        return found

    def find(self, file: PublishedFile, revision: str) -> RemoteFile | None:
        """Where a published file is; None if nobody has it and it is not needed."""
        pin, refusal = self.pins.get(file.file), None
        places = [place for place in file.places if pin is None or place.repository == pin.repository]
        for place in places:
            try:
                found = self.listing(place.repository, revision).find(pin.path if pin else place.path)
            except (AbsentError, UnreachableError) as error:
                refusal = refusal or error
                continue
            if found and not file.needed and file.sha256 and found.sha256 not in (None, file.sha256):
                continue
            if found:
                self._refuse_other(file.file, found, found.sha256)
                return found
        refusal = refusal or self._unreachable
        if refusal and file.needed:
            raise refusal
        if file.needed or pin:
            where = ", ".join(f"{place.path} of {place.repository}" for place in places)
            raise CheckpointError(
                f"{self.name} needs {where}, and the hub has no such file: download it from elsewhere and convert it "
                "with 'python -m convert.official'."
            )
        return None

    def check(self, name: str, remote: RemoteFile, sha256: str) -> Pin:
        """What to pin for a file that was fetched. Raises CheckpointError where it is pinned to another one."""
        self._refuse_other(name, remote, sha256)
        return Pin(remote.repository, remote.path, remote.commit, remote.size, sha256)

    def _refuse_other(self, name: str, remote: RemoteFile, sha256: str | None) -> None:
        pin = self.pins.get(name)
        if pin and sha256 not in (None, pin.sha256):
            raise CheckpointError(
                f"{remote} is not the file that it was when {self.name} was fetched first: do not use it unless you "
                f"know why; {self.upgrade}."
            )

    def _list(self, repository: str, revision: str) -> Listing:
        """Asks once, also where nobody answers."""
        key = repository, revision
        if key not in self._listings:
            try:
                self._listings[key] = list_files(repository, revision)
            except UnreachableError as error:
                self._unreachable = error
                self._listings[key] = list_downloads(repository, revision) or error
            except AbsentError as error:
                self._listings[key] = error
        found = self._listings[key]
        if isinstance(found, CheckpointError):
            raise found
        return self._listings.setdefault((repository, found.commit), found)


def size_in_words(size: int) -> str:
    """In the units that hubs and shops use: 1 MB is 10^6 bytes."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
