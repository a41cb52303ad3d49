"""Small programs in processes of their own, with modules of the package but without the seconds that JAX takes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
_WITHOUT_JAX = """
import signal, sys, types
signal.signal(signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell ignore it
package = types.ModuleType("kdtalker_jax")
package.__path__ = ["kdtalker_jax"]
sys.modules["kdtalker_jax"] = package
"""


def command(program: str, *arguments: Any) -> list[str]:
    """The command line that runs a program in `REPOSITORY`."""
    return [sys.executable, "-c", _WITHOUT_JAX + program, *map(str, arguments)]


def start(program: str, *arguments: Any) -> subprocess.Popen:
    """Starts a program with pipes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(program, *arguments), cwd=REPOSITORY, **pipes)
