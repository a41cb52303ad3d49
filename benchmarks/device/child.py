"""One piece, in this process: `python -m benchmarks.device.child NAME --rows DESCRIPTOR`. Started by `__main__`."""

import argparse
import json
import os
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.device.pieces import PIECES, Settings


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--rows", type=int, required=True, help="Descriptor that takes a JSON line for each row.")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--recorded", type=Path)
    asked = parser.parse_args()
    _die_with(os.getppid())
    piece = next(piece for piece in PIECES if piece.name == asked.name)
    with os.fdopen(asked.rows, "w") as rows:

        def report(row: str, value: Any) -> None:
            print(json.dumps({"row": row, "value": value}), file=rows, flush=True)

        try:
            piece.run(Settings(asked.tiny, asked.recorded), report)
            print(json.dumps({"done": True}), file=rows, flush=True)
        except Exception as error:
            traceback.print_exc()
            message = str(error).strip().partition("\n")[0]
            print(json.dumps({"failed": f"{type(error).__name__}: {message}"}), file=rows, flush=True)
            return 1
    return 0


def _die_with(parent: int) -> None:
    """Nobody would end this process at its limit once the one that started it is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
