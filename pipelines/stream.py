"""Make a video while the sound is still coming."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from kdtalker_jax.cli import Command, cache_option, licence_option, result, wants_json
from kdtalker_jax.errors import InputError, OutputError
from pipelines.options import (
    animation_options,
    batch_size_option,
    checkpoint_option,
    dtype_option,
    portrait_options,
    rendering_option,
)
from pipelines.portraits import Portrait

if TYPE_CHECKING:
    import numpy as np

EPILOG = """
\b
Examples:
  ffmpeg -i speech.mp3 -f s16le -ac 1 -ar 16000 - | kdtalker stream --source_image face.png > talk.mkv
  arecord -f S16_LE -c 1 -r 48000 -t raw | kdtalker stream --rate 48000 --source_image face.png | ffplay -

The first frame of KDTalker comes after 2.68 s of sound and the time that computing takes: docs/deployment.md says more.
"""
RAW = "raw samples of 16 bits, one channel, such as `ffmpeg -i speech.mp3 -f s16le -ac 1 -ar 16000 -` writes"
_CONTAINERS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"FORM")


@click.command(cls=Command, epilog=EPILOG)
@checkpoint_option
@licence_option
@portrait_options
@click.option(
    "--rate", default=16_000, show_default=True, type=click.IntRange(1_000, 1_000_000), help="Samples a second."
)
@click.option("--output", default="-", show_default=True, help="Matroska file to write; - is standard output.")
@animation_options
@rendering_option
@dtype_option
@batch_size_option
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    portrait: Portrait,
    rate: int,
    output: str,
    animation: dict[str, Any],
    rendering: dict[str, Any],
    dtype: str | None,
    batch_size: int | None,
    no_cache: bool,
) -> None:
    """Make a video while the sound is still coming.

    Standard input is the sound: raw samples of 16 bits (little endian), one channel. The video is Matroska with H.264
    and AAC, and each frame is in it as soon as it is rendered.
    """
    from kdtalker_jax.arguments import check_asked, checked  # these take seconds: not needed for --help
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.media.live import LiveVideo
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.rendering import check_batch_size

    asked = checked(animation)
    if batch_size is not None:
        check_batch_size(batch_size)
    portrait.check()
    _check_output(output, [*portrait.inputs, checkpoint, *asked.edits.inputs])
    image = portrait.read(checkpoint)
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(f"Standard input has to be the sound: pipe in {RAW}.")
    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(checkpoint, dtype=dtype, rendering=rendering, accept_licence=accept_licence)
    check_asked(animation, model.motion_model)
    source = portrait.prepared(model, image)
    with LiveVideo(sys.stdout.fileno() if output == "-" else output, rate) as video:
        chunks = heard(sys.stdin.buffer, video)
        for frames in model.stream(source, chunks, rate=rate, batch_size=batch_size, **animation):
            video.write(frames)
    if output == "-":
        click.echo(f"{video.frames} frames", err=True)
    else:
        result(f"{output}: {video.frames} frames", output=output, frames=video.frames)


def heard(stream: BinaryIO, video: Any) -> Iterator["np.ndarray"]:
    """Pieces int16 (n,) of a stream as they come, which the video gets as well.

    Raises:
        InputError: it is a file of some format.
    """
    import numpy as np

    rest, first = b"", True
    while data := stream.read1(1 << 16):
        if first and data.startswith(_CONTAINERS):
            raise InputError(f"Standard input is a file of some format: pipe in {RAW}.")
        first, data = False, rest + data
        whole = len(data) // 2 * 2
        piece, rest = np.frombuffer(data[:whole], "<i2"), data[whole:]
        video.hear(piece)
        yield piece


def _check_output(output: str, inputs: list[str | Path]) -> None:
    """Raises OutputError where the video cannot go there, before any work."""
    from kdtalker_jax.media.files import output_file

    path = Path(output)
    if output != "-":
        if not (path.is_fifo() or path.is_char_device()):
            output_file(path, "output", inputs)
    elif wants_json():
        raise OutputError("--json needs --output: standard output is the video.")
    elif sys.stdout.isatty():
        raise OutputError("Standard output is a terminal: send the video somewhere, such as > talk.mkv or | ffplay -.")


if __name__ == "__main__":
    main()
