"""Make the motion of a talking head, without its pictures."""

from typing import Any

import click

from kdtalker_jax import demo
from kdtalker_jax.cli import Command, cache_option, licence_option, result
from pipelines.options import animation_options, checkpoint_option, dtype_option, portrait_options, speech_options
from pipelines.portraits import Portrait
from pipelines.speaking import asked_speech, voices_listed

EPILOG = """
\b
Examples:
  kdtalker animate --checkpoint model --source_image face.png --driven_audio speech.wav --output talk.npz
  kdtalker sample --checkpoint model --source_image other.png --driven_audio speech.wav --motion_in talk.npz
"""


@click.command(cls=Command, epilog=EPILOG)
@checkpoint_option
@licence_option
@portrait_options
@click.option("--driven_audio", help="Recording: any audio file, or a video whose (default) sound is used.")
@speech_options
@click.option("--output", default="results/motion.npz", show_default=True, help="Motion to write, as .npz.")
@animation_options
@dtype_option
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    portrait: Portrait,
    driven_audio: str | None,
    speech: dict[str, Any],
    output: str,
    animation: dict[str, Any],
    dtype: str | None,
    no_cache: bool,
) -> None:
    """Make the motion of a talking head from one portrait and one recording.

    The file has one array for each quantity, one row for each 40 ms. NumPy reads it, `kdtalker_jax.Motion.load` and
    --motion_in of pipelines.sample. What is not given comes with the package.
    """
    from kdtalker_jax.arguments import check_asked, checked  # these take seconds: not needed for --help
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.media.audio import load_waveform
    from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.spaces.files import motion_output

    if speech.pop("voices"):
        lines, voices = voices_listed(speech["tts"], speech["language"])
        result(lines, voices=voices)
        return
    spoken = driven_audio or str(demo.RECORDINGS[0])
    asked = checked(animation)
    portrait.check()
    inputs = [
        *portrait.inputs,
        *(path for path in (spoken, checkpoint, speech["text_file"]) if path),
        *asked.edits.inputs,
    ]
    motion_output(output, inputs)
    said = asked_speech(**speech, driven_audio=driven_audio, inputs=inputs, outputs=[output])
    image = portrait.read(checkpoint)
    waveform, rate = said.sound() if said else (load_waveform(spoken), SAMPLE_RATE)
    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(checkpoint, dtype=dtype, accept_licence=accept_licence)
    check_asked(animation, model.motion_model)  # before any work
    source = portrait.prepared(model, image)
    motion = model.animate(source, waveform, rate=rate, **animation, progress=True)
    motion.save(output)
    if said:
        said.save(waveform, rate)
    frames, seconds = len(motion), len(motion) / FRAME_RATE
    result(f"{output}: {frames} frames of motion, {seconds:.2f} s", output=output, frames=frames, seconds=seconds)


if __name__ == "__main__":
    main()
