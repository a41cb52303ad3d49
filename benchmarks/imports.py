"""How long imports take: the package beside JAX alone, and the help of each command.

    python -m benchmarks.imports

Processor seconds of fresh processes, in turns; the lowest of each counts.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click

HELP = "import sys; sys.argv[1:] = {}; from kdtalker_jax.__main__ import main; main()"
PROGRAMS = {
    "import jax": "import jax",
    "import kdtalker_jax": "import kdtalker_jax",
    "from kdtalker_jax import TalkingPortrait": "from kdtalker_jax import TalkingPortrait",
    "kdtalker --help": HELP.format(["--help"]),
    "kdtalker sample --help": HELP.format(["sample", "--help"]),
}


@click.command()
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Processes of each kind.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the numbers here.")
def main(repeats: int, file: Path | None) -> None:
    """Time imports in processes of their own, beside that of JAX."""
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(repeats):
        for name, program in PROGRAMS.items():
            seconds[name].append(_processor_seconds(program))
    lowest = {name: min(times) for name, times in seconds.items()}
    for name, least in lowest.items():
        click.echo(f"{name:42} {least:6.2f} s, {least / lowest['import jax']:5.2f} of import jax")
    if file:
        file.write_text(json.dumps(lowest, indent=1))


def _processor_seconds(program: str) -> float:
    path = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
