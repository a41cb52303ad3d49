"""Options that several commands share: of the model, the portrait and what it is asked to do."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from kdtalker_jax.choices import DEFAULT_STEPS, CropMode, Precision, SamplerName
from kdtalker_jax.cli import MODEL_HELP, seed_option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

STEPS = ", ".join(f"{steps} for {name}" for name, steps in DEFAULT_STEPS.items())

batch_size_option = click.option(
    "--batch_size", type=int, help="Frames rendered at a time.  [default: 1 on a CPU, 8 for each GPU or TPU]"
)
dtype_option = click.option(
    "--dtype",
    type=click.Choice(get_args(Precision)),
    help="Of the arithmetic in the networks.  [default: float32, but bfloat16 for frames on GPUs and TPUs]",
)
sampler_option = click.option(
    "--sampler",
    type=click.Choice(get_args(SamplerName)),
    help="Of the diffusion. dpm++ comes to nearly the same as the published ddim in few steps.  "
    "[default: what the model is made for, else dpm++]",
)
steps_option = click.option("--steps", type=int, help=f"Diffusion steps.  [default: {STEPS}]")


checkpoint_option = click.option(
    "--checkpoint",
    default="demo",
    show_default=True,
    help=MODEL_HELP,
)


def portrait_options(command: Decorated) -> Decorated:
    """`--source_image`, `--crop`, `--face_index`."""
    return _all(
        command,
        click.option("--source_image", help="Portrait: any common picture format, one face or several."),
        click.option(
            "--crop",
            default="square",
            show_default=True,
            type=click.Choice(get_args(CropMode)),
            help="square: around the face, padded. legacy: as published. none: the picture is already cut to the face.",
        ),
        click.option(
            "--face_index",
            type=click.IntRange(0),
            help="Which of several faces, 0 the largest.  [default: the largest]",
        ),
    )


def animation_options(command: Decorated) -> Decorated:
    """What `animation.Animation` can be asked for, but for what only Python can give."""
    return _all(
        command,
        seed_option("Another seed gives another performance of the same words."),
        sampler_option,
        steps_option,
        click.option(
            "--relative", is_flag=True, help="Add the motion to the portrait's own pose instead of replacing it."
        ),
        click.option("--smoothing", default=1.0, show_default=True, help="Strength of smoothing over time; 0 is off."),
        click.option("--stitch", is_flag=True, help="Keep the shoulders in place (LivePortrait's stitching)."),
    )


def _all(command: Decorated, *options: Callable[[Decorated], Decorated]) -> Decorated:
    for option in reversed(options):
        command = option(command)
    return command
