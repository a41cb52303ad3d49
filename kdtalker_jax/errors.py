"""What can go wrong through no fault of the program. Each message is one sentence that a user can act on."""

from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class KDTalkerError(Exception):
    """Base of all errors that command lines print as one line and exit with status 2."""


class InputError(KDTalkerError):
    """A picture, recording, video or option cannot be used."""


class NoFaceError(InputError):
    """No face was found in a picture that should hold one."""


class NoSoundError(InputError):
    """There is no audio stream in a file that should hold one."""


class OutputError(KDTalkerError):
    """The result cannot be written where it was asked for."""


class CheckpointError(KDTalkerError):
    """A checkpoint is missing, incomplete, damaged or not the one that was asked for."""


class DamagedModelError(CheckpointError):
    """What a network computes is of no use: its weights are damaged, though each is a number."""

    def __init__(self, result: str) -> None:
        super().__init__(
            f"The model gives {result}: its weights are damaged, or of no trained model; copy or convert it again."
        )


def made_by_network(kind: Callable[..., Result], *arguments: Any, **fields: Any) -> Result:
    """`kind` of what a network made: where that is refused, it is no fault of the user's.

    Raises:
        DamagedModelError: instead of an InputError.
    """
    try:
        return kind(*arguments, **fields)
    except InputError as error:
        raise DamagedModelError(f"what cannot be ({str(error).rstrip('.')})") from error
