"""Audio-driven talking portraits in JAX: one photo and one recording in, a talking video out."""

from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError, NoFaceError, OutputError
from kdtalker_jax.portrait import Source, TalkingPortrait, Video
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
