"""Where the time of a frame goes, layer by layer: `python -m benchmarks.layers`."""

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
from jax.profiler import ProfileData
from jax.stages import Compiled

from benchmarks.counts import FRAME, trace_programs
from benchmarks.race import describe_run, echo_table, json_option, model_option, warn_if_busy, write_json
from configs import MODELS
from kdtalker_jax.cli import Command
from kdtalker_jax.loaded_model import DTYPES
from kdtalker_jax.rendering import default_dtype

# Not loops, branches and calls: what they hold is there as well.
_INSTRUCTION = re.compile(r'^  (?:ROOT )?%?(?!while|conditional|call)([\w.-]+) = .*op_name="([^"]*)"', re.MULTILINE)


@click.command(cls=Command)
@model_option
@click.option("--dtype", type=click.Choice(list(DTYPES)), help="Of the networks.  [default: float32, on GPUs bfloat16]")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Frames at once.")
@click.option("--depth", type=click.IntRange(1), default=2, show_default=True, help="Scopes of a layer's name shown.")
@json_option
def main(model: str, dtype: str | None, batch: int, depth: int, json_file: Path | None) -> None:
    """Profile one call of the frame path and print the time of its layers, longest first."""
    dtype = dtype or default_dtype()
    compiled = trace_programs(MODELS[model], dtype, batch)[FRAME].lower().compile()
    times = layer_seconds(compiled, depth)
    whole = sum(times.values())
    rows = ((name, f"{1000 * time:.4g}", f"{100 * time / whole:.1f} %") for name, time in times.items())
    echo_table(("layer", "ms", "share"), rows)
    warn_if_busy()
    write_json(json_file, {**describe_run(model, dtype=dtype, batch=batch), "seconds": times})


def layer_seconds(compiled: Compiled, depth: int) -> dict[str, float]:
    """Time of the second call of a program by the layer that its operations come from, longest first."""
    arguments, _ = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.01, leaf.dtype), compiled.args_info)
    jax.block_until_ready(compiled(*arguments))
    layers = dict(_INSTRUCTION.findall(compiled.as_text()))
    times: Counter[str] = Counter()
    for event in profiled_events(lambda: jax.block_until_ready(compiled(*arguments))):
        if event.name in layers:
            times[layer_of(layers[event.name], depth)] += event.duration_ns / 1e9
    return dict(times.most_common())


def layer_of(operation: str, depth: int) -> str:
    """The scopes in the name of an operation: jit(render)/SpadeGenerator/up_0/norm_s/add is SpadeGenerator/up_0."""
    scopes = [scope for scope in operation.split("/")[:-1] if "(" not in scope]
    # A scope of a method other than __call__ is named Module.method: of the first the module, of others the method.
    parts = [scope.partition(".")[0] if i == 0 else scope.rpartition(".")[2] for i, scope in enumerate(scopes[:depth])]
    return "/".join(parts) or "between networks"


def profiled_events(work: Any) -> list:
    """All events of the profiler on devices and in the host's threads."""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            work()
        profile = ProfileData.from_file(str(next(Path(folder).rglob("*.xplane.pb"))))
        return [event for plane in profile.planes for line in plane.lines for event in line.events]


if __name__ == "__main__":
    main()
