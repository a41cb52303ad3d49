"""The demo of Playmate: a motion model that feels, for the renderer, keypoint detector and ears of another model.

    WORKDIR/base.json       which networks these are: a work begun on others is not gone on with
    WORKDIR/clips           performances as they describe them, with what is felt
    WORKDIR/transformer     run of stage 1
    WORKDIR/emotions        run of stage 2
    WORKDIR/demo/model      what was trained here, and the other model's networks, which are not copied

A stage that is done is there under its name, and is not done again.
"""

from functools import partial
from pathlib import Path

from configs.demo_playmate import PlaymateDemoConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data import dataset
from kdtalker_jax.motion_models.playmate.training.export import OWN, combined, load_run, system_for
from kdtalker_jax.motion_models.playmate.training.settings import check
from kdtalker_jax.motion_models.playmate.training.trainer import fitted, train
from kdtalker_jax.recipes.base import begin_on
from kdtalker_jax.recipes.stages import MODEL, Report, as_shipped, carry_out, describe_all, drop_notes
from kdtalker_jax.synthetic.described import DescribedPerformances


def train_playmate_demo(
    config: PlaymateDemoConfig,
    workdir: str | Path,
    base: str | Path,
    *,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> bool:
    """Makes the demo of Playmate, or goes on where an earlier call stopped.

    Args:
        config: of all stages; the same for as long as the folder lives.
        workdir: of this alone.
        base: a model with renderer and sound features, such as the demo of KDTalker, the same for as long. The new one
            takes them from there: both have to stay where they are, seen from each other.
        report: is told what happens, a sentence at a time.
        progress: show bars.

    Returns:
        Whether it is finished; False where someone asked to stop.

    Raises:
        CheckpointError: the base lacks networks, or takes them from yet another model.
        InputError, CheckpointError, OutputError: as the stages do.
    """
    workdir, base = Path(workdir), Path(base)
    begin_on(base, workdir, [name for name in system_for(load_checkpoint(base)).required if name not in OWN])
    stages = {
        "clips": partial(make_clips, base),
        "transformer": make_transformer,
        "emotions": make_emotions,
        "demo": partial(make_package, base),
    }
    return carry_out(stages, config, workdir, report, progress)


def make_clips(base: Path, config: PlaymateDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Describes performances, and what is felt in them, once it is clear that both trainings can be here."""
    out = workdir / "clips"
    if not out.exists():
        for run in (config.first, config.second):
            check(run, parallel.device_count())
        size = load_checkpoint(base).config.motion_extractor.image_size
        maker = partial(DescribedPerformances, base, look=config.look, size=size, guided=config.guided)
        folder = dataset.work_folder(out, base)
        felt = maker(config.seed, config.spoken_frames)
        calm = maker(config.calm_seed, config.calm_frames, feelings=False)
        shares = (
            (felt, felt.tasks(config.spoken, folder / "clips")),
            (calm, calm.tasks(config.calm, folder / "clips", "calm_")),
        )
        describe_all(out, folder, *shares, report=report, progress=progress)
    return True


def make_transformer(config: PlaymateDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Stage 1: motion to sound."""
    clips = workdir / "clips"
    run = fitted(config.first, clips, None)
    return train(run, clips, workdir / "transformer", report=report, progress=progress).finished


def make_emotions(config: PlaymateDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """Stage 2: what emotions do to it."""
    clips, first = workdir / "clips", workdir / "transformer"
    run = fitted(config.second, clips, str(first))
    return train(run, clips, workdir / "emotions", init=first, report=report, progress=progress).finished


def make_package(base: Path, config: PlaymateDemoConfig, workdir: Path, report: Report, progress: bool) -> bool:
    """The model, based on the other one."""
    out = workdir / MODEL
    if not out.exists():
        trained, others = load_run(workdir / "emotions"), load_checkpoint(base)
        model = combined(trained, others, system_for(others))
        save_checkpoint(out, as_shipped(trained.variables), model, based_on=base)
    drop_notes(out)
    return True
