"""`python -m convert.official`: the published PyTorch files -> one directory that the JAX package loads."""

from pathlib import Path

import click
from tqdm import tqdm

from configs.networks import MODELS
from convert.network import to_variables, unused
from convert.sources import LANDMARKS, find, find_source, find_sources, sha256
from convert.weights_file import read_weights
from kdtalker_jax.checkpoints import (
    ALL_PARTS,
    OPTIONAL_PARTS,
    PARTS,
    CheckpointWriter,
    Source,
    checkpoint_writer,
    load_checkpoint,
)
from kdtalker_jax.cli import Command

LICENCES = """\
The LivePortrait weights are under the MIT licence. The KDTalker weights are CC BY-NC 4.0: not for commercial use.
The 68-landmark predictor was trained on data for non-commercial use."""


@click.command(cls=Command)
@click.option(
    "--source", required=True, type=click.Path(path_type=Path), help="Folder with the downloaded files, in any layout."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; made if it is not there.")
@click.option(
    "--only", multiple=True, type=click.Choice(ALL_PARTS), help="Convert this part alone. May be given again."
)
@click.option("--config", type=click.Choice(list(MODELS)), default="published", show_default=True, help="Sizes.")
@click.option("--overwrite", is_flag=True, help="Replace parts that the folder has already.")
def main(source: Path, out: Path, only: tuple[str, ...], config: str, overwrite: bool) -> None:
    """Convert the published weights, once, into a folder for `--checkpoint`.

    SOURCE holds the files as they are published (ckpts/KDTalker.pth, ckpts/wav2lip.pth,
    pretrained_weights/liveportrait/base_models/*.pth, ...) or side by side, as .pth or .safetensors.
    PyTorch is not needed, and no code in the files is run.

    \b
    Everything:        python -m convert.official --source downloads --out checkpoints/published
    One part alone:    python -m convert.official --source downloads --out checkpoints/mine --only motion_extractor
    To judge lips:     python -m convert.official --source downloads --out checkpoints/mine --only syncnet
    Afterwards:        python -m convert.verify --source downloads --checkpoint checkpoints/published
    """
    optional = tuple(name for name in OPTIONAL_PARTS if find_source(source, name))
    convert(source, out, only or PARTS + optional, config, overwrite)
    checkpoint = load_checkpoint(out)
    extra = "".join(f" and {name}" for name in OPTIONAL_PARTS if name in checkpoint.parts)
    lacking = f"; it lacks {', '.join(checkpoint.lacking)}" if checkpoint.lacking else ""
    click.echo(LICENCES)
    click.echo(f"{out} has {len(PARTS) - len(checkpoint.lacking)} of {len(PARTS)} parts{extra}{lacking}")


def convert(source: Path, out: Path, names: tuple[str, ...], config: str, overwrite: bool = False) -> None:
    """Converts the parts `names` from the folder `source` into the checkpoint `out`, or leaves `out` as it was.

    Raises:
        CheckpointError: a file is missing, damaged or not the right one.
        OutputError: `out` cannot be written, holds something else, or holds these parts already.
    """
    paths = find_sources(source, list(names))
    with checkpoint_writer(out, MODELS[config], names, overwrite=overwrite) as writer:
        landmarks = find(source, [LANDMARKS])
        if landmarks:
            writer.add_landmarks(landmarks)
        progress = tqdm(paths.items(), unit="network", disable=None)
        for name, path in progress:
            progress.set_description(name)
            _convert_part(writer, name, path, source, config)


def _convert_part(writer: CheckpointWriter, name: str, path: Path, source: Path, config: str) -> None:
    tensors = read_weights(path)
    file = path.relative_to(source)
    writer.add(name, to_variables(name, tensors, MODELS[config], path), Source(file.as_posix(), sha256(path)))
    ignored = unused(name, tensors)
    listed = ", ".join(f"{count} {keys}" for keys, count in ignored.items())
    count = f"{len(tensors) - ignored.total()} tensors"
    tqdm.write(f"{name}: {count} of {file}" + (f"; not used: {listed}" if listed else ""))


if __name__ == "__main__":
    main()
