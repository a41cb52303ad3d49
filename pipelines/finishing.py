"""What the options after the frames ask for."""

from typing import TYPE_CHECKING, Any

from kdtalker_jax.errors import InputError

if TYPE_CHECKING:
    from kdtalker_jax.compositing.finish import Finish


def asked_finish(*, driving: str | None, compare: bool, **options: Any) -> "Finish":
    """`options`: those of `compositing.finish.Finish`, None where nobody has asked.

    Raises:
        InputError: a value that cannot be, a file that cannot be read, or options that do not go together.
    """
    from kdtalker_jax.compositing.finish import Finish

    if compare and driving is None:
        raise InputError("--compare shows a driver beside the portrait: give one with --driving.")
    options = {name: value for name, value in options.items() if value is not None}
    return Finish(compare=driving if compare else None, **options)
