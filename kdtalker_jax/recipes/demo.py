"""The demo model from nothing: a synthetic world, and every network trained in it, one stage after the other.

    WORKDIR/world        pictures and their truth
    WORKDIR/renderer     run of F, M, W, G
    WORKDIR/details      run of F, W, G that goes on from it, where the recipe has one
    WORKDIR/lids         run of F, W, G that goes on from that, likewise
    WORKDIR/feelings     run of all four that goes on from that, likewise
    WORKDIR/polish       run of F, W, G that goes on from that, likewise
    WORKDIR/retargeting  run of S and R
    WORKDIR/audio        run of the audio encoder
    WORKDIR/networks     checkpoint with F, M, W, G, then stitching and retargeting, sliders, the audio encoder
    WORKDIR/clips        performances as M and the audio encoder describe them
    WORKDIR/denoiser     run of D
    WORKDIR/demo         what the package carries: model, the whole as `TalkingPortrait.load` reads it; portraits and
                         recordings to try it with

A stage that is done is there under its name, and is not done again.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from configs.demo import DemoConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import load_checkpoint, load_networks, save_checkpoint
from kdtalker_jax.data import dataset
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.motion_models.kdtalker.training.export import export_denoiser, load_denoiser
from kdtalker_jax.motion_models.kdtalker.training.settings import check as check_denoiser
from kdtalker_jax.motion_models.kdtalker.training.trainer import train
from kdtalker_jax.recipes.audio import check_audio, train_audio_encoder
from kdtalker_jax.recipes.sliders import add_sliders
from kdtalker_jax.recipes.stages import Report, as_shipped, carry_out, describe_all, draw_world, drop_notes
from kdtalker_jax.renderers.liveportrait.training.retargeting import check_retargeting, train_retargeting
from kdtalker_jax.renderers.liveportrait.training.trainer import check_renderer, train_renderer
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.landmarks.known import in_pixels
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.synthetic.clips import one_person
from kdtalker_jax.synthetic.described import DescribedPerformances
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.state import neutral_state
from kdtalker_jax.synthetic.traced import trace
from kdtalker_jax.unfinished import in_one_go, unfinished_folder

PORTRAIT_SIZE = 512


def train_demo(
    config: DemoConfig, workdir: str | Path, *, report: Report = lambda sentence: None, progress: bool = False
) -> bool:
    """Makes the demo model, or goes on where an earlier call stopped.

    Args:
        config: of all stages; the same for as long as the folder lives.
        workdir: of this alone.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Returns:
        Whether it is finished; False where someone asked to stop.

    Raises:
        InputError, CheckpointError, OutputError: as the stages do.
    """
    stages = {
        "world": make_world,
        "renderer": make_renderer,
        "retargeting": make_retargeting,
        "sliders": make_sliders,
        "audio encoder": make_audio_encoder,
        "clips": make_clips,
        "denoiser": make_denoiser,
        "demo": make_package,
    }
    return carry_out(stages, config, Path(workdir), report, progress)


def make_world(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Draws the pictures that the renderer learns from."""
    if not (workdir / "world").exists():
        check_trainings(config, parallel.device_count())
        draw_world(workdir / "world", config, config.picture_size, progress)
    return True


def check_trainings(config: DemoConfig, devices: int) -> None:
    """Raises InputError, before hours of work, where some training cannot be on this number of devices."""
    for run in config.renderer_runs.values():
        check_renderer(run, devices)
    check_retargeting(config.retargeting, devices)
    check_audio(config.audio, devices)
    check_denoiser(config.denoiser, devices)


def make_renderer(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains appearance, keypoints, warping and generator, in one run, or in several that go on from each other."""
    run, networks = None, workdir / "networks"
    if networks.exists():
        return True
    for name, settings in config.renderer_runs.items():
        init, run = run, workdir / name
        outcome = train_renderer(settings, workdir / "world", run, init=init, report=report, progress=progress)
        if not outcome.finished:
            return False
    save_checkpoint(networks, as_shipped(load_networks(run)[0]), config.model)
    return True


def make_retargeting(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains stitching and the retargeting of eyes and lips, with all else as it is."""
    networks, run = workdir / "networks", workdir / "retargeting"
    if "retargeting" in load_checkpoint(networks).parts:
        return True
    outcome = train_retargeting(
        config.retargeting, workdir / "world", run, init=networks, report=report, progress=progress
    )
    if outcome.finished:
        save_checkpoint(networks, as_shipped(load_networks(run)[0]), config.model)
    return outcome.finished


def make_sliders(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Finds what moves when only the smile moves, and so on."""
    networks = workdir / "networks"
    if load_checkpoint(networks).own_sliders is None:
        seed = (config.seed + 2) % 2**64
        bar = partial(progress_bar, desc="Sliders", unit="person", show=progress)
        add_sliders(networks, seed, config.slider_people, config.last_renderer.guided, bar, config.look)
    return True


def make_audio_encoder(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the audio encoder."""
    networks, run = workdir / "networks", workdir / "audio"
    if "audio_encoder" in load_checkpoint(networks).parts:
        return True
    outcome = train_audio_encoder(config.audio, run, report=report, progress=progress)
    if outcome.finished:
        save_checkpoint(networks, as_shipped(load_networks(run)[0]), config.model)
    return outcome.finished


def make_clips(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Describes performances with the networks trained so far."""
    out = workdir / "clips"
    if out.exists():
        return True
    folder = dataset.work_folder(out, workdir / "networks")
    make = DescribedPerformances(
        workdir / "networks",
        config.spoken_seed,
        config.spoken_frames,
        look=config.look,
        size=config.model.motion_extractor.image_size,
        guided=config.last_renderer.guided if config.true_keypoints else (),
        feelings=False,  # nobody can ask this model for any: mouths would open in silence
    )
    describe_all(out, folder, (make, make.tasks(config.spoken, folder / "clips")), report=report, progress=progress)
    return True


def make_denoiser(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the denoiser."""
    return train(config.denoiser, workdir / "clips", workdir / "denoiser", report=report, progress=progress).finished


def make_package(config: DemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Puts the networks into one checkpoint, and draws and speaks what to try it with."""
    out = workdir / "demo"
    if not out.exists():
        with unfinished_folder(out) as folder:
            _fill_package(config, workdir, folder)
            with in_one_go():
                folder.rename(out)
    return True


def _fill_package(config: DemoConfig, workdir: Path, out: Path) -> None:
    for folder in ("portraits", "recordings"):
        (out / folder).mkdir()
    for name, seed in config.portraits:
        person = one_person(random_key(seed), config.look)
        picture = draw_frames(person, neutral_state(), PORTRAIT_SIZE)[0]  # (512, 512, 3)
        Image.fromarray(picture).save(out / "portraits" / f"{name}.png")
        (points,) = trace(person, neutral_state())
        np.savez(out / "portraits" / f"{name}.npz", points=in_pixels(points, PORTRAIT_SIZE).astype(np.float32))
    for name, seed in config.recordings:
        waveform = random_performance(seed, config.recording_frames).waveform
        soundfile.write(out / "recordings" / f"{name}.flac", waveform, SAMPLE_RATE)
    denoiser = load_denoiser(workdir / "denoiser")
    export_denoiser(replace(denoiser, variables=as_shipped(denoiser.variables)), workdir / "networks", out / "model")
    drop_notes(out)
