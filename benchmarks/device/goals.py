"""What is to be reached on an accelerator, judged from what `record` has kept."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from benchmarks.device.pieces import COMPILED

Rows = Callable[[str, str], Any]  # (piece, row) -> numbers; KeyError where they were not measured
BATCHES = (1, 8, 32)


class Verdict(NamedTuple):
    """One goal. `value` and `reached` are None where what it needs was not measured."""

    goal: str
    bound: str
    value: float | None
    reached: bool | None


def judge(pieces: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """All goals, by the `pieces` of a record."""

    def rows(piece: str, row: str) -> Any:
        return pieces[piece]["rows"][row]

    verdicts = []
    for text, value_of, bound, at_least in GOALS:
        try:
            value = value_of(rows)
            reached = value >= bound if at_least else value <= bound
        except (KeyError, ValueError):  # ValueError: the best of no batches
            value = reached = None
        verdicts.append(Verdict(text, f"{'>=' if at_least else '<='} {bound:g}", value, reached))
    return verdicts


def _measured(rows: Rows, piece: str, names: Mapping[int, str]) -> dict[int, Any]:
    found = {}
    for batch, name in names.items():
        try:
            found[batch] = rows(piece, name)
        except KeyError:
            continue
    return found


def _share_of_ceiling(rows: Rows) -> float:
    """Products that a frame executes, at the batch with the highest rate, of the faster library's matrix product."""
    timed = _measured(rows, "frames", {batch: f"bfloat16, batch {batch}, on the device" for batch in BATCHES})
    rate = max(rows("frames", "products")["executed"] * batch / row["seconds"] for batch, row in timed.items())
    ceilings = (rows("ceiling", f"product, bfloat16, {library}")["per_second"] for library in ("JAX", "PyTorch"))
    return rate / max(ceilings)


def _of_compiled_frames(rows: Rows) -> float:
    """A frame here of one of torch.compile, both in bfloat16 at the batch that each likes best."""
    raced = _measured(rows, "frames", {batch: f"bfloat16, batch {batch}, compiled" for batch in BATCHES})
    own, theirs = (min(result[name]["median"] / batch for batch, result in raced.items()) for name in ("JAX", COMPILED))
    return own / theirs


def _frames_a_second(rows: Rows) -> float:
    names = {batch: f"batch {batch}, second call" for batch in ("default", 32)}
    return max(row["frames_per_second"] for row in _measured(rows, "files", names).values())


def _of_compiled_step(rows: Rows) -> float:
    seconds = rows("training", "bfloat16")["seconds"]
    return seconds["JAX"] / seconds[COMPILED]


# What it is, the number, its bound, and whether that is the least it may be.
GOALS = (
    ("frame path in bfloat16, of the product's rate", _share_of_ceiling, 0.45, True),
    ("frame path, of torch.compile, bfloat16", _of_compiled_frames, 0.6, False),
    ("files to file, 512 x 512, frames a second", _frames_a_second, 200, True),
    (
        "8 s of motion at default steps, of PyTorch at 50",
        lambda rows: rows("motion", "8 s")["JAX"]["ratio"],
        0.1,
        False,
    ),
    ("training step at batch 256, of torch.compile, bfloat16", _of_compiled_step, 0.6, False),
    (
        "first frame of a stream after its window's sound, s",
        lambda rows: rows("stream", "first frame, batch default")["median"],
        0.15,
        False,
    ),
    ("frames in bfloat16, dB of float32", lambda rows: rows("parity", "bfloat16, dB of float32"), 45, True),
)
