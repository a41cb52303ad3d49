"""Options that several commands share: of the model, the portrait and what it is asked to do."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, get_args

import click

from kdtalker_jax.choices import DEFAULT_STEPS, CropMode, Precision, SamplerName
from kdtalker_jax.cli import MODEL_HELP, seed_option
from pipelines.portraits import Portrait
from pipelines.posing import MODES, NO_POSING, Posing

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


def _chosen(context: click.Context, option: click.Parameter, text: str | None) -> dict[str, Any]:
    """`NAME=VALUE,...` as a dict: numbers are numbers, all else is text."""
    chosen = {}
    for part in text.split(",") if text else ():
        name, equals, value = (word.strip() for word in part.partition("="))
        if not (name and equals and value):
            raise click.BadParameter(f"{part!r} is no NAME=VALUE.", context, option)
        try:
            chosen[name] = json.loads(value)
        except ValueError:
            chosen[name] = value
    return chosen


rendering_option = click.option(
    "--rendering",
    metavar="NAME=VALUE,...",
    callback=_chosen,
    help="Of models that paint mouths: steps=50 of their diffusion, reference=previous (the frame before shows the "
    "person, not the first), feather=4 pixels of seam, seed=1.  [default: the model's]",
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
    """`--source_image`, `--crop`, `--face_index`, `--landmarks`: the argument `portrait`."""
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
        click.option(
            "--landmarks",
            help="Of models that go by landmarks: a .npz with those of the face, where they are known.",
        ),
    )


stitch_option = click.option("--stitch", is_flag=True, help="Keep the shoulders in place (LivePortrait's stitching).")
edit_option = click.option(
    "--edit",
    "edits",
    help="Change the motion, such as smile=0.6,blink=-20@1.2s..1.4s,lips*1.3,yaw=0@0s/10@1.5s (docs/editing.md).",
)


_CONTROLS = (
    click.option("--emotion", help="Of models that feel: happy, or a blend such as '0.7 happy + 0.3 surprised'."),
    click.option("--emotion_strength", type=float, help="Of the emotion, 0 to 1.  [default: 1]"),
    click.option("--emotions", help="That change: '0 neutral, 2.5 angry, 4 happy 0.5', seconds first."),
    click.option(
        "--moved",
        type=click.Choice(["all", "mouth"]),
        help="Of models that go by landmarks: which of them the sound moves, all with blinks, or the mouth.  "
        "[default: all]",
    ),
    click.option("--audio_guidance", type=float, help="How much the sound counts.  [default: the model's]"),
    click.option("--emotion_guidance", type=float, help="How much the emotion counts.  [default: the model's]"),
)


def control_options(command: Command) -> Command:
    """What motion models can be asked for where the head is another's: `controls`."""
    return _bundled(command, "controls", _given, *_CONTROLS)


def animation_options(command: Command) -> Command:
    """What `animation.Animation` and motion models can be asked for, but for what only Python can give: `animation`."""
    return _bundled(
        command,
        "animation",
        _given,
        seed_option("Another seed gives another performance of the same words."),
        sampler_option,
        steps_option,
        click.option(
            "--relative", is_flag=True, help="Add the motion to the portrait's own pose instead of replacing it."
        ),
        click.option(
            "--smoothing",
            "smooth",
            type=float,
            help="Strength of smoothing over time; 0 is off.  [default: what the model is made for, else 1]",
        ),
        stitch_option,
        edit_option,
        click.option(
            "--pose", help="Turn the head as a .csv says: rows of seconds,yaw,pitch,roll in degrees, smooth between."
        ),
        *_CONTROLS,
        click.option("--pose_amplitude", type=float, help="How far heads move, 1 as they do in training."),
    )


def _given(edits: str | None = None, pose: str | None = None, **animation: Any) -> dict[str, Any]:
    """What somebody has asked for, edits as `edits.editing.Edits`; all else is the model's to choose."""
    asked = {**animation, "edits": asked_edits(edits, pose)}
    return {name: value for name, value in asked.items() if value is not None}


def asked_edits(edits: str | None, pose: str | None = None) -> Any:
    """`edits.editing.edits_of`, where something was asked for. Raises InputError for what cannot be read."""
    if edits is None and pose is None:
        return None
    from kdtalker_jax.edits.editing import edits_of  # takes a second: not needed for --help

    return edits_of(edits, pose=pose)


def speech_options(command: Command) -> Command:
    """`--text` and how it is spoken, `speech.speaking.Speech`: the argument `speech`."""
    return _bundled(
        command,
        "speech",
        dict,
        click.option("--text", help="Say this, instead of a recording; with espeak-ng (extra speech) or --tts."),
        click.option("--text_file", help="Say what is in this file, UTF-8."),
        click.option(
            "--tts",
            help='A program that speaks, such as "piper --model voice.onnx --output_file {out}": it gets the text on '
            "its standard input and writes sound to {out}; {voice}, {language} and {speed} are filled in too.",
        ),
        click.option("--voice", help="Which one; --voices lists them."),
        click.option("--language", help="Such as en-gb or de.  [default: en-us, or the program's]"),
        click.option("--speed", default=1.0, show_default=True, help="How fast, 0.5 to 2."),
        click.option("--speech_out", help="Also save what is said, .wav or .flac."),
        click.option("--voices", is_flag=True, help="List the voices, of --language or all, and do nothing else."),
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


def posing_options(command: Command) -> Command:
    """`--pose_driver` and how it turns the head: the argument `posing`."""
    return _bundled(
        command,
        "posing",
        Posing,
        click.option(
            "--pose_driver",
            help="Turn the head as another one does, the face is the sound's: a video, a picture, or a template "
            "(.pkl of LivePortrait, .npz). Its face is found as --driving_crop and --driving_face_index say.",
        ),
        click.option(
            "--pose_mode",
            default=NO_POSING.pose_mode,
            show_default=True,
            type=click.Choice(MODES),
            help="replace: after the face is made. inpaint: the face is made to go with it, by models that can.",
        ),
        click.option("--pose_axes", default=NO_POSING.pose_axes, show_default=True, help="What of the pose is taken."),
        click.option("--pose_absolute", is_flag=True, help="Take the pose as it is, not only its changes."),
    )


def finish_options(command: Command) -> Command:
    """What is done after the frames, `compositing.finish.Finish`: the argument `finish`."""
    return _bundled(
        command,
        "finish",
        dict,
        click.option("--paste_back", is_flag=True, help="Put the face back into the whole picture, at its own size."),
        click.option(
            "--feather", type=float, help="Width of the seam, as a share of the face's cut, 0 to 0.5.  [default: 1/32]"
        ),
        click.option(
            "--mask",
            help="With --paste_back: where the moved face may be seen (white), a picture of the portrait's size.",
        ),
        click.option(
            "--match_colours",
            is_flag=True,
            help="With --paste_back: match the face's colours to the picture at the seam.",
        ),
        click.option(
            "--background", help="A colour (white, #00ff00), a picture or a video behind the person, or transparent."
        ),
        click.option(
            "--person",
            help="Who stays before --background (white), a picture of the portrait's size.  "
            "[default: the portrait's own transparency, else found by a network, or by colours]",
        ),
        click.option(
            "--segmentation",
            help="MediaPipe's selfie_segmentation.tflite, which finds who stays before --background.  "
            "[default: of KDTALKER_SEGMENTATION, or installed]",
        ),
        click.option("--fps", help="Frames a second, such as 25, 30, 60 or 30000/1001.  [default: 25]"),
        click.option(
            "--size", type=int, help="Longer side in pixels.  [default: as rendered, or as the whole picture]"
        ),
        click.option("--quality", type=int, help="1, the smallest file, to 100.  [default: nearly as rendered]"),
        click.option(
            "--codec",
            type=click.Choice(("h264", "hevc", "vp9", "prores")),
            help="[default: h264; of .webm vp9; of a transparent .mov prores]",
        ),
        click.option("--compare", is_flag=True, help="Show the --driving video on the left."),
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
