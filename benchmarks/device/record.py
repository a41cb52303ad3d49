"""What has been measured, in a file that is whole after every row: a kill at any moment loses the row in the making."""

import json
from pathlib import Path
from typing import Any

from kdtalker_jax.unfinished import unfinished_file

FINISHED, FAILED, LATE, RUNNING = "finished", "failed", "out of time", "running"  # states of a piece


class Record:
    """Rows by piece. A file of earlier runs is gone on with.

    Attributes:
        settings: what the rows are comparable for; equal in all runs that share a file.
        pieces: by name a `state`, its `seconds`, a `sentence` where it did not finish, and `rows` by what was measured.
    """

    def __init__(self, file: Path, settings: dict[str, Any]) -> None:
        """Raises ValueError with a sentence where the file holds something else."""
        self._file, self.settings, self.pieces = file, settings, {}
        if file.exists():
            found = read(file)
            if found["settings"] != settings:
                raise ValueError(
                    f"{file} was measured with {found['settings']}, this is {settings}: name another file."
                )
            self.pieces = found["pieces"]
        self.write()

    def finished(self, piece: str) -> bool:
        return self.pieces.get(piece, {}).get("state") == FINISHED

    def begin(self, piece: str) -> None:
        """Rows of an earlier try stay until they are measured again."""
        self.pieces[piece] = {"state": RUNNING, "rows": self.pieces.get(piece, {}).get("rows", {})}
        self.write()

    def add(self, piece: str, row: str, value: Any) -> None:
        self.pieces[piece]["rows"][row] = value
        self.write()

    def end(self, piece: str, state: str, seconds: float, sentence: str = "") -> None:
        self.pieces.setdefault(piece, {"rows": {}})
        self.pieces[piece] |= {"state": state, "seconds": round(seconds, 1), "sentence": sentence}
        self.write()

    def write(self) -> None:
        content = {"settings": self.settings, "pieces": self.pieces}
        with unfinished_file(self._file) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read(file: Path) -> dict[str, Any]:
    """Raises ValueError with a sentence where it is no such file."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if set(found) == {"settings", "pieces"}:
            return found
    except (ValueError, TypeError, OSError):
        pass
    raise ValueError(f"{file} is not a file of benchmarks.device: name another one.")
