"""Playmate's demo, made on another model: what feels is trained, all else stays where it is."""

import shutil
from dataclasses import replace

import jax
import numpy as np
import pytest

from configs import SMALL
from configs.demo_playmate import PLAYMATE_DEMO_CONFIGS, SMALL_PLAYMATE_DEMO
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.motion_models.playmate.parts import PARTS
from kdtalker_jax.motion_models.playmate.training.input import frames_of
from kdtalker_jax.motion_models.playmate.training.settings import check
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.recipes.playmate import train_playmate_demo
from kdtalker_jax.recipes.stages import MODEL

OWN = {part.name for part in PARTS}


@pytest.mark.parametrize("config", PLAYMATE_DEMO_CONFIGS.values(), ids=PLAYMATE_DEMO_CONFIGS)
def test_both_stages_are_of_one_size_and_performances_are_long_enough(config):
    for run in (config.first, config.second):
        check(run, 1)
        assert min(config.spoken_frames, config.calm_frames) > frames_of(run)
    assert config.first.diffusion_transformer == config.second.diffusion_transformer
    assert config.first.diffusion_transformer.width == config.second.emotion_module.width
    assert config.look == "varied", "the others feel nothing"


def test_a_base_that_lacks_networks_is_refused_before_any_work(small_variables, tmp_path):
    base, rest = tmp_path / "base", {name: tree for name, tree in small_variables.items() if name != "generator"}
    save_checkpoint(base, rest, SMALL)
    with pytest.raises(CheckpointError, match="lacks generator"):
        train_playmate_demo(SMALL_PLAYMATE_DEMO, tmp_path / "work", base)
    assert not (tmp_path / "work").exists()


def test_a_base_of_another_base_is_refused_before_any_work(small_checkpoint, small_variables, tmp_path):
    base = tmp_path / "base"
    config = load_checkpoint(small_checkpoint).config
    save_checkpoint(base, {"denoiser": small_variables["denoiser"]}, config, based_on=small_checkpoint)
    with pytest.raises(CheckpointError, match="yet another model"):
        train_playmate_demo(SMALL_PLAYMATE_DEMO, tmp_path / "work", base)
    assert not (tmp_path / "work").exists()


def test_a_training_that_cannot_be_is_refused_before_anything_is_drawn(small_checkpoint, tmp_path):
    impossible = replace(SMALL_PLAYMATE_DEMO, second=replace(SMALL_PLAYMATE_DEMO.second, emotion_dropout=1.0))
    with pytest.raises(InputError, match="leave no sample"):
        train_playmate_demo(impossible, tmp_path / "work", small_checkpoint)
    assert not (tmp_path / "work" / "clips").exists()


# A minute or two for all: drawing people who feel takes long to compile.
@pytest.fixture(scope="module")
def base(small_checkpoint, tmp_path_factory):
    return shutil.copytree(small_checkpoint, tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def work(base, tmp_path_factory):
    work = tmp_path_factory.mktemp("playmate") / "work"
    assert train_playmate_demo(SMALL_PLAYMATE_DEMO, work, base)
    return work


@pytest.mark.slow
def test_clips_say_what_is_felt(work):
    clips = [clip for split in ("train", "validation") for clip in open_clips(work / "clips", split)]
    for clip in clips:
        assert clip["emotion"].shape == clip["intensity"].shape == (clip["frames"],)
        assert clip["emotion"].dtype == np.int8 and set(clip["emotion"].tolist()) <= set(range(len(EMOTIONS)))
        np.testing.assert_array_equal(clip["intensity"][clip["emotion"] == 0], 0)
    calm = [clip for clip in clips if clip["name"].startswith("calm_")]
    assert (len(calm), len(clips)) == (SMALL_PLAYMATE_DEMO.calm, SMALL_PLAYMATE_DEMO.calm + SMALL_PLAYMATE_DEMO.spoken)
    assert any(clip["emotion"].any() for clip in clips) and not any(clip["emotion"].any() for clip in calm)


@pytest.mark.slow
def test_the_model_holds_its_own_networks_alone(work, base):
    model = load_checkpoint(work / MODEL)
    assert set(model.parts) == OWN and {"generator", "motion_extractor", "audio_encoder"} <= set(model.base.parts)
    assert {path.name for path in (work / MODEL / "networks").iterdir()} == OWN
    assert not list((work / MODEL).rglob("commit_success.txt"))


@pytest.mark.slow
def test_it_feels_and_speaks(work):
    model = TalkingPortrait.load(work / MODEL)
    source = model.prepare(np.full((64, 64, 3), 128, np.uint8), crop="none")
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    calm, sad = (model.animate(source, sound, steps=2, emotion=emotion) for emotion in (None, "sad"))
    assert np.isfinite(sad.to_vector()).all()
    assert np.abs(sad.exp - calm.exp).max() > 0


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_not_on_another_base(work, base, small_variables, tmp_path):
    def written() -> dict:
        files = [path for name in ("clips", MODEL) for path in (work / name).rglob("*") if path.is_file()]
        return {path: path.stat().st_mtime_ns for path in files}

    before = written()
    assert train_playmate_demo(SMALL_PLAYMATE_DEMO, work, base)
    assert written() == before

    altered = jax.tree.map(lambda leaf: leaf * np.float32(1.01), small_variables["motion_extractor"])
    save_checkpoint(tmp_path / "other", {**small_variables, "motion_extractor": altered}, SMALL)
    with pytest.raises(InputError, match="begun on other networks"):
        train_playmate_demo(SMALL_PLAYMATE_DEMO, work, tmp_path / "other")
