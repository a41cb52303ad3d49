"""What is asked of the Hugging Face hub, through huggingface_hub; its failures become sentences.

Endpoint, token, cache of downloads, proxies, time limits and offline mode are those that huggingface_hub's users set
(HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE, ...).
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError
from kdtalker_jax.hub.cache import no_room
from kdtalker_jax.sums import git_sha1, sha256

MAIN = "main"
LARGEST_FILE = 1 << 34  # bytes


class UnreachableError(CheckpointError):
    """Nobody answers, or nobody may be asked."""


class AbsentError(CheckpointError):
    """The hub has no such repository, revision or file, for this user at least."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository at one revision.

    Attributes:
        size: bytes. sha256: where the hub says it, as it does for large files. git_sha1: of others.
    """

    repository: str
    path: str
    commit: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None

    def __str__(self) -> str:
        return f"{self.path} of {self.repository}"


@dataclass(frozen=True)
class Listing:
    """A repository at one revision: its files by path, and the licence that its card names."""

    repository: str
    commit: str
    files: Mapping[str, RemoteFile]
    licence: str | None = None

    def find(self, path: str) -> RemoteFile | None:
        """The file of that path, or with fewer and fewer of its folders."""
        parts = path.split("/")
        return next((self.files[tail] for i in range(len(parts)) if (tail := "/".join(parts[i:])) in self.files), None)


def list_files(repository: str, revision: str = MAIN) -> Listing:
    """What the hub has.

    Raises:
        UnreachableError, AbsentError: see there. CheckpointError: what else keeps it from answering.
    """
    from huggingface_hub import HfApi

    with sentences(repository, revision):
        info = HfApi(library_name="kdtalker_jax").model_info(repository, revision=revision, files_metadata=True)
        files = {
            entry.rfilename: RemoteFile(
                repository,
                entry.rfilename,
                info.sha,
                entry.lfs.size if entry.lfs else entry.size or 0,
                entry.lfs.sha256 if entry.lfs else None,
                None if entry.lfs else entry.blob_id,
            )
            for entry in info.siblings or ()
        }
        return Listing(repository, info.sha, files, _one_line(getattr(info.card_data, "license", None)))


def _one_line(licence: object) -> str | None:
    """Of a card, in which a stranger writes what he likes."""
    return " ".join(str(licence).split())[:80] if licence else None


def list_downloads(repository: str, revision: str = MAIN) -> Listing | None:
    """What of a repository is in huggingface_hub's cache, for when the hub cannot be asked."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except (CacheNotFound, OSError, ValueError):
        return None
    snapshots = [
        snapshot
        for found in repositories
        if (found.repo_id, found.repo_type) == (repository, "model")
        for snapshot in sorted(found.revisions, key=lambda snapshot: snapshot.last_modified)
        if revision in (MAIN, snapshot.commit_hash, *snapshot.refs)  # of a branch: the newest that is here
    ]
    if not snapshots:
        return None
    folder, commit = snapshots[-1].snapshot_path, snapshots[-1].commit_hash
    paths = {file.file_path.relative_to(folder).as_posix(): file.size_on_disk for file in snapshots[-1].files}
    files = {path: RemoteFile(repository, path, commit, size) for path, size in paths.items()}
    return Listing(repository, commit, files)


def is_downloaded(file: RemoteFile) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(file.repository, file.path, revision=file.commit), str)


def fetch(file: RemoteFile) -> tuple[Path, str]:
    """Downloads a file into huggingface_hub's cache, where it is not there yet, and checks its sums.

    Returns:
        Where it is, and its SHA-256.

    Raises:
        CheckpointError: it cannot be fetched, or is not what the hub says; then it is removed from the cache.
    """
    from huggingface_hub import hf_hub_download

    if file.size > LARGEST_FILE:
        raise CheckpointError(f"{file} has {file.size} bytes, more than any file of a model: it is not fetched.")
    with sentences(file.repository, file.commit, file.path):
        path = Path(hf_hub_download(file.repository, file.path, revision=file.commit, library_name="kdtalker_jax"))
        found = sha256(path)
        is_same = path.stat().st_size == file.size and file.sha256 in (None, found)
        if is_same and file.git_sha1:
            is_same = file.git_sha1 == git_sha1(path)
    if not is_same:
        forget(path)
        raise CheckpointError(
            f"What arrived as {file} is not what the hub says it is, and was removed: run the same again; if it stays "
            "so, a proxy or mirror in between changes files."
        )
    if kind := _what_else(path):
        forget(path)
        raise CheckpointError(
            f"{file} is {kind}, not the file itself: nothing is wrong here, so ask whoever keeps that repository, or "
            "name another mirror with HF_ENDPOINT."
        )
    return path, found


def forget(path: Path) -> None:
    """Removes a download from huggingface_hub's cache, so that it is downloaded again."""
    target = path.resolve()
    path.unlink(missing_ok=True)
    target.unlink(missing_ok=True)


def _what_else(path: Path) -> str | None:
    """What people have uploaded by mistake under the name of a large file."""
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    return "a web page" if head.startswith((b"<!doctype", b"<html")) else None


@contextmanager
def sentences(repository: str, revision: str = MAIN, path: str | None = None) -> Iterator[None]:
    """Around what huggingface_hub does: its errors as errors of this library, each one sentence."""
    try:
        yield
    except KDTalkerError:
        raise
    except Exception as error:  # of huggingface_hub and the client below it, which changes between versions
        raise _in_words(error, repository, revision, path) from error


def _in_words(error: Exception, repository: str, revision: str, path: str | None) -> KDTalkerError:
    from huggingface_hub import constants, errors

    what = f"{path} of {repository}" if path else repository
    status = getattr(getattr(error, "response", None), "status_code", None)
    cause = error.__cause__
    if isinstance(cause, errors.HfHubHTTPError) and not status:
        return _in_words(cause, repository, revision, path)  # of a look into its cache, or of one upload among many
    if isinstance(error, errors.GatedRepoError):
        return AbsentError(
            f"{repository} has terms of its own, which you have not accepted: accept them at "
            f"{constants.ENDPOINT}/{repository}, log in with 'hf auth login' (or set HF_TOKEN), and run the same again."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return AbsentError(
            f"{constants.ENDPOINT} shows no model {repository}: check the name, and if it is private, log in with "
            "'hf auth login' (or set HF_TOKEN)."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return AbsentError(f"{repository} has no revision {revision}: check it at {constants.ENDPOINT}/{repository}.")
    if status == 404 and path:
        return AbsentError(f"{repository} has no file {path} at revision {revision}: it has been moved or removed.")
    if status == 401:
        return AbsentError(
            f"{constants.ENDPOINT} does not accept your token: log in again with 'hf auth login', or remove HF_TOKEN."
        )
    if status == 403:
        return AbsentError(
            f"You may not have {what}: log in as somebody who may with 'hf auth login' (or set HF_TOKEN)."
        )
    if isinstance(error, errors.HFValidationError):
        return InputError(f"{repository} at {revision} cannot be a model on the hub: write hf:owner/name@revision.")
    if isinstance(error, errors.OfflineModeIsEnabled) or isinstance(cause, errors.OfflineModeIsEnabled):
        return UnreachableError(
            f"{what} has not been downloaded, and HF_HUB_OFFLINE forbids to: unset it once, and run the same again."
        )
    if not status and (refusal := _refusal_of_disk(error)):
        return no_room(refusal, Path(constants.HF_HUB_CACHE))
    if isinstance(error, ValueError) and not status:
        return UnreachableError(
            f"{constants.ENDPOINT} answers what no hub answers ({type(error).__name__}): a page of the network to log "
            "in to, perhaps; check the network, HF_ENDPOINT and proxies, and run the same again."
        )
    why = f"status {status}" if status else type(error).__name__
    return UnreachableError(
        f"{constants.ENDPOINT} gives no {what} ({why}): check the network, HF_ENDPOINT and proxies, and "
        "run the same again, which keeps the files that are whole."
    )


def _refusal_of_disk(error: Exception) -> OSError | None:
    """hf_xet, which is written in Rust, has words alone for a disk that is full, and no number for other refusals."""
    cause: BaseException | None = error
    while cause:
        if re.search(r"no space left|os error 28\b", str(cause), re.IGNORECASE):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        cause = cause.__cause__ or cause.__context__
    return error if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno) else None
