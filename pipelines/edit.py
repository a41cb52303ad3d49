"""Make a still picture of a portrait with another face: sliders, pose, eyes and lips."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kdtalker_jax.cli import Command, cache_option, licence_option, result
from kdtalker_jax.errors import OutputError
from pipelines.options import (
    asked_edits,
    checkpoint_option,
    dtype_option,
    edit_option,
    portrait_options,
    stitch_option,
)
from pipelines.portraits import Portrait

if TYPE_CHECKING:
    import numpy as np

EPILOG = """
\b
Examples:
  kdtalker edit --checkpoint published --source_image face.png --edit smile=0.6,eyebrow=8 --output smiling.png
  kdtalker edit --checkpoint published --source_image face.png --edit "yaw=15,pupil_x=-9,lips=0.2" --stitch
  kdtalker edit --edit blink=-20 --output shut.png

docs/editing.md lists what can be changed, and how far.
"""
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@click.command(cls=Command, epilog=EPILOG)
@checkpoint_option
@licence_option
@portrait_options
@edit_option
@stitch_option
@click.option(
    "--output", default="results/edited.png", show_default=True, help=f"Picture to write: {', '.join(FORMATS)}."
)
@dtype_option
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    portrait: Portrait,
    edits: str | None,
    stitch: bool,
    output: str,
    dtype: str | None,
    no_cache: bool,
) -> None:
    """Make a still picture of a portrait with another face.

    Without --edit it is the portrait as the model renders it. What is not given comes with the package.
    """
    from kdtalker_jax.compilation import keep_compiled  # these take seconds: not needed for --help
    from kdtalker_jax.media.files import output_file
    from kdtalker_jax.portrait import TalkingPortrait

    asked = asked_edits(edits)
    portrait.check()
    path = Path(output)
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"The name of a picture ends in {', '.join(FORMATS)}: {output} does not.")
    path = output_file(output, "picture", [item for item in (portrait.source_image, checkpoint) if item])
    image = portrait.read(checkpoint)
    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(checkpoint, dtype=dtype, accept_licence=accept_licence)
    if asked:
        asked.check(model.sliders)
    source = portrait.prepared(model, image)
    motion = source.motion  # with the keypoints that the portrait has
    if asked or stitch:
        motion = model.drive(source, motion, edits=asked, stitch=stitch)
    (frames,) = model.render(source, motion, batch_size=1, progress=True)
    _write(path, frames[0])
    height, width = frames[0].shape[:2]
    result(f"{output}: {width}x{height}", output=output, width=width, height=height)


def _write(path: Path, pixels: "np.ndarray") -> None:
    """Raises OutputError where it cannot be written; what was there before is then still there."""
    from PIL import Image

    from kdtalker_jax.media.files import cannot_write
    from kdtalker_jax.unfinished import unfinished_file

    try:
        with unfinished_file(path) as unfinished:
            Image.fromarray(pixels).save(unfinished, FORMATS[path.suffix.lower()], quality=95)
    except OSError as error:
        raise cannot_write(path, error, "picture") from error


if __name__ == "__main__":
    main()
