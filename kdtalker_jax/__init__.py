"""Audio-driven talking portraits in JAX: one photo and one recording in, a talking video out."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError, NoFaceError, OutputError
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.results import Video
    from kdtalker_jax.source import Source
    from kdtalker_jax.spaces.keypoints import Motion

__all__ = [
    "CheckpointError",
    "InputError",
    "KDTalkerError",
    "Motion",
    "NoFaceError",
    "OutputError",
    "Source",
    "TalkingPortrait",
    "Video",
]

# Each is imported when it is asked for: whoever wants a network alone need not have what reads faces and videos.
_PLACES = {
    **dict.fromkeys(("CheckpointError", "InputError", "KDTalkerError", "NoFaceError", "OutputError"), "errors"),
    "TalkingPortrait": "portrait",
    "Video": "results",
    "Source": "source",
    "Motion": "spaces.keypoints",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
