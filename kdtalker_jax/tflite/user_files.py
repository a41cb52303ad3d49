"""Files of networks that a user may have: named in the environment, or carried by a package that is installed."""

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from kdtalker_jax.errors import CheckpointError


class UserFile(NamedTuple):
    """A file that is found, never fetched.

    Attributes:
        what: it is, in sentences. name: of the file.
        variable: of the environment, which names it. command: that brings it.
        carried_by: packages, and the folder within each.
    """

    what: str
    name: str
    variable: str
    command: str
    carried_by: tuple[tuple[str, str], ...]

    def find(self, named: str | os.PathLike[str] | None = None) -> Path:
        """The given file, the one that the environment names, or one that a package carries.

        Raises:
            CheckpointError: there is none, or not where it was said to be.
        """
        if named := named or os.environ.get(self.variable):
            if Path(named).is_file():
                return Path(named)
            raise CheckpointError(f"There is no {self.what} at {named}: name {self.name}, or `{self.command}`.")
        for package, folder in self.carried_by:  # located, never imported
            found = importlib.util.find_spec(package)
            for place in found.submodule_search_locations or () if found else ():
                if (candidate := Path(place, folder, self.name)).is_file():
                    return candidate
        raise CheckpointError(
            f"There is no {self.what}: bring it by `{self.command}`, "
            f"or name {self.name} in the environment as {self.variable}."
        )

    def is_there(self, named: str | os.PathLike[str] | None = None) -> bool:
        """Whether it is found. Raises CheckpointError where it is named and not there."""
        try:
            return bool(self.find(named))
        except CheckpointError:
            if named or os.environ.get(self.variable):
                raise
            return False
