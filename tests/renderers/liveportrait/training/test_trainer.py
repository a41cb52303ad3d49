"""A whole run of the renderer: what it leaves behind, what it refuses, how it goes on."""

import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import jax
import numpy as np
import pytest

from configs import SMALL
from configs.kdtalker import VARIED
from configs.renderer import LIVEPORTRAIT, RENDERER_CONFIGS, PhaseConfig, RendererConfig
from kdtalker_jax.checkpoints import load_checkpoint, load_networks, read_record, save_checkpoint, write_record
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.renderers.liveportrait.training.export import RENDERER, export_renderer
from kdtalker_jax.renderers.liveportrait.training.input import STATE, FaceClip
from kdtalker_jax.renderers.liveportrait.training.reenactment import NAMES
from kdtalker_jax.renderers.liveportrait.training.trainer import RendererTask, check_renderer, train_renderer
from kdtalker_jax.training.logs import NoLogs
from kdtalker_jax.training.settings import with_settings
from tests.training.faces import TINY_RENDERER, make_face_clips, write_faces
from tests.training.metrics import read_metrics


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    clips = make_face_clips()
    return write_faces(tmp_path_factory.mktemp("faces"), {"train": clips, "validation": clips[:2]})


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def finished(faces, told, tmp_path_factory) -> Path:
    """A run that nothing interrupted. Not to be changed."""
    workdir = tmp_path_factory.mktemp("run")
    assert train_renderer(TINY_RENDERER, faces, workdir, report=told.append) == (6, True)
    return workdir


def test_a_run_logs_and_draws_what_it_makes(finished):
    metrics = read_metrics(finished)
    assert list(metrics) == [1, 2, 3, 4, 5, 6]
    assert {"train/loss", "train/landmarks", "train/grad_norm"} <= set(metrics[1])
    assert "train/discriminator" not in metrics[3]
    assert "train/discriminator" in metrics[4], "the second phase has an adversary"
    wanted = {f"validation/{kind}/{name}" for kind in ("self", "cross") for name in ("psnr", "ssim", "l1")}
    assert wanted | {f"validation/{name}" for name in ("yaw", "pitch", "roll", "landmarks", "loss")} <= set(metrics[6])
    small, large = (cv2.imread(str(finished / "pictures" / f"{step:06d}.png")) for step in (3, 6))
    assert small.shape == (4 * 32, 4 * 32, 3), "two pairs of each kind; source, driving, output, target"
    assert large.shape == (4 * 64, 4 * 64, 3)


def test_phases_are_announced(finished, told):
    assert sum(sentence.startswith("Phase ") for sentence in told) == 2


def test_what_it_has_learnt_becomes_a_checkpoint(finished, tmp_path):
    networks = load_networks(finished)[0]
    assert set(networks) == set(NAMES)
    assert set(networks["appearance"]) == {"params", "batch_stats"}
    assert set(networks["generator"]) == {"params", "spectral"}
    assert export_renderer(finished, None, tmp_path / "model") == 6
    read = load_checkpoint(tmp_path / "model")
    assert set(read.parts) == set(NAMES)
    assert read.config.generator == TINY_RENDERER.generator
    for name in NAMES:
        jax.tree.map(np.testing.assert_array_equal, read.variables(name), networks[name])


def test_what_it_has_not_learnt_comes_from_another_model(finished, small_variables, tmp_path):
    parts = {name: small_variables[name] for name in ("generator", "audio_encoder")}
    save_checkpoint(tmp_path / "base", parts, SMALL)
    export_renderer(finished, tmp_path / "base", tmp_path / "model")
    read = load_checkpoint(tmp_path / "model")
    assert set(read.parts) == {*NAMES, "audio_encoder"}
    assert (read.config.name, read.config.generator) == ("small", TINY_RENDERER.generator)
    assert read.config.audio_encoder == SMALL.audio_encoder
    jax.tree.map(np.testing.assert_array_equal, read.variables("audio_encoder"), small_variables["audio_encoder"])


def test_the_record_names_the_kind_of_run(finished):
    assert read_record(finished, RENDERER).config == TINY_RENDERER
    with pytest.raises(CheckpointError, match="is the run of a renderer"):
        read_record(finished, "denoiser")


@pytest.mark.slow
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(finished, faces, tmp_path):
    def interrupt(sentence: str) -> None:
        if sentence.startswith("Step 3:"):
            signal.raise_signal(signal.SIGTERM)

    outcome = train_renderer(TINY_RENDERER, faces, tmp_path / "run", report=interrupt)
    assert outcome.step in (4, 5)
    assert not outcome.finished
    assert train_renderer(TINY_RENDERER, faces, tmp_path / "run") == (6, True)
    jax.tree.map(np.testing.assert_array_equal, load_networks(tmp_path / "run")[0], load_networks(finished)[0])
    again, once = read_metrics(tmp_path / "run"), read_metrics(finished)
    assert [again[step]["train/loss"] for step in again] == [once[step]["train/loss"] for step in once]


def test_a_run_starts_from_the_average_of_another(finished, faces, tmp_path):
    """The first step has learning rate 0, so that after it nothing has changed but the statistics."""
    config = with_settings(TINY_RENDERER, ["first.steps=2", "second.steps=0", "checkpoints.every=1"])
    train_renderer(config, faces, tmp_path / "run", init=finished)
    before, after = load_networks(finished)[0], load_networks(tmp_path / "run", which=1)[0]
    for name in NAMES:
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-8), after[name]["params"], before[name]["params"])


def test_a_run_goes_on_without_what_it_began_with(finished, faces, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    write_record(run, replace(read_record(run, RENDERER), init=str(tmp_path / "gone")))
    assert train_renderer(TINY_RENDERER, faces, run) == (6, True)


def test_other_sizes_cannot_be_started_from(finished, faces, tmp_path):
    config = with_settings(TINY_RENDERER, ["generator.width=12"])
    with pytest.raises(InputError, match="has a generator of other sizes: here width is 12, not 8"):
        train_renderer(config, faces, tmp_path / "run", init=finished)


def test_a_generator_that_is_shown_keypoints_begins_as_one_that_is_not(finished, faces, tmp_path):
    """And with the first step that is taken at a rate it looks at them."""
    changes = ["first.steps=3", "second.steps=0", "checkpoints.every=1", "optimizer.warmup_steps=1"]
    config = with_settings(TINY_RENDERER, ["generator.keypoints=21", *changes])
    train_renderer(config, faces, tmp_path / "run", init=finished)
    before = load_networks(finished)[0]["generator"]["params"]
    first, last = (load_networks(tmp_path / "run", which=step)[0]["generator"]["params"] for step in (1, 3))
    assert not np.any(first["keypoints"]["kernel"]) and np.any(last["keypoints"]["kernel"])
    np.testing.assert_allclose(first["fc"]["kernel"], before["fc"]["kernel"], atol=1e-8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["first.steps=0", "second.steps=0"], "nothing to do"),
        (["first.batch_size=3", "accumulate=2"], "choose a multiple of 2"),
        (["second.image_size=30"], "second.image_size=30 cannot be halved"),
        (["second.motion_only=true"], "second is motion_only, so it has no pictures"),
        (["first.motion_only=true", "first.motion_frozen=true"], "so nothing learns"),
        (["first.rest_frozen=true", "first.motion_frozen=true"], "first is rest_frozen and motion_frozen"),
        (["guided=nose tip,left ear"], "The data set knows no landmark 'left ear'"),
        (["openings=nose tip - left ear"], "The data set knows no landmark 'left ear'"),
        (["first.true_keypoints=2"], "first.true_keypoints is a share"),
        (["openings=nose tip"], "openings are pairs such as"),
        (["regions=nose tip + left ear"], "The data set knows no landmark 'left ear'"),
        (["optimizer.warmup_steps=6"], "warmup_steps=6 must be fewer than steps=6"),
        (["optimizer.cooldown=1.5"], "optimizer.cooldown is a part of all steps"),
        (["accumulate=0"], "accumulate must be at least 1"),
        (["validation.every=0"], "validation.every must be at least 1"),
        (["first.batch_size=0"], "first.batch_size must be at least 1"),
        (["loss.perceptual=1"], "perceptual_weights"),
    ],
)
def test_what_cannot_be_trained_is_refused(faces, tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        train_renderer(with_settings(TINY_RENDERER, changes), faces, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*"))


def test_phases_that_are_not_run_need_not_fit():
    """On 16 devices, say: their batches are those of nobody."""
    check_renderer(replace(LIVEPORTRAIT, first=PhaseConfig(steps=200, batch_size=128)), 16)


def test_networks_of_the_varied_recipe_can_be_parted():
    config = RENDERER_CONFIGS["varied_transfer"]
    check_renderer(config, 1)
    assert {name: getattr(config, name) for name in NAMES} == {name: VARIED.sections[name] for name in NAMES}
    (phase,) = config.phases
    assert phase.rest_frozen
    assert config.loss.transfer > 0


def test_without_data_it_is_said(tmp_path):
    with pytest.raises(InputError, match="name it as `data`"):
        train_renderer(TINY_RENDERER, None, tmp_path / "run")


def test_all_clips_need_frames(tmp_path):
    data = write_faces(tmp_path / "data", {"train": [{**make_face_clips(1)[0], "jpeg": []}]})
    message = r"has no frames: make it again with python -m pipelines\.extract --keep_frames"
    with pytest.raises(InputError, match=message):
        train_renderer(TINY_RENDERER, data, tmp_path / "run")


def test_clips_whose_frames_were_not_kept_are_read_all_the_same():
    """What is known of their frames, as of an extraction, is of none: so that they can be refused in words."""
    clip = FaceClip.of({"name": "one", "jpeg": [], **{field: np.zeros(5, np.float32) for field in STATE}})
    assert not clip.jpeg and clip.state.shape == (0, len(STATE))


def judged(config: RendererConfig, step: int) -> float | None:
    """What a task says of a step whose loss is 0.5, with no networks and nothing that is drawn."""
    task = object.__new__(RendererTask)
    task.config, task._report = config, lambda sentence: None
    task._validation_of = lambda phase: lambda weights: ({"loss": 0.5}, None)
    return task.validate(SimpleNamespace(ema={}), step, NoLogs())


def test_a_step_is_judged_without_a_sheet():
    assert judged(TINY_RENDERER, TINY_RENDERER.steps) == 0.5


def test_the_best_is_one_for_pictures_of_the_last_size():
    """Small pictures are easier: the best of all would be from before there were large ones."""
    sizes = [judged(TINY_RENDERER, step) for step in (3, 4)]
    assert sizes == [None, 0.5]
    last = replace(TINY_RENDERER.second, adversarial=False)
    assert judged(replace(TINY_RENDERER, first=last), 3) == 0.5


@pytest.mark.parametrize("validation", [{}, {"validation": make_face_clips(2, frames=1)}])
def test_missing_validation_clips_are_missed_aloud(tmp_path, validation):
    """A single frame cannot drive another."""
    data = write_faces(tmp_path / "data", {"train": make_face_clips(), **validation})
    with pytest.warns(UserWarning, match="no clip in its validation split that is long enough"):
        RendererTask(TINY_RENDERER, data, tmp_path / "run", None, lambda sentence: None, False)
