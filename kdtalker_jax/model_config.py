"""The configuration of a whole model: which system it is of, and a frozen dataclass for each of its sections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelConfig:
    """Everything that a model needs besides its parameters.

    A section is an attribute too: `config.denoiser` is `config.sections["denoiser"]`. Which there are, and of what
    type, says `systems.System.sections`.

    Attributes:
        name: of the model.
        system: of `systems.find_system`.
        sections: by name: the sizes of each part, and what else the families are set to.
    """

    name: str
    system: str
    sections: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        sections = self.__dict__.get("sections", {})  # not there yet while a copy is unpickled
        if name not in sections:
            raise AttributeError(f"the configuration has no section {name!r}")
        return sections[name]

    def __hash__(self) -> int:
        return hash((self.name, self.system, frozenset(self.sections.items())))

    def without(self, *names: str) -> "ModelConfig":
        """Without some sections, where it has them."""
        kept = {name: section for name, section in self.sections.items() if name not in names}
        return ModelConfig(self.name, self.system, kept)

    def replace(self, name: str | None = None, **sections: Any) -> "ModelConfig":
        """With other sections, or another name."""
        return ModelConfig(name or self.name, self.system, {**self.sections, **sections})
