"""The portrait that a command was given: `--source_image`, `--crop`, `--face_index`, `--landmarks`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kdtalker_jax import demo

if TYPE_CHECKING:
    import numpy as np

    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.source import Source

FROM_DRAWINGS = "Models in the package have learnt from drawings alone: --checkpoint published does better with photos."


@dataclass(frozen=True)
class Portrait:
    """As it was asked for; without a picture it is the drawn one of the package, which is cut already."""

    source_image: str | None
    crop: str
    face_index: int | None
    landmarks: str | None = None

    @property
    def cut(self) -> str:
        return self.crop if self.source_image else "none"

    @property
    def inputs(self) -> list[str]:
        """Files that no output may replace."""
        return [path for path in (self.source_image, self.landmarks) if path]

    def check(self) -> None:
        """Raises InputError where the options do not go together."""
        from kdtalker_jax.choices import check_crop

        check_crop(self.cut, self.face_index)

    def read(self, checkpoint: str) -> "np.ndarray":
        """The picture. Says where another model would know the face better. Raises InputError: it cannot be read."""
        from kdtalker_jax.media.image import read_image

        if self.source_image is not None and checkpoint in demo.MODELS:
            click.echo(FROM_DRAWINGS, err=True)
        return read_image(self.source_image or demo.PORTRAITS[0])

    def prepared(self, model: "TalkingPortrait", image: "np.ndarray") -> "Source":
        """`TalkingPortrait.prepare`; says where the picture shows other faces too."""
        from kdtalker_jax.media.image import alpha_of

        name = self.source_image or "the drawn portrait"
        source = model.prepare(image, self.cut, self.face_index, name=name, landmarks=self._known(model))
        source = replace(source, alpha=alpha_of(self.source_image or demo.PORTRAITS[0]))  # of which arrays know nothing
        if source.crop.faces > 1 and self.face_index is None:
            click.echo(
                f"{self.source_image} shows {source.crop.faces} faces; --face_index picks another one.", err=True
            )
        return source

    def _known(self, model: "TalkingPortrait") -> "str | Path | None":
        """The landmarks' file; those of the package's portraits are known, for models that go by them."""
        from kdtalker_jax.renderers.protocol import can_repaint

        if self.source_image or self.landmarks or not can_repaint(model.renderer):
            return self.landmarks
        return demo.landmarks_of(demo.PORTRAITS[0])
