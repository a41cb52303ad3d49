"""Measures an accelerator within minutes; see the package's docstring, and docs/benchmarks.md for what it needs."""

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from benchmarks.device import pack, report
from benchmarks.device.pieces import PIECES, Piece
from benchmarks.device.record import FAILED, FINISHED, LATE, Record

ROOT = Path(__file__).parents[2]
PATIENCE = 4  # times the limit of a piece on a CPU, which others may want too
GLANCE = 0.5  # seconds between two looks at a process
SHORTEST = 5.0  # seconds: with less left a piece is not begun
# Of small networks little is computed: compilers and waiting threads would take all the time.
ON_A_CPU = {"TORCH_COMPILE_DISABLE": "1", "OMP_NUM_THREADS": "1", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
MEMORY_SHARE = "0.45"  # of the device's, at most, for JAX: PyTorch needs the rest


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m benchmarks.device", description=__doc__.partition(";")[0] + ".")
    command.add_argument("--minutes", type=float, default=8.0, help="For everything.  [default: 8]")
    command.add_argument("--json", type=Path, help="File for the numbers; what is in it already is not measured again.")
    command.add_argument("--only", nargs="+", metavar="NAME", help="These pieces alone.")
    command.add_argument("--again", action="store_true", help="Also measure what the file has.")
    command.add_argument("--list", action="store_true", help="Print the pieces and their limits, and end.")
    command.add_argument("--tiny", action="store_true", help="Small networks: shows on a CPU that the command works.")
    command.add_argument("--wheels", type=Path, help="Folder of benchmarks.device.pack, installed for this run alone.")
    command.add_argument("--cache", type=Path, help="Folder for compiled programs and weights, kept from run to run.")
    command.add_argument("--recorded", type=Path, help="Folder with recorded numbers of the published networks.")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    command = parser()
    asked = command.parse_args(arguments)
    if asked.list:
        print("\n".join(f"{piece.name:10} {piece.limit:4.0f} s  {piece.text}" for piece in PIECES))
        return 0
    names = [piece.name for piece in PIECES]
    if unknown := [name for name in asked.only or () if name not in names]:
        command.error(f"There is no piece {unknown[0]}: choose of {', '.join(names)}.")
    if asked.json is None or asked.minutes <= 0:
        command.error("Name a file with --json." if asked.json is None else "--minutes must be more than 0.")
    if asked.wheels and not any(asked.wheels.glob("*.whl")):
        command.error(f"{asked.wheels} holds no wheels: make them with python -m benchmarks.device.pack.")
    for needed in ("expected_seed0.npz", "make_checkpoints.py") if asked.recorded else ():
        if not (asked.recorded / needed).is_file():
            command.error(f"{asked.recorded} holds no recorded numbers: it lacks {needed}.")
    try:
        record = Record(asked.json, {"tiny": asked.tiny})
    except (ValueError, OSError) as error:
        command.error(str(error))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cache = asked.cache or Path(tempfile.gettempdir()) / f"kdtalker_device_{os.getuid()}"
    cache.mkdir(parents=True, exist_ok=True)
    chosen = [piece for piece in PIECES if asked.only is None or piece.name in asked.only]
    try:
        run(chosen, record, asked, cache)
    except KeyboardInterrupt:
        print("Stopped: the same command goes on.", file=sys.stderr)
        return 130
    finally:
        report.show(record.pieces, asked.tiny)
    return 0


def run(pieces: Sequence[Piece], record: Record, asked: argparse.Namespace, cache: Path) -> None:
    """Piece by piece until the time is over; what is finished already is left as it is."""
    deadline = time.monotonic() + 60 * asked.minutes
    environment = environment_of(cache, asked.wheels) | (ON_A_CPU if asked.tiny else {})
    log = asked.json.with_name(f"{asked.json.name}.log")
    for piece in pieces:
        if record.finished(piece.name) and not asked.again:
            continue
        limit = min(piece.limit * (PATIENCE if asked.tiny else 1), deadline - time.monotonic())
        if limit < SHORTEST:
            if piece.name not in record.pieces:
                record.end(piece.name, LATE, 0, "No time was left for it.")
            continue
        print(f"{piece.name}: {piece.text}, at most {limit:.0f} s", flush=True)
        command = [sys.executable, "-m", "benchmarks.device.child", piece.name, *["--tiny"] * asked.tiny]
        command += ["--recorded", str(asked.recorded.resolve())] if asked.recorded else []
        began = time.monotonic()
        record.begin(piece.name)
        with log.open("a") as output:
            state, sentence = measure(piece.name, record, command, limit, environment, output)
        record.end(piece.name, state, time.monotonic() - began, sentence)
        if sentence:
            print(f"  {sentence}", flush=True)


def measure(
    name: str, record: Record, command: list[str], limit: float, environment: dict[str, str], output: TextIO
) -> tuple[str, str]:
    """Run a piece in a process of its own and keep its rows as they come: the piece's state, and a sentence.

    The command is given the descriptor for its rows as its last argument.
    """
    reading, writing = os.pipe()
    streams = {"stdout": output, "stderr": output, "pass_fds": [writing]}
    command = [*command, "--rows", str(writing)]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **streams)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb", buffering=0) as rows:
            for line in lines_of(child, rows, time.monotonic() + limit):
                row = json.loads(line)
                if "done" in row:  # what it would do to end in peace takes seconds
                    return FINISHED, ""
                if "failed" in row:
                    return FAILED, row["failed"]
                record.add(name, row["row"], row["value"])
    except TimeoutError:
        return LATE, f"It was ended after {limit:.0f} s; what it had measured is kept."
    finally:
        end(child)
    return FAILED, f"Its process ended with {child.returncode}; {output.name} has what it said."


def lines_of(child: subprocess.Popen, stream: BinaryIO, deadline: float) -> Iterator[bytes]:
    """Lines as they come, until the process is gone, whoever else has the stream; TimeoutError at the deadline."""
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        gone = child.poll() is not None
        ready, _, _ = select.select([stream], [], [], 0 if gone else min(left, GLANCE))
        piece = os.read(stream.fileno(), 1 << 16) if ready else b""
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if gone and not piece:
            return
    raise TimeoutError


def end(child: subprocess.Popen) -> None:
    """With all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def environment_of(cache: Path, wheels: Path | None) -> dict[str, str]:
    """Of a piece: its place among packages, its share of the device's memory, and what is kept from run to run."""
    places = [str(ROOT)]
    if wheels:
        site = cache / "site"
        subprocess.run(pack.install(wheels, site), check=True)
        places.append(str(site))
    places += filter(None, [os.environ.get("PYTHONPATH")])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(places),
        "KDTALKER_RANDOM_WEIGHTS": str(cache),
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": MEMORY_SHARE,
        "PYTHONUNBUFFERED": "1",
    }


if __name__ == "__main__":
    raise SystemExit(main())
