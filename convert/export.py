"""`python -m convert.export`: a checkpoint -> .safetensors files with the published names of files and tensors."""

import shutil
import warnings
from pathlib import Path

import click
from safetensors import SafetensorError
from safetensors.numpy import save_file

from convert.network import to_published
from convert.sources import LANDMARKS
from convert.tables import table_of
from kdtalker_jax.cli import MODEL_HELP, Command, licence_option, result
from kdtalker_jax.errors import OutputError
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.systems import find_system
from kdtalker_jax.unfinished import unfinished_file


@click.command(cls=Command)
@click.option("--checkpoint", required=True, help=MODEL_HELP)
@licence_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; made if it is not there.")
@click.option("--overwrite", is_flag=True, help="Replace files of these names.")
def main(checkpoint: str, accept_licence: bool, out: Path, overwrite: bool) -> None:
    """Write a checkpoint's weights for PyTorch: one .safetensors file per network, in the published folders.

    Names, layouts and values are the published ones, bit for bit; `convert.official` reads the result back.

    \b
    python -m convert.export --checkpoint checkpoints/mine --out exported
    """
    from kdtalker_jax.hub.names import find_model  # takes seconds: not needed for --help

    files = export(find_model(checkpoint, accept_licence=accept_licence), out, overwrite)
    result(f"{len(files)} files in {out}", files=list(map(str, files)))


def export(directory: Path, out: Path, overwrite: bool = False) -> list[Path]:
    """Writes every part of the checkpoint that a published file has; returns the files.

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged.
        OutputError: a file exists, or cannot be written.
    """
    from kdtalker_jax.checkpoints import load_checkpoint  # takes a second: not needed for --help

    checkpoint = load_checkpoint(directory)
    parts = find_system(checkpoint.config.system).parts
    unpublished = [name for name in checkpoint.available if not parts[name].rules]
    if unpublished:
        warnings.warn(f"{', '.join(unpublished)} is left out: no published file has it.", stacklevel=2)
    published = [name for name in checkpoint.available if name not in unpublished]
    files = {name: out / f"{table_of(parts[name]).file}.safetensors" for name in published}
    if checkpoint.landmarks:
        files["landmarks"] = out / LANDMARKS
    existing = [str(path) for path in files.values() if path.exists()]
    if existing and not overwrite:
        raise OutputError(f"{', '.join(existing)} exist already: replace with --overwrite")
    for name, path in progress_bar(files.items(), unit="network"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished_file(path) as unfinished:
                if name == "landmarks":
                    shutil.copyfile(checkpoint.landmarks, unfinished)
                else:
                    save_file(
                        to_published(parts[name], checkpoint.variables(name)), unfinished, metadata={"format": "pt"}
                    )
        except (OSError, SafetensorError) as error:  # of a full disk either
            raise OutputError(f"{path} cannot be written ({getattr(error, 'strerror', None) or error})") from error
    return list(files.values())


if __name__ == "__main__":
    main()
