"""What speaks."""

from typing import NamedTuple, Protocol

import numpy as np

SLOWEST, FASTEST = 0.5, 2.0


class Voice(NamedTuple):
    """One that is there: its name, a language such as "en-us", and what is to be said of it."""

    name: str
    language: str
    about: str = ""


class Speaker(Protocol):
    """A back end."""

    def voices(self) -> list[Voice]:
        """All that there are, in order of their languages; none where that is not known."""

    def check(self, voice: str | None, language: str | None, speed: float) -> None:
        """Raises InputError for what `speak` cannot be asked for: before any work."""

    def speak(self, text: str, voice: str | None, language: str | None, speed: float) -> tuple[np.ndarray, int]:
        """Some sentences.

        Args:
            text: of one line, not empty.
            voice, language: by name; None: what the back end takes by itself.
            speed: 1 as usual, 2 twice as fast.

        Returns:
            The waveform float32 (samples,), and its samples a second.

        Raises:
            InputError: nobody can.
        """
