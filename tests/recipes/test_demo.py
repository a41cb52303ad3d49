"""The settings of the demo recipes: their stages make parts of one model, which is small enough for the package."""

import math
from dataclasses import replace

import chex
import jax
import numpy as np
import pytest

from configs.demo import DEMO_CONFIGS, VARIED_DEMO
from kdtalker_jax import parallel
from kdtalker_jax.errors import InputError
from kdtalker_jax.recipes.demo import train_demo
from kdtalker_jax.recipes.stages import as_shipped
from kdtalker_jax.renderers.liveportrait.training.trainer import check_renderer
from kdtalker_jax.systems import disagreement
from kdtalker_jax.training.settings import with_settings
from tests.networks import PARTS

SMALL = DEMO_CONFIGS["small"]


@pytest.mark.parametrize("config", DEMO_CONFIGS.values(), ids=DEMO_CONFIGS)
def test_stages_train_the_networks_of_the_model(config):
    assert disagreement(config.model, list(PARTS)) is None
    sections = config.model.sections
    for run in config.renderer_runs.values():
        check_renderer(run, 1)
        trained = {name: getattr(run, name) for name in ("appearance", "motion_extractor", "warping")}
        assert trained == {name: sections[name] for name in trained}
        assert replace(run.generator, keypoints=sections["generator"].keypoints) == sections["generator"]
    assert run.generator == sections["generator"], "the last run has trained all of it"
    trained = {"audio_encoder": config.audio.encoder, "denoiser": config.denoiser.denoiser}
    assert trained == {name: sections[name] for name in trained}
    assert config.denoiser.diffusion == sections["diffusion"]


@pytest.mark.parametrize(
    ("devices", "changes", "said"),
    [
        (3, {}, r"first.batch_size=2 cannot be split evenly over 3 devices"),
        (2, {"details": replace(SMALL.details, accumulate=3)}, "choose a multiple of 6"),
        (2, {"retargeting": with_settings(SMALL.retargeting, ["phase.batch_size=5"])}, r"phase.batch_size must be"),
        (2, {"audio": replace(SMALL.audio, batch_size=5)}, r"^batch_size must be a multiple of the 2 devices"),
        (2, {"denoiser": replace(SMALL.denoiser, batch_size=5)}, r"batch_size=5 cannot be split evenly"),
    ],
)
def test_what_no_training_can_be_on_is_refused_before_anything_is_drawn(tmp_path, monkeypatch, devices, changes, said):
    monkeypatch.setattr(parallel, "device_count", lambda: devices)
    with pytest.raises(InputError, match=said):
        train_demo(replace(SMALL, **changes), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_varied_model_leaves_room_for_others_in_the_package():
    sizes = VARIED_DEMO.model
    trees = [part.shapes(sizes) for part in PARTS.values() if not part.judges]
    assert 4 * sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(trees)) < 24e6, "bytes of float32"


def test_what_ships_is_rounded_to_bfloat16():
    """Weights, and once: what is rounded already stays. Biases and statistics are not touched."""
    rng = np.random.default_rng(0)
    kernel, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,)))
    networks = {"warping": {"params": {"kernel": kernel, "bias": bias}, "batch_stats": {"mean": bias}}}
    shipped = as_shipped(networks)
    found = shipped["warping"]["params"]["kernel"]
    assert found.dtype == np.float32
    assert not np.any(found.view(np.uint32) & 0xFFFF), "half of each number compresses to nothing"
    np.testing.assert_allclose(found, kernel, rtol=2**-8)
    np.testing.assert_array_equal(shipped["warping"]["params"]["bias"], bias)
    chex.assert_trees_all_equal(as_shipped(shipped), shipped)
