"""Motion that was saved before, by the `save` of its space's type or by pipelines.sample."""

import os
from typing import Any

from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import space_of


def saved_motion(path: str | os.PathLike[str], config: ModelConfig) -> Any:
    """A file's motion, for a model of this configuration.

    Raises:
        InputError: the file is missing, damaged, or of another kind of motion.
    """
    space = space_of(config)
    motion = space.motion.load(path)
    space.check(motion)
    return motion
