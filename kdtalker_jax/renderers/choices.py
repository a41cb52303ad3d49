"""What whoever uses a model may choose of how its renderer works."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from kdtalker_jax.checks import nearest
from kdtalker_jax.errors import InputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.records import from_json
from kdtalker_jax.renderers.protocol import Renderer


def with_rendering(config: ModelConfig, renderer: type[Renderer], asked: Mapping[str, Any]) -> ModelConfig:
    """A model's configuration with other values of what its renderer leaves to choose.

    Args:
        config: of the model.
        renderer: of its system.
        asked: values by name, of the fields in `Renderer.choices`.

    Raises:
        InputError: there is no such choice (the nearest is named), or the value cannot be.
    """
    sections = {name: section for section, names in renderer.choices.items() for name in names}
    for name, value in asked.items():
        if not sections:
            raise InputError("This model leaves nothing of its rendering to choose.")
        if name not in sections:
            raise InputError(f"There is nothing called {name!r} to choose of the rendering{nearest(name, sections)}")
        section = getattr(config, sections[name])
        try:
            changed = from_json(type(section), dataclasses.asdict(section) | {name: value}, "rendering")
        except ValueError as error:
            raise InputError(f"{error}.") from None
        config = config.replace(**{sections[name]: changed})
    return config
