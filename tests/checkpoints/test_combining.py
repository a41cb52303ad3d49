"""A model of the networks of several: a renderer of one system, sound features of another."""

import dataclasses

import jax
import numpy as np
import pytest

from configs import SMALL
from configs.dreamhead import PUBLISHED_LIKE as DREAMHEAD
from configs.latent import SMALL as LATENT
from configs.playmate import PUBLISHED_LIKE
from configs.wav2vec2 import SMALL_WAV2VEC2
from kdtalker_jax.checkpoints import combine_models, load_checkpoint, save_checkpoint, write_model
from kdtalker_jax.checkpoints.writing import checkpoint_writer
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.hub.inspection import inspect
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import find_system


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    out = tmp_path_factory.mktemp("wav2vec2") / "model"
    config = SMALL_WAV2VEC2.replace(hearing=dataclasses.replace(SMALL_WAV2VEC2.hearing, resample="after"))
    save_checkpoint(out, {"wav2vec2": random_variables("wav2vec2", config)}, config)
    return out


def test_each_network_comes_from_the_first_that_has_it(small_checkpoint, listener, tmp_path):
    names, lacking = combine_models(tmp_path / "out", "playmate", [small_checkpoint, listener])
    made, renderer = load_checkpoint(tmp_path / "out"), load_checkpoint(small_checkpoint)
    assert set(names) == set(made.parts) == set(find_system("playmate").required) - {"diffusion_transformer"}
    assert lacking == ("diffusion_transformer",)
    assert made.config.generator == renderer.config.generator
    assert made.config.hearing.resample == "after"
    for name in ("statistics", "diffusion"):
        assert made.config.sections[name] == PUBLISHED_LIKE.sections[name], "no setting comes without its networks"
    jax.tree.map(np.testing.assert_array_equal, made.variables("generator"), renderer.variables("generator"))
    with pytest.raises(CheckpointError, match="lacks diffusion_transformer"):
        made.require(*made.system.required)


def test_networks_of_a_base_are_shared_where_they_are_the_same(small_checkpoint, small_variables, tmp_path):
    """Those that differ are copied, and all are what the models had."""
    changed = jax.tree.map(lambda x: x + np.float32(1), small_variables["generator"])
    save_checkpoint(tmp_path / "other", {**small_variables, "generator": changed}, SMALL)
    combine_models(tmp_path / "out", "kdtalker", [tmp_path / "other"], based_on=small_checkpoint)
    made = load_checkpoint(tmp_path / "out")
    assert set(made.parts) == {"generator"}
    assert made.available == load_checkpoint(tmp_path / "other").available
    jax.tree.map(np.testing.assert_array_equal, made.variables("generator"), changed)
    jax.tree.map(np.testing.assert_array_equal, made.variables("warping"), small_variables["warping"])


def test_sliders_come_with_the_networks_that_they_were_found_with(small_checkpoint, small_variables, tmp_path):
    """Those of another model would move keypoints that are elsewhere."""
    save_checkpoint(tmp_path / "own", small_variables, SMALL)
    with checkpoint_writer(tmp_path / "own", SMALL, []) as writer:
        writer.add_sliders({"smile": np.full((2, 21, 3), 0.01)}, ["motion_extractor"])
    combine_models(tmp_path / "same", "kdtalker", [tmp_path / "own"])
    assert set(load_checkpoint(tmp_path / "same").own_sliders.parts) == {"motion_extractor"}
    changed = jax.tree.map(lambda x: x + np.float32(1), small_variables["motion_extractor"])
    save_checkpoint(tmp_path / "other", {"motion_extractor": changed}, SMALL)
    combine_models(tmp_path / "mixed", "kdtalker", [tmp_path / "other", tmp_path / "own"])
    assert load_checkpoint(tmp_path / "mixed").sliders is load_checkpoint(small_checkpoint).sliders, (
        "the published ones"
    )


def test_a_base_gives_what_the_models_have_and_no_more(small_checkpoint, small_variables, tmp_path):
    """It may have parts that none of them has, also such as the new model has no sizes for."""
    kept = {name: small_variables[name] for name in ("generator", "warping")}
    save_checkpoint(tmp_path / "two", kept, SMALL)
    names, lacking = combine_models(tmp_path / "out", "kdtalker", [tmp_path / "two"], based_on=small_checkpoint)
    made = load_checkpoint(tmp_path / "out")
    assert set(made.available) == set(names) == set(kept)
    assert set(made.lacking) == set(lacking)


def test_a_model_that_has_nothing_of_its_own_is_whole_all_the_same(small_checkpoint, tmp_path):
    combine_models(tmp_path / "out", "kdtalker", [small_checkpoint], based_on=small_checkpoint)
    assert not load_checkpoint(tmp_path / "out").parts
    assert set(inspect(tmp_path / "out").available) == set(load_checkpoint(small_checkpoint).parts)


def test_what_is_trained_on_a_model_that_shares_networks_gets_them_too(small_checkpoint, small_variables, tmp_path):
    """`pipelines.export` and `convert.export` say that all else comes from there."""
    denoiser = {"denoiser": small_variables["denoiser"]}
    save_checkpoint(tmp_path / "mine", denoiser, SMALL, based_on=small_checkpoint)
    mine = load_checkpoint(tmp_path / "mine")
    write_model(tmp_path / "out", SMALL, denoiser, mine, without=["retargeting"])
    made = load_checkpoint(tmp_path / "out")
    assert made.base is None and made.lacking == ("retargeting",)
    assert set(made.parts) == set(mine.available) - {"retargeting"}
    jax.tree.map(np.testing.assert_array_equal, made.variables("warping"), small_variables["warping"])


def test_it_is_said_how_a_model_of_other_systems_networks_gets_what_it_lacks(small_checkpoint, tmp_path):
    combine_models(tmp_path / "out", "playmate", [small_checkpoint])
    with pytest.raises(CheckpointError, match=r"lacks wav2vec2: add with .*combine --system playmate"):
        load_checkpoint(tmp_path / "out").require("wav2vec2")


def test_what_does_not_go_together_is_refused(small_checkpoint, listener, tmp_path):
    with pytest.raises(CheckpointError, match="no networks of the system wav2vec2"):
        combine_models(tmp_path / "out", "wav2vec2", [small_checkpoint])
    with pytest.raises(CheckpointError, match="There is no system 'nonsense'"):
        combine_models(tmp_path / "out", "nonsense", [small_checkpoint])
    assert not (tmp_path / "out").exists()


def test_settings_that_the_other_system_has_not_are_those_of_the_new_one(listener, tmp_path):
    """Latent diffusion is not set to anything; what paints with its networks is."""
    networks = {name: random_variables(name, LATENT) for name in LATENT.sections}
    save_checkpoint(tmp_path / "latent", networks, LATENT)
    names, lacking = combine_models(tmp_path / "out", "dreamhead", [tmp_path / "latent", listener])
    assert (set(names), lacking) == ({"autoencoder", "unet", "wav2vec2"}, ("landmark_denoiser",))
    config = load_checkpoint(tmp_path / "out").config
    assert config.unet == LATENT.unet and config.hearing.resample == "after"
    assert (config.painting, config.statistics) == (DREAMHEAD.painting, DREAMHEAD.statistics)
