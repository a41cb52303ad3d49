"""The audio encoder learns the same on any number of devices: batch norms see the whole batch."""

import numpy as np
import pytest

from tests.training.workers import on_one_and_two_devices

SPLITS = [("pmap", 2), ("jit", 1), ("jit", 2)]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[int, dict[str, np.ndarray]]:
    """By number of devices."""
    return on_one_and_two_devices("tests.recipes.audio_worker", tmp_path_factory.mktemp("parallel"))


@pytest.mark.parametrize(("mapping", "devices"), SPLITS)
def test_losses_gradients_and_norms_are_the_same(results, mapping, devices):
    compared = [name.removeprefix("pmap/") for name in results[1] if name.startswith("pmap/")]
    assert sum("batch_stats" in name for name in compared) == 26, "mean and variance of 13 layers"
    for name in compared:
        found, wanted = results[devices][f"{mapping}/{name}"], results[1][f"pmap/{name}"]
        # The optimiser makes rounding larger, and the statistics after it hear of that.
        rounding = 2e-4 if name.startswith("statistics/") else 1e-5
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=rounding, err_msg=name)
