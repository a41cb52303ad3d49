"""DreamHead's demo recipe: what its stages hand on to each other."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from configs.demo_dreamhead import DREAMHEAD_DEMO_CONFIGS
from configs.kdtalker import DEMO
from kdtalker_jax import parallel
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.landmark_clips import check_landmarks, points_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.recipes.dreamhead import make_pictures, make_speech, make_world
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET
from kdtalker_jax.synthetic.builder import open_world, states_of
from kdtalker_jax.synthetic.clips import one_person, unflatten_person
from kdtalker_jax.synthetic.contours import contours
from kdtalker_jax.systems import disagreement, find_system

SMALL = DREAMHEAD_DEMO_CONFIGS["small"]


@pytest.mark.parametrize("config", DREAMHEAD_DEMO_CONFIGS.values(), ids=DREAMHEAD_DEMO_CONFIGS)
def test_stages_train_the_networks_of_the_model(config):
    assert disagreement(config.model, list(find_system(config.model.system).parts)) is None
    sections = config.model.sections
    encoding = list(filter(None, (config.cuts, config.autoencoder, config.images)))
    assert {run.autoencoder for run in encoding} == {sections["autoencoder"]}
    assert {run.image_size for run in encoding} == {sections["painting"].image_size}
    assert config.images.unet == sections["unet"]
    assert config.landmarks.landmark_denoiser == sections["landmark_denoiser"]
    assert config.landmarks.diffusion == sections["diffusion"]


def test_the_model_hears_as_the_demo_does():
    assert DREAMHEAD_DEMO_CONFIGS["demo"].model.audio_encoder == DEMO.audio_encoder


@pytest.mark.parametrize("name", ["cuts", "autoencoder", "images", "landmarks"])
def test_what_no_training_can_be_on_is_refused_before_anything_is_drawn(tmp_path, monkeypatch, name):
    monkeypatch.setattr(parallel, "device_count", lambda: 2)
    config = replace(SMALL, **{name: replace(getattr(SMALL, name), batch_size=7)})
    with pytest.raises(InputError, match="batch_size=7 cannot be split evenly over 2 devices"):
        make_world(config, tmp_path, print, False)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("work")
    assert make_world(SMALL, workdir, print, False)
    assert make_pictures(SMALL, workdir, print, False)
    return workdir


def test_pictures_have_the_landmarks_that_they_are_drawn_by(workdir):
    check_landmarks(workdir / "pictures")
    clips = {
        clip["name"]: clip for split in ("train", "validation") for clip in open_clips(workdir / "pictures", split)
    }
    drawn = {
        f"{split}/{i:06d}": clip
        for split in ("train", "validation")
        for i, clip in enumerate(open_world(workdir / "world", split))
    }
    assert clips.keys() == drawn.keys()
    for name, clip in clips.items():
        assert clip["jpeg"] == drawn[name]["jpeg"]
    one, truth = clips["train/000000"], drawn["train/000000"]
    states = jax.tree.map(lambda field: field[-1], states_of(truth))
    points = contours(unflatten_person(truth["person"]), states)
    np.testing.assert_allclose(points_of(one)[-1], points, atol=1e-5)


def test_people_are_read_as_they_were_written(workdir):
    clip = open_world(workdir / "world", "train")[0]
    person = unflatten_person(clip["person"])
    assert jax.tree.structure(person) == jax.tree.structure(one_person(jax.random.key(1), SMALL.look))


def test_speech_has_landmarks_and_sound_of_one_length(workdir, small_checkpoint):
    assert make_speech(small_checkpoint, SMALL, workdir, print, False)
    check_landmarks(workdir / "speech")
    clip = open_clips(workdir / "speech", "train")[0]
    assert clip["frames"] == SMALL.spoken_frames == len(points_of(clip)) == len(clip["audio"])
    assert clip["jpeg"] == []
    mouth = np.ptp(points_of(clip)[:, [CONTOUR_SET.index(13), CONTOUR_SET.index(14)], 1], axis=1)
    assert np.ptp(mouth) > 0.01, "nobody speaks"
