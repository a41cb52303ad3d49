"""Settings of the denoiser's training that cannot go together are refused."""

from dataclasses import replace

import pytest

from configs.training import KDTALKER
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.kdtalker.training.settings import check


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 6}, "multiple of 4"),
        ({"batch_size": 4, "accumulate": 2}, "multiple of 8"),
        ({"steps": 100}, "warmup_steps=2000 must be fewer"),
        ({"log_every": 0}, "log_every must be at least 1"),
        ({"audio_noise": 1.5}, "probability"),
        ({"min_snr": 0.0}, "more than 0"),
        ({"first_frame": 0.0}, "how often"),
    ],
)
def test_values_that_cannot_be_trained_with_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        check(replace(KDTALKER, **changes), devices=4)
