"""`python -m convert.latent_diffusion`: checkpoints of latent diffusion -> one directory that the JAX package loads."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from convert.latent_layout import AUTOENCODER, UNET, Contents, contents_of
from convert.latent_sizes import config_of, widened
from convert.network import to_variables
from convert.weights_file import Tensor, read_weights
from kdtalker_jax import streams
from kdtalker_jax.cli import Command, result
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.sums import sha256
from kdtalker_jax.systems import find_system

SUFFIXES = (".ckpt", ".pth", ".pt", ".safetensors", ".npz")


@dataclass(frozen=True)
class Found:
    """Where a part is."""

    path: Path
    tensors: Mapping[str, Tensor]
    not_used: str  # of the file, in words; said of one of its parts


@click.command(cls=Command)
@click.option(
    "--source",
    required=True,
    type=click.Path(path_type=Path),
    help="A checkpoint, or a folder with one: of the whole model, or of the autoencoder alone, or both.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; made if it is not there.")
@click.option(
    "--head_width",
    type=click.IntRange(1),
    help="Channels of an attention head, which files do not tell; 32 as published, if it is no size with a name.",
)
@click.option("--overwrite", is_flag=True, help="Replace parts that the folder has already.")
def main(source: Path, out: Path, head_width: int | None, overwrite: bool) -> None:
    """Convert a latent diffusion model, once, into a folder for `LatentDiffusion.load`.

    Takes what CompVis' code and PyTorch Lightning write (.ckpt, .pth, .pt), .safetensors and .npz, with the keys of the
    whole model (model.diffusion_model.*, first_stage_model.*) or of a network alone. Of a model that keeps averaged
    weights (model_ema.*), those are taken. PyTorch is not needed, and no code in the files is run.

    \b
    python -m convert.latent_diffusion --source models/ldm/ffhq256 --out checkpoints/latent
    """
    parts = convert(source, out, overwrite, head_width, say=streams.say)
    result(f"{out} has {' and '.join(parts)}", output=out, parts=list(parts))


def convert(
    source: Path,
    out: Path,
    overwrite: bool = False,
    head_width: int | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> tuple[str, ...]:
    """Converts what `source` holds of a model into the checkpoint `out`, or leaves `out` as it was.

    Args:
        source: a file or a folder.
        out: of the model.
        overwrite: whether parts may be replaced.
        head_width: channels of an attention head, if it is not that of a size with a name, or 32.
        say: is given a line about each part.

    Returns:
        The names of the parts.

    Raises:
        CheckpointError: a file is missing, damaged, not of such a model, or one of several.
        OutputError: `out` cannot be written, holds something else, or holds these parts already.
    """
    from kdtalker_jax.checkpoints import Origin, checkpoint_writer

    found = find_parts(source)
    config = config_of({name: part.tensors for name, part in found.items()}, head_width, source)
    parts = find_system(config.system).parts
    with checkpoint_writer(out, config, tuple(found), overwrite=overwrite) as writer:
        for name, part in found.items():
            tensors = part.tensors if name == AUTOENCODER else widened(part.tensors, config.unet, say)
            file = part.path.relative_to(source) if source.is_dir() else part.path.name
            origin = Origin(Path(file).as_posix(), sha256(part.path))
            writer.add(name, to_variables(parts[name], tensors, config, part.path), origin)
            say(f"{name}: {len(tensors)} tensors of {file}" + (f"; not used: {part.not_used}" if part.not_used else ""))
    return tuple(found)


def find_parts(source: Path) -> dict[str, Found]:
    """Where each part is.

    A U-Net goes with the autoencoder of its own file, if that has one: it was trained with that. Of files that differ
    in the suffix alone the first of `SUFFIXES` is read.
    """
    contents = {path: contents_of(read_weights(path), path) for path in _files(source)}
    unet = _only(UNET, contents)
    first = {path: content for path, content in contents.items() if unet and path == unet.path}
    autoencoder = _only(AUTOENCODER, first) or _only(AUTOENCODER, contents)
    if autoencoder and unet and autoencoder.path == unet.path:
        autoencoder = dataclasses.replace(autoencoder, not_used="")
    found = {AUTOENCODER: autoencoder, UNET: unet}
    if not any(found.values()):
        raise CheckpointError(f"{source} holds neither an autoencoder nor a U-Net of latent diffusion")
    return {name: part for name, part in found.items() if part}


def _only(name: str, contents: Mapping[Path, Contents]) -> Found | None:
    holding = {path: content for path, content in contents.items() if name in content.parts}
    found = [Found(path, content.parts[name], content.not_used) for path, content in holding.items()]
    if len(found) > 1:
        paths = ", ".join(str(part.path) for part in found)
        raise CheckpointError(f"There are several files with {name}: {paths}; name one of them as `source`")
    return found[0] if found else None


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    by_stem: dict[Path, Path] = {}
    for path in sorted(source.rglob("*"), key=lambda path: (path.parent, path.stem, _rank(path))):
        if path.suffix in SUFFIXES and path.is_file():
            by_stem.setdefault(path.with_suffix(""), path)
    if not by_stem:
        raise CheckpointError(f"{source} holds no files that end in {', '.join(SUFFIXES)}")
    return list(by_stem.values())


def _rank(path: Path) -> int:
    return SUFFIXES.index(path.suffix) if path.suffix in SUFFIXES else len(SUFFIXES)


if __name__ == "__main__":
    main()
