"""The renderer learns the same on any number of devices: batch norms see the whole batch."""

import numpy as np
import pytest

from tests.training.workers import on_one_and_two_devices

# What it shares with others is looked at by tests/test_parallel.py and, with batch norms, tests/recipes.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[int, dict[str, np.ndarray]]:
    """By number of devices."""
    return on_one_and_two_devices("tests.training.renderer_worker", tmp_path_factory.mktemp("parallel"))


def test_losses_and_gradients_are_the_same(results):
    for name, expected in results[1].items():
        if name.startswith("0/"):
            np.testing.assert_allclose(results[2][name], expected, rtol=1e-4, atol=1e-6, err_msg=name)


def test_batch_norms_have_seen_the_same(results):
    compared = [name for name in results[1] if name.startswith("statistics/")]
    assert any("batch_stats" in name for name in compared)
    for name in compared:
        np.testing.assert_allclose(results[2][name], results[1][name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_later_steps_stay_together(results):
    for number in (1, 2):
        np.testing.assert_allclose(results[2][f"{number}/loss"], results[1][f"{number}/loss"], rtol=1e-3)
