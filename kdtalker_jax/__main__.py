"""`kdtalker`, and `python -m kdtalker_jax`: hands over to the command lines, which lie beside this package."""

import importlib
import signal
import sys

from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.neighbours import check_neighbours


def main() -> None:
    """The console script."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the seconds of imports without a traceback
    try:
        check_neighbours()
    except KDTalkerError as error:
        from kdtalker_jax.cli import refused

        failure = refused("kdtalker", sys.argv[1:], str(error))
        failure.show()
        sys.exit(failure.exit_code)
    importlib.import_module("pipelines.command").main(prog_name="kdtalker")


if __name__ == "__main__":
    main()
