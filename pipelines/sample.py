"""Make a talking video from one portrait and one recording."""

from typing import get_args

import click

from kdtalker_jax import demo
from kdtalker_jax.animation import Animation
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.cli import MODEL_HELP, Command, cache_option, licence_option, seed_option
from kdtalker_jax.compilation import keep_compiled
from kdtalker_jax.diffusion.samplers import DEFAULT_STEPS, SAMPLERS
from kdtalker_jax.faces.crop import CropMode, check_choice
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.files import output_file
from kdtalker_jax.media.image import read_image
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.media.video import VideoWriter, check_output
from kdtalker_jax.portrait import DTYPES, TalkingPortrait
from kdtalker_jax.rendering import check_batch_size
from kdtalker_jax.sources.saved import saved_motion

EPILOG = """
\b
Examples:
  python -m pipelines.sample --checkpoint published --source_image face.png --driven_audio speech.wav
  python -m pipelines.sample --checkpoint model --source_image face.png --driven_audio speech.mp3 \\
      --output talk.mp4 --seed 3 --steps 8 --motion_out talk.npz
  python -m pipelines.sample --checkpoint model --source_image other.png --driven_audio speech.mp3 \\
      --motion_in talk.npz --relative --output other.mp4

Options may be written --source_image X, --source-image X, -source_image X or -source_image=X.
Bad input ends with one line and exit code 2; nothing but the named outputs is ever written.
Signals such as Ctrl-C end it at once with exit code 128 + n; docs/deployment.md says more.
"""

STEPS = ", ".join(f"{steps} for {name}" for name, steps in DEFAULT_STEPS.items())

ONLY_DRAWN = "The model without --checkpoint knows only drawn heads: for photos say --checkpoint published."


@click.command(cls=Command, epilog=EPILOG)
@click.option("--checkpoint", help=f"{MODEL_HELP}  [default: demo]")
@licence_option
@click.option("--source_image", help="Portrait: any common picture format, one face or several.")
@click.option("--driven_audio", help="Recording: any audio file, or a video whose (default) sound is used.")
@click.option("--output", default="results/talking.mp4", show_default=True, help=".mp4, .m4v, .mov or .mkv.")
@seed_option("Another seed gives another performance of the same words.")
@click.option(
    "--sampler",
    type=click.Choice(list(SAMPLERS)),
    help="Of the diffusion. dpm++ comes to nearly the same as the published ddim in few steps.  "
    "[default: what the model is made for, else dpm++]",
)
@click.option("--steps", type=int, help=f"Diffusion steps.  [default: {STEPS}]")
@click.option("--relative", is_flag=True, help="Add the motion to the portrait's own pose instead of replacing it.")
@click.option(
    "--crop",
    default="square",
    show_default=True,
    type=click.Choice(get_args(CropMode)),
    help="square: around the face, padded. legacy: as published. none: the picture is already cut to the face.",
)
@click.option(
    "--face_index",
    type=click.IntRange(0),
    help="Which of several faces, 0 the largest.  [default: the largest]",
)
@click.option("--smoothing", default=1.0, show_default=True, help="Strength of smoothing over time; 0 is off.")
@click.option("--stitch", is_flag=True, help="Keep the shoulders in place (LivePortrait's stitching).")
@click.option(
    "--dtype",
    type=click.Choice(list(DTYPES)),
    help="Of the arithmetic in the networks.  [default: float32, but bfloat16 for frames on GPUs and TPUs]",
)
@click.option("--batch_size", type=int, help="Frames rendered at a time.  [default: 1 on a CPU, 8 for each GPU or TPU]")
@click.option("--motion_out", help="Also save the motion, as .npz.")
@click.option("--motion_in", help="Use a saved motion instead of the diffusion; the recording is only heard.")
@cache_option
def main(
    checkpoint: str | None,
    accept_licence: bool,
    source_image: str | None,
    driven_audio: str | None,
    output: str,
    crop: CropMode,
    face_index: int | None,
    relative: bool,
    stitch: bool,
    smoothing: float,
    dtype: str | None,
    batch_size: int | None,
    motion_out: str | None,
    motion_in: str | None,
    seed: int,
    sampler: str | None,
    steps: int | None,
    no_cache: bool,
) -> None:
    """Make a talking video from one portrait and one recording.

    --checkpoint published fetches the published weights, once, and converts them; docs/models.md says more. What is not
    given comes with the package: a model that knows drawn heads alone, a drawn portrait, a synthetic voice.
    """
    driven_audio = driven_audio or str(demo.RECORDINGS[0])
    if checkpoint is None and source_image is not None:
        click.echo(ONLY_DRAWN, err=True)
    # All that can be wrong with the input is found before the model is even loaded.
    settings = {"sampler": sampler, "steps": steps, "relative": relative, "smooth": smoothing, "stitch": stitch}
    asked = Animation(seed=seed, **settings)
    if batch_size is not None:
        check_batch_size(batch_size)
    crop = "none" if source_image is None else crop
    check_choice(crop, face_index)
    inputs = [path for path in (source_image, driven_audio, motion_in, checkpoint) if path]
    check_output(output, inputs)
    if motion_out:
        output_file(motion_out, "motion", inputs, [output])
    image = read_image(source_image or demo.PORTRAITS[0])
    waveform = load_waveform(driven_audio)
    VideoWriter(output, driven_audio)  # refuses sound that no video can hold
    directory = find_model(checkpoint or demo.MODEL, accept_licence=accept_licence)
    saved = saved_motion(motion_in, load_checkpoint(directory).config) if motion_in else None

    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(directory, dtype=dtype)
    asked.of(model.motion_model, None)  # refuses before any work
    source = model.prepare(image, crop, face_index, name=source_image or "the drawn portrait")
    if source.crop.faces > 1 and face_index is None:
        click.echo(f"{source_image} shows {source.crop.faces} faces; --face_index picks another one.", err=True)
    if saved is not None:
        motion = model.drive(source, saved, relative=relative, stitch=stitch)
    else:
        motion = model.animate(source, waveform, rate=SAMPLE_RATE, seed=seed, **settings, progress=True)
    if motion_out:
        motion.save(motion_out)
    video = model.write(source, motion, output, driven_audio, batch_size=batch_size, progress=True)
    rate = video.frames / video.rendering_seconds
    click.echo(f"{video.path}: {video.frames} frames, {video.seconds:.2f} s, rendered at {rate:.2f} frames a second")


if __name__ == "__main__":
    main()
