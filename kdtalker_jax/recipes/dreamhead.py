"""DreamHead's demo model from nothing but an audio encoder: both diffusions, trained in a synthetic world.

    WORKDIR/base.json    which networks the other model has: a work begun on others is not gone on with
    WORKDIR/world        pictures and their truth
    WORKDIR/pictures     the same with their landmarks
    WORKDIR/cuts         run of the autoencoder on cuts of pictures, where the recipe has one
    WORKDIR/autoencoder  run of it on whole ones, which goes on from there
    WORKDIR/images       run of the U-Net
    WORKDIR/speech       landmarks of performances, and what the audio encoder hears of them
    WORKDIR/landmarks    run of the landmark denoiser
    WORKDIR/demo         what the package carries: model, which takes the audio encoder from the other model

A stage that is done is there under its name, and is not done again.
"""

from functools import partial
from pathlib import Path

from configs.demo_dreamhead import DreamHeadDemoConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data import dataset
from kdtalker_jax.data.extraction import describing_parts
from kdtalker_jax.motion_models.dreamhead.parts import DENOISER
from kdtalker_jax.motion_models.dreamhead.training import export as landmark_export
from kdtalker_jax.motion_models.dreamhead.training import trainer as landmark_trainer
from kdtalker_jax.recipes.base import begin_on
from kdtalker_jax.recipes.stages import MODEL, Report, as_shipped, carry_out, describe_all, draw_world, drop_notes
from kdtalker_jax.renderers.latent.training import export as image_export
from kdtalker_jax.renderers.latent.training import trainer as image_trainer
from kdtalker_jax.synthetic.traced import TracedPerformances, TracedPictures

_FROM_BASE = ("audio_encoder", "syncnet")  # where it has them


def train_dreamhead_demo(
    config: DreamHeadDemoConfig,
    workdir: str | Path,
    base: str | Path,
    *,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> bool:
    """Makes the demo model, or goes on where an earlier call stopped.

    Args:
        config: of all stages; the same for as long as the folder lives.
        workdir: of this alone.
        base: model whose audio encoder is heard by; the model that is made takes it from there.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Returns:
        Whether it is finished; False where someone asked to stop.

    Raises:
        InputError, CheckpointError, OutputError: as the stages do.
    """
    workdir, base = Path(workdir), Path(base)
    begin_on(base, workdir, describing_parts(load_checkpoint(base)))
    stages = {
        "world": make_world,
        "pictures": make_pictures,
        "cuts": make_cuts,
        "autoencoder": make_autoencoder,
        "images": make_images,
        "speech": partial(make_speech, base),
        "landmarks": make_landmarks,
        "demo": partial(make_package, base),
    }
    return carry_out(stages, config, workdir, report, progress)


def make_world(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Draws the pictures that mouths are painted into, once it is clear that all trainings can be on these devices."""
    if not (workdir / "world").exists() and not (workdir / "pictures").exists():
        devices = parallel.device_count()
        for pictures in filter(None, (config.cuts, config.autoencoder, config.images)):
            image_trainer.check_pictures(pictures, devices)
        landmark_trainer.check_motion(config.landmarks, devices)
        draw_world(workdir / "world", config, config.images.image_size, progress)
    return True


def make_pictures(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Traces their landmarks."""
    out = workdir / "pictures"
    if not out.exists():
        make = TracedPictures(workdir / "world")
        folder = dataset.work_folder(out, workdir / "world")
        describe_all(out, folder, (make, make.tasks(folder / "clips")), report=report, progress=progress)
    return True


def make_cuts(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the autoencoder on cuts of pictures, where a step takes a fraction of the time."""
    if config.cuts is None:
        return True
    train = partial(image_trainer.train, config.cuts, workdir / "pictures", workdir / "cuts")
    return train(report=report, progress=progress).finished


def make_autoencoder(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the autoencoder, with whole pictures at the end."""
    train = partial(image_trainer.train, config.autoencoder, workdir / "pictures", workdir / "autoencoder")
    return train(init=config.cuts and workdir / "cuts", report=report, progress=progress).finished


def make_images(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the U-Net, with the autoencoder as it is."""
    train = partial(image_trainer.train, config.images, workdir / "pictures", workdir / "images")
    return train(init=workdir / "autoencoder", report=report, progress=progress).finished


def make_speech(base: Path, config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Traces performances, and hears them."""
    out = workdir / "speech"
    if not out.exists():
        make = TracedPerformances(base, config.seed + 1, config.spoken_frames, config.look, feelings=False)
        folder = dataset.work_folder(out, base)
        tasks = make.tasks(config.spoken, folder / "clips")
        describe_all(out, folder, (make, tasks), report=report, progress=progress)
    return True


def make_landmarks(config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Trains the landmark denoiser."""
    data = workdir / "speech"
    run = landmark_trainer.fitted(config.landmarks, data, None)
    return landmark_trainer.train(run, data, workdir / "landmarks", report=report, progress=progress).finished


def make_package(base: Path, config: DreamHeadDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Puts the networks into one model."""
    out = workdir / MODEL
    if not out.exists():
        landmarks = landmark_export.load_trained(workdir / "landmarks")
        images = image_export.load_trained(workdir / "images")
        params = {**images.params, DENOISER.name: landmarks.params}
        given = load_checkpoint(base).config.sections
        sections = {name: given[name] for name in config.model.sections if name in given and name in _FROM_BASE}
        made = config.model.replace(
            **sections,
            **images.sizes,
            **{DENOISER.name: landmarks.sizes},
            statistics=landmarks.statistics,
            diffusion=landmarks.diffusion,
        )
        networks = as_shipped({name: {"params": tree} for name, tree in params.items()})
        save_checkpoint(out, networks, made, based_on=base)
    drop_notes(out)
    return True
