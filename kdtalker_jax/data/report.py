"""What a data set says of itself in its report.json: which system described its clips."""

from pathlib import Path

from kdtalker_jax.errors import InputError
from kdtalker_jax.records import from_json, read_json

REPORT_FILE = "report.json"


def system_of(directory: str | Path) -> str:
    """The name of the system whose networks described the clips of a data set.

    Raises:
        InputError: the report is damaged.
    """
    path = Path(directory) / REPORT_FILE
    try:
        return from_json(str, read_json(path).get("system", "kdtalker"), "system")  # reports have been without
    except FileNotFoundError:
        return "kdtalker"
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}): make the data set again with pipelines.extract.") from error


def check_system(directory: str | Path, *names: str) -> None:
    """Raises InputError where a data set is not of a system of one of these names."""
    if (found := system_of(directory)) not in names:
        wanted = " or ".join(names)
        raise InputError(f"{directory} is a data set of the system {found}, not of {wanted}: make or name another one.")
