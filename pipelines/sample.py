"""Make a talking video from one portrait and one recording."""

from typing import Any

import click

from kdtalker_jax import demo
from kdtalker_jax.cli import Command, cache_option, licence_option, result
from pipelines.driving import FINDING, asked_driving
from pipelines.finishing import asked_finish
from pipelines.options import (
    animation_options,
    batch_size_option,
    checkpoint_option,
    driving_options,
    dtype_option,
    finish_options,
    portrait_options,
    posing_options,
    rendering_option,
    speech_options,
)
from pipelines.portraits import Portrait
from pipelines.posing import Posing
from pipelines.speaking import asked_speech, voices_listed

OUTPUT_HELP = ".mp4, .m4v, .mov, .mkv, .webm, .gif, .webp, or a name that ends in / for a folder of PNG."
EPILOG = """
\b
Examples:
  python -m pipelines.sample --checkpoint published --source_image face.png --driven_audio speech.wav
  python -m pipelines.sample --checkpoint model --source_image face.png --driven_audio speech.mp3 \\
      --output talk.mp4 --seed 3 --steps 8 --motion_out talk.npz
  python -m pipelines.sample --checkpoint model --source_image other.png --driven_audio speech.mp3 \\
      --motion_in talk.npz --relative --output other.mp4
  python -m pipelines.sample --checkpoint published --source_image face.png --driving actor.mp4 --regions all,-lip \\
      --driven_audio speech.wav --stitch --output acted.mp4
  python -m pipelines.sample --checkpoint playmate --source_image face.png --driven_audio speech.wav \\
      --emotions "0 neutral, 2.5 angry" --pose_driver actor.mp4
  python -m pipelines.sample --checkpoint published --source_image face.png --driven_audio speech.wav \\
      --edit smile=0.5,blink=-20@1.2s..1.4s --output happy.mp4
  python -m pipelines.sample --checkpoint published --source_image face.png --text "Good morning. How are you?"
  python -m pipelines.sample --checkpoint published --source_image photo.jpg --driven_audio speech.wav --stitch \\
      --paste_back --background office.jpg --fps 30 --output whole.mp4

Options may be written --source_image X, --source-image X, -source_image X or -source_image=X.
Bad input ends with one line and exit code 2; nothing but the named outputs is ever written.
Signals such as Ctrl-C end it at once with exit code 128 + n; docs/deployment.md says more.
"""


@click.command(cls=Command, epilog=EPILOG)
@checkpoint_option
@licence_option
@portrait_options
@click.option("--driven_audio", help="Recording: any audio file, or a video whose (default) sound is used.")
@speech_options
@click.option("--output", default="results/talking.mp4", show_default=True, help=OUTPUT_HELP)
@animation_options
@rendering_option
@dtype_option
@batch_size_option
@click.option("--motion_out", help="Also save the motion, as .npz.")
@click.option(
    "--motion_in", help="Use a saved motion instead of the diffusion; the recording, if there is one, is only heard."
)
@driving_options
@posing_options
@finish_options
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    portrait: Portrait,
    driven_audio: str | None,
    speech: dict[str, Any],
    output: str,
    animation: dict[str, Any],
    rendering: dict[str, Any],
    dtype: str | None,
    batch_size: int | None,
    motion_out: str | None,
    motion_in: str | None,
    driving: dict[str, Any],
    posing: Posing,
    finish: dict[str, Any],
    no_cache: bool,
) -> None:
    """Make a talking video from one portrait and one recording, or a driving video.

    --checkpoint published fetches the published weights, once, and converts them; docs/models.md says more. What is not
    given comes with the package: a model that has learnt from drawings alone, a drawn portrait, a synthetic voice.
    """
    from kdtalker_jax.arguments import check_asked, check_unmade, checked  # these take seconds: not needed for --help
    from kdtalker_jax.checkpoints import load_checkpoint
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.hub.names import find_model
    from kdtalker_jax.media.audio import load_waveform
    from kdtalker_jax.media.rates import SAMPLE_RATE
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.rendering import check_batch_size
    from kdtalker_jax.sources.saved import saved_motion
    from kdtalker_jax.sources.video import sound_of
    from kdtalker_jax.spaces.files import motion_output

    if speech.pop("voices"):
        lines, voices = voices_listed(speech["tts"], speech["language"])
        result(lines, voices=voices)
        return
    driver = driving["driving"]
    is_text = any(speech[name] is not None for name in ("text", "text_file"))
    alone = driver or is_text or motion_in  # moves the lips without a recording
    spoken = driven_audio or (None if alone else str(demo.RECORDINGS[0]))
    # All that can be wrong with the input is found before the model is even loaded.
    asked = checked(animation)
    if motion_in or not (spoken or is_text):
        check_unmade(animation)
    if batch_size is not None:
        check_batch_size(batch_size)
    portrait.check()
    finished = asked_finish(**finish, driving=driver)
    given = (spoken, motion_in, checkpoint, driver, posing.pose_driver, speech["text_file"], *asked.edits.inputs)
    inputs = [*portrait.inputs, *(path for path in given if path)]
    finished.check(output, inputs)
    if motion_out:
        motion_output(motion_out, [*inputs, *finished.inputs], [output])
    on_portrait = {"relative": asked.relative, "stitch": asked.stitch, "edits": asked.edits}
    posing.check(asked, driving=driver, motion_in=motion_in)
    asked_driver = asked_driving(
        **driving,
        **on_portrait,
        motion_in=motion_in,
        inputs=inputs,
        outputs=[motion_out] if motion_out else [],
        pose_driver=posing.pose_driver,
    )
    outputs = [path for path in (output, motion_out, driving["driving_out"]) if path]
    said = asked_speech(**speech, driven_audio=driven_audio, inputs=inputs, outputs=outputs)
    image = portrait.read(checkpoint)
    finished.check(output, inputs, image)
    if said:
        waveform, rate = said.sound()
        heard = waveform
    else:
        waveform, rate = load_waveform(spoken) if spoken else None, SAMPLE_RATE
        heard = spoken or (driver if driver and sound_of(driver) is not None else None)
        finished.writer(output, heard, 1)  # refuses sound that no video can hold
    directory = find_model(checkpoint, accept_licence=accept_licence)
    saved = saved_motion(motion_in, load_checkpoint(directory).config) if motion_in else None

    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(directory, dtype=dtype, rendering=rendering)
    check_asked(animation, model.motion_model)  # before any work
    asked.edits.check(model.sliders)
    posing.check_model(model.motion_model)
    source = portrait.prepared(model, image)
    poses = posing.poses(model, source, **{name: driving[name] for name in FINDING})
    moving = asked_driver.read(model) if asked_driver else None  # before the diffusion, which takes longer
    if saved is not None:
        motion = model.drive(source, saved, **(on_portrait if poses is None else {}))
    elif waveform is not None:
        final = asked_driver is None and poses is None
        made_with = (animation if final else {**animation, "edits": None}) | posing.asked(poses)  # else edited below
        motion = model.animate(source, waveform, rate=rate, **made_with, progress=True)
    if poses is not None:
        on_turned = {"axes": posing.pose_axes, "stitch": asked.stitch, "edits": asked.edits}
        motion = model.turn(source, motion, poses, **on_turned)
    if asked_driver is not None:
        motion = asked_driver.motion(model, source, moving, None if waveform is None else motion)
    if motion_out:
        motion.save(motion_out)
    if said:
        said.save(waveform, rate)
    how = {"batch_size": batch_size, "finish": finished, "progress": True}
    video = model.write(source, motion, output, heard, rate=rate, **how)
    compiled = f", after {video.compiling_seconds:.0f} s of compiling" if video.compiling_seconds >= 1 else ""
    result(
        f"{video.path}: {video.frames} frames, {video.seconds:.2f} s, rendered at {video.rate:.2f} frames a second"
        f"{compiled}",
        output=video.path,
        motion=motion_out,
        frames=video.frames,
        seconds=video.seconds,
        frames_per_second=video.rate,
        compiling_seconds=video.compiling_seconds,
    )


if __name__ == "__main__":
    main()
