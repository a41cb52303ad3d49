"""`python -m convert.official`: the published PyTorch files -> one directory that the JAX package loads."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convert.network import to_variables, unused
from convert.sources import LANDMARKS, find, find_source, find_sources
from convert.tables import published_parts
from convert.weights_file import read_weights
from kdtalker_jax import streams
from kdtalker_jax.cli import Command, result
from kdtalker_jax.errors import InputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.sums import sha256
from kdtalker_jax.systems import find_system, resolve

if TYPE_CHECKING:
    from kdtalker_jax.checkpoints import CheckpointWriter
    from kdtalker_jax.parts import Part

LICENCES = (
    "The LivePortrait weights are under the MIT licence. The KDTalker weights are CC BY-NC 4.0: not for commercial use."
)
LANDMARKS_LICENCE = "The 68-landmark predictor was trained on data for non-commercial use."


@click.command(cls=Command)
@click.option(
    "--source", required=True, type=click.Path(path_type=Path), help="Folder with the downloaded files, in any layout."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; made if it is not there.")
@click.option("--only", multiple=True, help="Convert this part alone. May be given again.")
@click.option("--system", default="kdtalker", show_default=True, help="Which system's files they are.")
@click.option("--config", default="published", show_default=True, help="Sizes, by the name that the system gives them.")
@click.option("--overwrite", is_flag=True, help="Replace parts that the folder has already.")
def main(source: Path, out: Path, only: tuple[str, ...], system: str, config: str, overwrite: bool) -> None:
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
    from kdtalker_jax.checkpoints import load_checkpoint  # takes a second: not needed for --help

    found = find_system(system)
    judges = tuple(part.name for part in found.parts.values() if part.judges and find_source(source, part))
    published = tuple(name for name in found.required if found.parts[name].rules)
    convert(source, out, only or published + judges, config, overwrite, system, say=streams.say)
    checkpoint = load_checkpoint(out)
    extra = "".join(f" and {name}" for name in checkpoint.parts if name not in found.required)
    lacking = f"; it lacks {', '.join(checkpoint.lacking)}" if checkpoint.lacking else ""
    has, of = len(found.required) - len(checkpoint.lacking), len(found.required)
    landmarks = f"\n{LANDMARKS_LICENCE}" if checkpoint.landmarks else ""
    sentence = f"{LICENCES}{landmarks}\n{out} has {has} of {of} parts{extra}{lacking}"
    result(sentence, output=out, parts=list(checkpoint.parts), lacking=list(checkpoint.lacking))


def convert(
    source: Path,
    out: Path,
    names: tuple[str, ...],
    config: str,
    overwrite: bool = False,
    system: str = "kdtalker",
    say: Callable[[str], object] = lambda line: None,
) -> None:
    """Converts the parts `names` from the folder `source` into the checkpoint `out`, or leaves `out` as it was.

    `say` is given a line about each part.

    Raises:
        InputError: there is no such system, part or sizes, or a part is published nowhere.
        CheckpointError: a file is missing, damaged or not the right one.
        OutputError: `out` cannot be written, holds something else, or holds these parts already.
    """
    from kdtalker_jax.checkpoints import checkpoint_writer

    found = find_system(system)
    parts = published_parts(found, names)
    configs = resolve(found.configs)
    if config not in configs:
        raise InputError(f"{system} has no sizes {config!r}: there are {', '.join(configs)}.")
    paths = find_sources(source, parts)
    with checkpoint_writer(out, configs[config], names, overwrite=overwrite) as writer:
        landmarks = find(source, [LANDMARKS])
        if landmarks:
            writer.add_landmarks(landmarks)
        progress = progress_bar(paths.items(), unit="network")
        for name, path in progress:
            progress.set_description(name)
            say(_convert_part(writer, found.parts[name], path, source, configs[config]))


def _convert_part(writer: "CheckpointWriter", part: "Part", path: Path, source: Path, config: ModelConfig) -> str:
    """Returns what has been done, in a line."""
    from kdtalker_jax.checkpoints import Origin

    tensors = read_weights(path)
    file = path.relative_to(source)
    writer.add(part.name, to_variables(part, tensors, config, path), Origin(file.as_posix(), sha256(path)))
    ignored = unused(part, tensors)
    listed = ", ".join(f"{count} {keys}" for keys, count in ignored.items())
    count = f"{len(tensors) - ignored.total()} tensors"
    return f"{part.name}: {count} of {file}" + (f"; not used: {listed}" if listed else "")


if __name__ == "__main__":
    main()
