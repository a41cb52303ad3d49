"""What the benchmarks share: contestants that take turns, their times in a table, and results in a file."""

import json
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import click

from configs import MODELS
from kdtalker_jax import parallel
from kdtalker_jax.choices import DEFAULT_STEPS
from kdtalker_jax.unfinished import unfinished_file

REFERENCE = "PyTorch"
DEFAULT_DIFFUSION = ("dpm++", DEFAULT_STEPS["dpm++"])  # as in pipelines.sample

Work = Callable[[], Any]  # returns only once it is done
Result = dict[str, dict[str, float]]  # by contestant, as `race` describes it

model_option = click.option(
    "--model", type=click.Choice(list(MODELS)), default="published", show_default=True, help="Sizes of the networks."
)
json_option = click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the numbers here.")


def repeats_option(default: int) -> Callable:
    """How many rounds are timed."""
    text = "Timed rounds, in which the contestants take turns."
    return click.option("--repeats", type=click.IntRange(1), default=default, show_default=True, help=text)


def race(contestants: Mapping[str, Work], repeats: int, reference: str = REFERENCE) -> Result:
    """Time contestants in turns, so that whatever else the machine does slows all of them.

    Returns:
        For each its `first_call` (compilation included), the `median`, `lowest` and `highest` of the later calls and
        their `processor` time, the median over all threads, all in seconds. Where there is a `reference`, also the
        median, lowest and highest `ratio` to it within a round, and the median `processor_ratio`.
    """
    first = {name: seconds(work)[0] for name, work in contestants.items()}
    rounds = [{name: seconds(work) for name, work in contestants.items()} for _ in range(repeats)]
    result = {}
    for name in contestants:
        wall, processor = zip(*(times[name] for times in rounds), strict=True)
        result[name] = {"first_call": first[name], "processor": median(processor)}
        result[name] |= {"median": median(wall), "lowest": min(wall), "highest": max(wall)}
        if reference in contestants:
            of_wall, of_processor = (
                [times[name][clock] / times[reference][clock] for times in rounds] for clock in range(2)
            )
            result[name] |= {"ratio": median(of_wall), "lowest_ratio": min(of_wall), "highest_ratio": max(of_wall)}
            result[name]["processor_ratio"] = median(of_processor)
    return result


def seconds(work: Work) -> tuple[float, float]:
    """Wall time of one call, and the time of all processors that it used."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_memory() -> int:
    """Bytes of memory that this process had at most."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, where the peak that getrusage knows starts at that of the parent process
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text()).group(1))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def echo_races(results: Mapping[str, Result]) -> None:
    """Print the results of races, by what was raced for, as a table."""
    rows = []
    for work, result in results.items():
        for name, values in result.items():
            ms, lowest, highest = (f"{1000 * values[key]:.4g}" for key in ("median", "lowest", "highest"))
            ratio = processor = ""
            if name != REFERENCE and "ratio" in values:
                ratio = f"**{values['ratio']:.2f}** ({values['lowest_ratio']:.2f} to {values['highest_ratio']:.2f})"
                processor = f"{values['processor_ratio']:.2f}"
            rows.append((work, name, ms, f"{lowest} to {highest}", ratio, processor, f"{values['first_call']:.1f}"))
    head = ("work", "by", "ms", "lowest to highest", f"of {REFERENCE}'s", "processor time", "first call, s")
    echo_table(head, rows)


def warn_if_busy() -> None:
    """Threads that wait for each other suffer most from other processes, so that ratios move and not only times."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > 1.5 * cores:
        click.echo(f"{load:.0f} processes want {cores} cores: the ratios are not to be relied upon.", err=True)


def echo_table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table as Markdown has it."""
    head = list(head)
    for row in (head, ["---"] * len(head), *rows):
        click.echo("| " + " | ".join(map(str, row)) + " |")


def describe_run(model: str, **settings: Any) -> dict[str, Any]:
    """Where and how a result was measured."""
    installed = {package: list(metadata.distributions(name=package)) for package in ("jax", "torch")}
    return {
        "device": parallel.describe(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],  # processes that wanted a core in the last minute
        "versions": {package: found[0].version for package, found in installed.items() if found},
        "model": model,
        **settings,
    }


def write_json(file: Path | None, result: Mapping[str, Any]) -> None:
    """Write a result, if a file was asked for."""
    if file is not None:
        with unfinished_file(file) as unfinished:
            unfinished.write_text(json.dumps(result, indent=1), encoding="utf-8")
