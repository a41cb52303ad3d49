"""Features: what motion models hear of a recording."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import jax
import numpy as np

from kdtalker_jax.parts import Part


@dataclass(frozen=True)
class FeatureSpec:
    """Rows of numbers that follow a recording.

    Attributes:
        rate: rows per second.
        width: numbers in a row.
        lookahead: seconds of sound after a row's own that it hears.
    """

    rate: float
    width: int
    lookahead: float = 0.0


class Features(Protocol):
    """One way to hear. Made of a model's configuration; parameters are arguments, by the names of parts."""

    parts: ClassVar[tuple[Part, ...]]
    settings: ClassVar[Mapping[str, type]]  # sections of a model's configuration beside the sizes of parts
    gives: FeatureSpec

    @classmethod
    def check(cls, config: Any) -> None:
        """Raises ValueError for sizes and settings that no machine holds."""

    @classmethod
    def disagreement(cls, config: Any, names: Collection[str]) -> str | None:
        """What keeps those of its parts that are among `names` from working together, in words."""

    def windows(
        self, params: Mapping[str, Any], pieces: Iterable[np.ndarray], size: int
    ) -> Iterator[np.ndarray | jax.Array]:
        """Rows (size, width) as soon as the recording has come far enough, from the last window fewer.

        Whole windows may be arrays that the device still works on: nobody has to wait for them.

        Args:
            pieces: of the 16 kHz waveform, (n,) each, any n. State does not grow with the recording.
        """

    def fields(self, params: Mapping[str, Any], waveform: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        """What data sets keep of a recording with so many video frames, by field: among it `audio` (frames, width)."""
