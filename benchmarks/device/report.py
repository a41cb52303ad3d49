"""A record as tables for people."""

from collections.abc import Mapping
from typing import Any

from benchmarks.device.goals import judge

JUDGED = {True: "reached", False: "not reached", None: "not measured"}


def show(pieces: Mapping[str, Mapping[str, Any]], tiny: bool) -> None:
    """Print what was measured, and then which goals were reached: not of small networks, which have none."""
    for name, piece in pieces.items():
        seconds = f"{piece['seconds']:.0f} s" if "seconds" in piece else ""
        print(f"\n{name}: {piece['state']} {seconds} {piece.get('sentence', '')}".rstrip())
        for row, value in piece["rows"].items():
            print(f"    {row:44} {words(value)}")
    if tiny:
        print("\nThese are small networks: the command works, and no goal is judged.")
        return
    print("\n| goal | to reach | measured | |\n| --- | --- | --- | --- |")
    for goal, bound, value, reached in judge(pieces):
        print(f"| {goal} | {bound} | {'' if value is None else f'{value:.3g}'} | {JUDGED[reached]} |")


def words(value: Any) -> str:
    """Numbers on one line: those of contestants one after the other, of each the median and the ratio."""
    if isinstance(value, Mapping):
        if "median" in value and "first_call" in value:
            ratio = f" ({value['ratio']:.2f})" if "ratio" in value else ""
            return f"{1000 * value['median']:.4g} ms{ratio}"
        return ", ".join(f"{key} {words(part)}" for key, part in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
