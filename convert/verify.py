"""`python -m convert.verify`: compares a checkpoint with the published files, as stored and as used."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

from convert.network import to_variables
from convert.rules import Transform, flatten
from convert.sources import find_sources
from convert.tables import published_parts
from convert.weights_file import read_weights
from kdtalker_jax.checkpoints import CONFIG_FILE
from kdtalker_jax.cli import Command, Failure, result
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.nn.folding import NORM_EPSILON, fold
from kdtalker_jax.systems import find_system

if TYPE_CHECKING:
    from kdtalker_jax.checkpoints import Checkpoint

FOLDING_TOLERANCE = 1e-6  # relative; folding rounds to float32 once

Tree = Mapping[str, Any]


class Group(NamedTuple):
    """How far the tensors of one block of a network are from the published ones."""

    name: str
    tensors: int
    stored: float  # largest difference of a value
    folded: float  # largest difference after folding and undoing it, relative to the tensor's largest value

    @property
    def equal(self) -> bool:
        return self.stored == 0 and self.folded <= FOLDING_TOLERANCE


@click.command(cls=Command)
@click.option(
    "--source", required=True, type=click.Path(path_type=Path), help="Folder with the downloaded files, in any layout."
)
@click.option("--checkpoint", required=True, type=click.Path(path_type=Path), help="Folder that was converted from it.")
@click.option("--only", multiple=True, help="Compare this part alone. May be given again.")
def main(source: Path, checkpoint: Path, only: tuple[str, ...]) -> None:
    """Read the published files and the checkpoint again, and report by how much they differ.

    `stored` is the largest difference between a value of the file and the checkpoint: 0, for conversion only moves
    axes. `folded` is the largest difference after batch and spectral norms are folded into the kernels, as they are
    used, and this is undone: a rounding to float32, below 1e-6 of the tensor's largest value. Exits with 2 if
    anything differs by more.

    \b
    python -m convert.verify --source downloads --checkpoint checkpoints/published
    """
    from kdtalker_jax.checkpoints import load_checkpoint  # takes a second: not needed for --help

    groups = list(verify(source, load_checkpoint(checkpoint), only))
    width = max(len(group.name) for group in groups)
    click.echo(f"{'group':{width}}  tensors    stored    folded")
    for group in groups:
        verdict = "" if group.equal else "  DIFFERS"
        click.echo(f"{group.name:{width}}  {group.tensors:7}  {group.stored:8.1e}  {group.folded:8.1e}{verdict}")
    different = sum(not group.equal for group in groups)
    if different:
        raise Failure(f"{checkpoint} differs from {source} in {different} of {len(groups)} groups")
    result(f"{checkpoint} holds the weights of {source}", groups=len(groups))


def verify(source: Path, checkpoint: "Checkpoint", names: tuple[str, ...] = ()) -> Iterator[Group]:
    """Compares the parts `names`, or all that the checkpoint has and that are published.

    Raises:
        InputError: there is no such part.
        CheckpointError: a file or part is missing or damaged.
    """
    system = find_system(checkpoint.config.system)
    chosen = names or [name for name in checkpoint.available if system.parts[name].rules]
    if not chosen:
        raise CheckpointError(f"{checkpoint.directory} has no part that is published: there is nothing to compare")
    parts = published_parts(system, chosen)
    checkpoint.require(*names)
    known = {part.name: part for part in parts}
    for name, path in find_sources(source, parts).items():
        published = to_variables(known[name], read_weights(path), checkpoint.config, path)
        yield from compare(name, published, checkpoint.variables(name))


def compare(name: str, published: Tree, stored: Tree) -> list[Group]:
    """The differences between two sets of variables of one network, by the blocks that it is made of."""
    expected, actual = flatten(published), flatten(stored)
    if {leaf: x.shape for leaf, x in expected.items()} != {leaf: x.shape for leaf, x in actual.items()}:
        raise CheckpointError(f"the checkpoint's {name} does not have the sizes that its {CONFIG_FILE} gives")
    params, stats, spectral = (published.get(collection, {}) for collection in ("params", "batch_stats", "spectral"))
    folding = dict(_folding_errors("params/", fold(stored)["params"], params, stats, spectral))
    groups: dict[str, list[str]] = {}
    for leaf in expected:
        groups.setdefault(leaf.split("/")[1], []).append(leaf)
    return [
        Group(
            f"{name}/{block}",
            len(leaves),
            max(_largest(actual[leaf] - expected[leaf]) for leaf in leaves),
            max(folding.get(leaf, 0.0) for leaf in leaves),
        )
        for block, leaves in groups.items()
    ]


def _folding_errors(scope: str, folded: Tree, params: Tree, stats: Tree, spectral: Tree) -> Iterator[tuple[str, float]]:
    """For each folded leaf, how far the published value is from what undoing the folding gives.

    The formulas are those of batch norm (arXiv 1502.03167, algorithm 2) and spectral norm, inverted here on their own
    rather than taken from the folding that they check.
    """
    if "u" in spectral:
        kernel = _double(params["kernel"])
        sigma = _double(spectral["u"]) @ Transform.CONV2D.undo(kernel).reshape(kernel.shape[-1], -1) @ spectral["v"]
        yield f"{scope}kernel", _relative(folded["kernel"] * sigma, kernel)
        folded, params = ({"bias": tree["bias"]} if "bias" in tree else {} for tree in (folded, params))
    elif "conv" in params and "norm" in stats:
        conv, gain = params["conv"], _gain(params["norm"], stats["norm"])
        yield f"{scope}conv/kernel", _relative(folded["conv"]["kernel"] / gain, conv["kernel"])
        bias, mean = folded["conv"]["bias"] / gain, stats["norm"]["mean"]
        yield f"{scope}conv/bias", _relative(bias - params["norm"]["bias"] / gain + mean, conv["bias"], bias, mean)
        return
    elif "mean" in stats:
        gain = _gain(params, stats)
        yield f"{scope}scale", _relative(folded["scale"] / gain * params["scale"], params["scale"])
        shift = gain * stats["mean"]
        yield f"{scope}bias", _relative(folded["bias"] + shift, params["bias"], folded["bias"], shift)
        return
    for name, child in params.items():
        if isinstance(child, Mapping):
            inner = (tree.get(name, {}) for tree in (folded, params, stats, spectral))
            yield from _folding_errors(f"{scope}{name}/", *inner)
        else:
            yield scope + name, _relative(folded[name], child)


def _gain(params: Tree, stats: Tree) -> np.ndarray:
    """What a batch norm with fixed statistics multiplies each channel by; not zero, so that it can be undone."""
    gain = _double(params["scale"]) / np.sqrt(_double(stats["var"]) + NORM_EPSILON)
    return np.where(gain == 0, 1, gain)


def _relative(actual: np.ndarray, expected: np.ndarray, *terms: np.ndarray) -> float:
    """The largest difference, by the largest of the expected values and of the terms that were added up."""
    size = max(_largest(values) for values in (expected, *terms))
    return _largest(_double(actual) - expected) / size if size else _largest(actual)


def _largest(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def _double(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)


if __name__ == "__main__":
    main()
