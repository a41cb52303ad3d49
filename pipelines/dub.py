"""Move the person in a video by a recording, or by another face."""

import warnings
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import click

from kdtalker_jax.choices import Length
from kdtalker_jax.cli import Command, cache_option, licence_option, result, seed_option
from kdtalker_jax.errors import InputError
from pipelines.driving import asked_driving
from pipelines.options import (
    checkpoint_option,
    control_options,
    driving_options,
    dtype_option,
    rendering_option,
    sampler_option,
    steps_option,
    stitch_option,
)

if TYPE_CHECKING:
    import numpy as np

    from kdtalker_jax.video_portrait import VideoPortrait

EPILOG = """
\b
Examples:
  python -m pipelines.dub --checkpoint published --video talk.mp4 --driven_audio other.wav --stitch --output dubbed.mp4
  python -m pipelines.dub --checkpoint published --video talk.mp4 --driving actor.mp4 --regions exp --output acted.mp4
  python -m pipelines.dub --checkpoint dreamhead --video talk.mp4 --driven_audio other.wav --output dubbed.mp4

The video's size (up to 4096 pixels a side), rate and all that is no face stay. Models that paint mouths
(DreamHead) change nothing else, and are moved by sound alone.
"""


@click.command(cls=Command, epilog=EPILOG)
@checkpoint_option
@licence_option
@click.option("--video", required=True, help="Whose person is moved: any common video format.")
@click.option("--face_index", type=click.IntRange(0), help="Which of its faces, 0 the largest.  [default: the largest]")
@click.option(
    "--crop",
    type=click.Choice(["square", "none"]),
    default="square",
    show_default=True,
    help="none, for models that paint mouths: the video is cut to the face already.",
)
@click.option("--driven_audio", help="What it is to say: any audio file, or a video whose (default) sound is used.")
@click.option(
    "--length",
    type=click.Choice(get_args(Length)),
    default="shortest",
    show_default=True,
    help="How long it gets: as the shortest of video, sound and driver; as the recording, the last frame held (audio) "
    "or the video begun anew (loop) where it is shorter; as the video, the lips silent after the recording (video).",
)
@click.option("--output", default="results/dubbed.mp4", show_default=True, help=".mp4, .m4v, .mov, .mkv or .webm.")
@seed_option("Another seed gives another performance of the same words.")
@sampler_option
@steps_option
@control_options
@stitch_option
@click.option("--hold_eyes", is_flag=True, help="Keep eyes as open as in the first frame.")
@click.option(
    "--feather", type=float, help="How wide the seam of a rendered face is, of its cut: 0 to 0.5.  [default: 1/32]"
)
@driving_options
@rendering_option
@dtype_option
@cache_option
def main(
    checkpoint: str,
    accept_licence: bool,
    video: str,
    face_index: int | None,
    crop: str,
    driven_audio: str | None,
    length: str,
    output: str,
    seed: int,
    sampler: str | None,
    steps: int | None,
    controls: dict[str, Any],
    stitch: bool,
    hold_eyes: bool,
    feather: float | None,
    driving: dict[str, Any],
    rendering: dict[str, Any],
    dtype: str | None,
    no_cache: bool,
) -> None:
    """Move the person in a video by a recording, or by another face.

    With --driven_audio the lips say the recording and all else stays. With --driving the face is another's; with both
    the lips are the recording's. The face is rendered and put back into each frame.
    """
    from kdtalker_jax.arguments import check_asked, check_unmade, checked  # these take seconds: not needed for --help
    from kdtalker_jax.compilation import keep_compiled
    from kdtalker_jax.compositing.finish import Finish
    from kdtalker_jax.compositing.masks import FEATHER
    from kdtalker_jax.compositing.pasting import pasted_each
    from kdtalker_jax.edits.reenacting import Reenactment
    from kdtalker_jax.media.audio import load_waveform
    from kdtalker_jax.media.files import input_file
    from kdtalker_jax.media.rates import SAMPLE_RATE
    from kdtalker_jax.media.video import VideoWriter, check_output
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.renderers.protocol import can_repaint
    from kdtalker_jax.sources.video import sound_of
    from kdtalker_jax.video_portrait import prepare_video

    animation, driver = {"seed": seed, "sampler": sampler, "steps": steps, **controls}, driving["driving"]
    asked = checked(animation)
    if driven_audio is None:
        if driver is None:
            raise InputError("Nothing moves the person: give --driven_audio, --driving, or both.")
        check_unmade(animation)
        if length != "shortest":
            raise InputError("--length is about a recording: give --driven_audio, or leave it out.")
    seam = FEATHER if feather is None else feather
    Finish(paste_back=True, feather=seam)  # refuses
    inputs = [path for path in (video, driven_audio, driver, checkpoint) if path]
    check_output(output, inputs)
    input_file(video, "video")
    on_video = {"relative": False, "stitch": stitch, "edits": asked.edits}
    asked_driver = asked_driving(**driving, **on_video, motion_in=None, inputs=inputs)
    how = replace(asked_driver.how if asked_driver else Reenactment(stitch=stitch), hold_eyes=hold_eyes)
    waveform = load_waveform(driven_audio) if driven_audio else None
    heard = driven_audio or next((path for path in (driver, video) if path and sound_of(path) is not None), None)
    VideoWriter(output, heard)  # refuses sound that no video can hold

    if not no_cache:
        keep_compiled()
    model = TalkingPortrait.load(checkpoint, dtype=dtype, rendering=rendering, accept_licence=accept_licence)
    check_asked(animation, model.motion_model)  # before any work
    if can_repaint(model.renderer):
        if driven_audio is None or driver is not None or stitch or hold_eyes or feather is not None:
            raise InputError(
                "This model paints mouths by sound alone: give --driven_audio, and no driver, seam or stitching."
            )
        found = {"crop": crop, "face_index": face_index}
        made = model.dub(video, driven_audio, output, length=length, **found, **animation, progress=True)
        told = {"output": output, "frames": made.frames, "seconds": made.seconds}
        result(f"{output}: {made.frames} frames, {made.seconds:.2f} s", **told)
        return
    if crop != "square":
        raise InputError("This model moves whole faces: --crop is for models that paint mouths.")
    watched = prepare_video(model, video, face_index, own_sound=heard == video, progress=True)
    spoken = None
    if waveform is not None:
        watched, waveform = fitted(watched, waveform, length)
        spoken = model.animate(watched.portrait(model), waveform, rate=SAMPLE_RATE, **animation, progress=True)
    moving = asked_driver.read(model) if asked_driver else None
    keypoints = watched.moved(model, how, moving, spoken)
    seconds = float(len(keypoints) / watched.rate)
    if len(keypoints) < watched.file_frames:
        warnings.warn(f"The video is cut to {seconds:.2f} s.", stacklevel=1)
    if length in ("audio", "loop") and len(keypoints) < len(watched):
        warnings.warn(f"The recording {driven_audio} is cut to {seconds:.2f} s, where the driver ends.", stacklevel=1)
    with VideoWriter(output, heard, inputs, frame_rate=watched.rate, frames=len(keypoints)) as written:
        for frame in pasted_each(watched.render(model, keypoints, progress=True), feather=seam):
            written.write(frame)
    result(f"{output}: {written.frames} frames, {seconds:.2f} s", output=output, frames=written.frames, seconds=seconds)


def fitted(watched: "VideoPortrait", waveform: "np.ndarray", length: str) -> "tuple[VideoPortrait, np.ndarray]":
    """A video and a 16 kHz recording, as long as `--length` says; what is longer is cut later."""
    from kdtalker_jax.edits.resampling import frames_at
    from kdtalker_jax.media.rates import FRAME_RATE, num_frames
    from kdtalker_jax.video_portrait import samples_of, with_silence

    if length in ("audio", "loop"):
        heard = frames_at(num_frames(len(waveform)), Fraction(FRAME_RATE), watched.rate)
        watched = watched.lasting(heard, anew=length == "loop")
    elif length == "shortest":
        waveform = waveform[: samples_of(len(watched), watched.rate)]
    else:
        waveform = with_silence(waveform, len(watched), watched.rate)
    return watched, waveform


if __name__ == "__main__":
    main()
