"""The moving average of parameters is the published one."""

import jax.numpy as jnp
import pytest

from configs.training import EmaConfig
from kdtalker_jax.training.optimizer import update_ema


def test_moving_average_moves_in_every_twentieth_step():
    old, new = {"a": jnp.zeros(2)}, {"a": jnp.ones(2)}
    config = EmaConfig(enabled=True)
    assert float(update_ema(old, new, 19, config)["a"][0]) == 0
    assert float(update_ema(old, new, 20, config)["a"][0]) == pytest.approx(0.001)
    assert update_ema(None, new, 20, config) is None
