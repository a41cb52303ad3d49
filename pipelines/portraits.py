"""What commands that animate do with the portrait that they were given."""

from typing import TYPE_CHECKING, Any

import click

from kdtalker_jax import demo

if TYPE_CHECKING:
    import numpy as np

    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.source import Source

ONLY_DRAWN = "The model demo knows only drawn heads: for photos say --checkpoint published."


def portrait_of(source_image: str | None, crop: str, checkpoint: str) -> tuple["np.ndarray", str]:
    """The picture, the drawn one where none was named, and how it is cut. Says where the model may not know the face.

    Raises:
        InputError: it cannot be read.
    """
    from kdtalker_jax.media.image import read_image

    if source_image is not None and checkpoint == "demo":
        click.echo(ONLY_DRAWN, err=True)
    return read_image(source_image or demo.PORTRAITS[0]), "none" if source_image is None else crop


def prepared(model: "TalkingPortrait", image: Any, crop: str, face_index: int | None, name: str | None) -> "Source":
    """`TalkingPortrait.prepare`; says where the picture shows other faces too."""
    source = model.prepare(image, crop, face_index, name=name or "the drawn portrait")
    if source.crop.faces > 1 and face_index is None:
        click.echo(f"{name} shows {source.crop.faces} faces; --face_index picks another one.", err=True)
    return source
