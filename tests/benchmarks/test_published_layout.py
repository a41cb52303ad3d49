"""The made-up checkpoints have the published names and shapes, and values that networks behave well on."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.published_layout import FILES, LAYOUTS, file_content, random_state_dict
from configs import PUBLISHED, SMALL


def manifest_shapes(parity: Path, network: str) -> dict[str, tuple[int, ...]]:
    entry = json.loads((parity / "manifest.json").read_text())[Path(FILES[network]).name]
    groups = {f"{group}.": tensors for group, tensors in entry["groups"].items()} if "groups" in entry else None
    return {
        f"{prefix}{key}": tuple(shape)
        for prefix, tensors in (groups or {"": entry["tensors"]}).items()
        for key, shape, _ in tensors
    }


@pytest.mark.parametrize("network", LAYOUTS)
def test_layout_is_the_published_one(parity, network):
    """No name and no shape differs from the published files."""
    assert LAYOUTS[network](PUBLISHED) == manifest_shapes(parity, network)


@pytest.mark.parametrize("network", LAYOUTS)
def test_values_depend_on_the_seed_alone(network):
    """Two machines must compare the same networks; another seed must give others."""
    first, again, other = (random_state_dict(network, SMALL, seed) for seed in (3, 3, 4))
    assert {key: value.shape for key, value in first.items()} == LAYOUTS[network](SMALL)
    for key, value in first.items():
        assert np.isfinite(value).all(), key
        assert value.dtype == (np.int64 if key.endswith("num_batches_tracked") else np.float32)
        np.testing.assert_array_equal(value, again[key])
        constant = key.endswith(("num_batches_tracked", "freqs", "freq_bands"))
        assert constant == np.array_equal(value, other[key]), key


def test_batch_norm_variances_are_positive():
    state = random_state_dict("warping", SMALL)
    assert all((value > 0.4).all() for key, value in state.items() if key.endswith("running_var"))


def test_spectral_vectors_give_the_largest_singular_value():
    """u^T W v is the norm by which the generator's kernels are divided."""
    state = random_state_dict("generator", SMALL)
    stems = [key.removesuffix("_orig") for key in state if key.endswith("weight_orig")]
    assert len(stems) == 2 * SMALL.generator.middle_blocks + 3 * len(SMALL.generator.up_widths)
    for stem in stems:
        matrix = state[f"{stem}_orig"].reshape(len(state[f"{stem}_u"]), -1)
        sigma = state[f"{stem}_u"] @ matrix @ state[f"{stem}_v"]
        assert sigma == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-5), stem


def test_predicted_motion_is_spread_like_the_training_set():
    """Heads without a meaning would throw keypoints out of the picture."""
    state = random_state_dict("motion_extractor", SMALL)
    deviation = state["detector.fc_kp.bias"] - np.array(SMALL.statistics.kp_mean)
    assert (np.abs(deviation) < 0.5 * np.array(SMALL.statistics.kp_std)).all()


def test_files_hold_what_published_files_hold():
    """Readers meet the wrapping of the real files: training state, other networks, three state dicts in one."""
    state = random_state_dict("retargeting", SMALL)
    groups = file_content("retargeting", state)
    assert set(groups) == {"retarget_shoulder", "retarget_mouth", "retarget_eye"}
    assert sum(map(len, groups.values())) == len(state)
    assert all(key.startswith("module.mlp.") for group in groups.values() for key in group)
    assert file_content("denoiser", {"a": 1})["model"] == {"a": 1}
    assert file_content("audio_encoder", {"a": 1})["state_dict"] == {"a": 1}
    assert file_content("warping", {"a": 1}) == {"a": 1}
