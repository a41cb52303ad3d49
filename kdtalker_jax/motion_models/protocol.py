"""Motion models: from what is heard to motion, a window of frames at a time."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Literal, Protocol

import jax
import numpy as np

from kdtalker_jax.features.protocol import FeatureSpec
from kdtalker_jax.parts import Part
from kdtalker_jax.spaces.protocol import Space


class MotionModel(Protocol):
    """One motion model. Made of a model's configuration; parameters are arguments, by the names of parts.

    Everything has a batch axis: B requests, each a recording of its own, are sampled side by side.
    """

    parts: ClassVar[tuple[Part, ...]]
    settings: ClassVar[Mapping[str, type]]  # sections of a model's configuration beside the sizes of parts
    Controls: ClassVar[type]  # frozen dataclass of what can be asked of it beside the sampler; checks itself
    makes: Space
    hears: FeatureSpec
    length: int  # frames in a window
    noise_shape: tuple[int, ...]  # of where a window starts from
    sampler: str | None  # that it is made for, if it is for one
    ending: Literal["beginning", "silence"]  # what the last window hears after the recording's end: its start, or zeros
    smooth: float  # strength of smoothing over time, where nobody says another

    @classmethod
    def check(cls, config: Any) -> None:
        """Raises ValueError for sizes and settings that no machine holds."""

    @classmethod
    def disagreement(cls, config: Any, names: Collection[str]) -> str | None:
        """What keeps those of its parts that are among `names` from working together, in words."""

    def rule(self, sampler: str, steps: int) -> Any:
        """What the sampler does at each call of the network: a pytree. Raises InputError for one that there is not."""

    def check_controls(self, controls: Any) -> None:
        """Raises InputError for controls that a model of these parts cannot be asked for."""

    def begin(self, own: Any) -> Any:
        """What is carried from window to window, at first: of portraits (B, ...), as their renderer describes them."""

    def noise(self, keys: jax.Array, index: int, given: np.ndarray | None = None) -> Any:
        """All that is random in window `index` of requests with keys (B,); `given` (B, L, D) is where it starts."""

    def window(
        self, params: Mapping[str, Any], rule: Any, state: Any, features: Any, controls: Any, noise: Any
    ) -> tuple[Any, jax.Array]:
        """The next window. Pure, compiled once.

        Args:
            state: from `begin` or the window before.
            features: (B, rows, width), as many rows as L frames take.
            controls: of `Controls`, the same for all.

        Returns:
            The state for the next window, and motion (B, L, D) in the model's own units: see `in_units`.
        """

    def in_units(self, motion: np.ndarray) -> np.ndarray:
        """(..., D) of `window` -> vectors of the space."""


def can_feel(model: MotionModel) -> bool:
    """Whether it can be asked for an `emotion`."""
    return getattr(model, "feels", False)
