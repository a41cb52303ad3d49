"""Rows of the table that `benchmarks.demo_quality` prints."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One quantity. `reached` is None where nothing has to be reached or nothing could be measured."""

    quantity: str
    reach: str
    measured: str
    reached: bool | None
    numbers: dict[str, Any]  # for the JSON file

    @property
    def cells(self) -> tuple[str, str, str, str]:
        return self.quantity, self.reach, self.measured, {None: "", True: "yes", False: "no"}[self.reached]
