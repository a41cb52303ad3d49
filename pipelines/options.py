"""Options that several commands share: of the model, the portrait and what it is asked to do."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_args

import click

from kdtalker_jax.choices import DEFAULT_STEPS, CropMode, Precision, SamplerName
from kdtalker_jax.cli import MODEL_HELP, seed_option
from pipelines.portraits import Portrait

Command = Callable[..., Any]

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


def portrait_options(command: Command) -> Command:
    """`--source_image`, `--crop`, `--face_index`: the argument `portrait`."""
    return _bundled(
        command,
        "portrait",
        Portrait,
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


def animation_options(command: Command) -> Command:
    """What `animation.Animation` can be asked for, but for what only Python can give: the argument `animation`."""
    return _bundled(
        command,
        "animation",
        dict,
        seed_option("Another seed gives another performance of the same words."),
        sampler_option,
        steps_option,
        click.option(
            "--relative", is_flag=True, help="Add the motion to the portrait's own pose instead of replacing it."
        ),
        click.option(
            "--smoothing", "smooth", default=1.0, show_default=True, help="Strength of smoothing over time; 0 is off."
        ),
        click.option("--stitch", is_flag=True, help="Keep the shoulders in place (LivePortrait's stitching)."),
    )


def driving_options(command: Command) -> Command:
    """`--driving` and how it moves the portrait, `edits.reenacting.Reenactment`: the argument `driving`."""
    return _bundled(
        command,
        "driving",
        dict,
        click.option(
            "--driving",
            help="Move the portrait by a face: a video, a picture, or a template (.pkl of LivePortrait, .npz). With "
            "--driven_audio the lips are the recording's, without it the driving video's own sound is heard.",
        ),
        click.option(
            "--driving_crop",
            default="square",
            show_default=True,
            type=click.Choice(("square", "none")),
            help="none: its frames are already cut to the face.",
        ),
        click.option(
            "--driving_face_index", type=click.IntRange(0), help="Which of its faces, 0 the largest.  [default: 0]"
        ),
        click.option(
            "--regions",
            default="all",
            show_default=True,
            help="What it moves, of all, exp, pose, lip, eyes: pose,lip or all,-lip.",
        ),
        click.option("--absolute", is_flag=True, help="Take over its pose and expression, not only their changes."),
        click.option(
            "--reference",
            default="0",
            show_default=True,
            help="The frame that changes count from, or auto: the one of the least open mouth.",
        ),
        click.option(
            "--multiplier", default=1.0, show_default=True, help="How many times as far it moves the portrait, 0 to 2."
        ),
        click.option("--eyes", help="How far eyes are open instead, 0 to 0.8, or driver: as far as the driver's."),
        click.option("--lips", help="How far lips are open instead, 0 to 0.8, or driver."),
        click.option("--close_lips", is_flag=True, help="Close the portrait's open lips first."),
        click.option(
            "--lip_strength",
            default=0.0,
            show_default=True,
            help="With --driven_audio: 0 its lips alone, 1 those of --driving alone.",
        ),
        click.option("--driving_out", help="Also save the driver's motion as a template, .pkl or .npz."),
    )


def _bundled(
    command: Command,
    name: str,
    make: Callable[..., Any],
    *options: Callable[[Command], Command],
) -> Command:
    """A command with these options, which gets them as one argument: `make` of them all, by name."""

    @wraps(command)
    def bundled(**arguments: Any) -> Any:
        of_bundle = {option: arguments.pop(option) for option in names}
        return command(**{name: make(**of_bundle)}, **arguments)

    for option in reversed(options):
        bundled = option(bundled)
    names = [option.name for option in bundled.__click_params__[-len(options) :]]
    return bundled
