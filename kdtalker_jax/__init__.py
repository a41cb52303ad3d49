"""Audio-driven talking portraits in JAX: one photo and one recording in, a talking video out."""

from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError, NoFaceError, OutputError
from kdtalker_jax.motion.coefficients import Motion
from kdtalker_jax.portrait import Source, TalkingPortrait, Video

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
