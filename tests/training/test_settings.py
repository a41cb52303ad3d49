"""Settings from the command line: parsed, checked, and refused with the nearest name."""

from dataclasses import replace

import pytest

from configs.training import CONFIGS, KDTALKER
from kdtalker_jax.errors import InputError
from kdtalker_jax.training.settings import differences, settings, to_text, with_settings


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("optimizer.learning_rate=1e-4", 1e-4),
        ("optimizer.learning_rate=none", None),
        ("batch_size=64", 64),
        ("ema.enabled=true", True),
        ("dtype=bfloat16", "bfloat16"),
        ("denoiser.layers = 2", 2),
        ("validation.split=train", "train"),
    ],
)
def test_settings_are_replaced_with_their_own_type(assignment, value):
    config = with_settings(KDTALKER, [assignment])
    name = assignment.partition("=")[0].strip()
    found = {name: value for name, _, value in settings(config)}[name]
    assert found == value
    assert type(found) is type(value)
    assert set(differences(KDTALKER, config)) <= {name}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("optimiser.learning_rate=1", "did you mean 'optimizer.learning_rate'"),
        ("learning_rate=1", "did you mean 'optimizer.learning_rate'"),
        ("bach_size=1", "did you mean 'batch_size'"),
        ("optimizer=1", "There is no setting 'optimizer'"),
        ("zzzz=1", "there are name, seed, steps"),
        ("batch_size", "write batch_size=VALUE"),
        ("batch_size=many", "batch_size is a whole number, not 'many'"),
        ("batch_size=1.5", "whole number"),
        ("audio_noise=x", "audio_noise is a number"),
        ("ema.enabled=yes", "true or false"),
        ("dtype=float16", "one of float32, bfloat16"),
        ("devices.mapping=vmap", "one of pmap, jit, fsdp"),
        ("diffusion.noise_offset=-0.1", "diffusion.noise_offset is a standard deviation"),
        ("diffusion.noise_offset=nan", "standard deviation"),
        ("diffusion.beta_end=1.0", "diffusion.beta_end is a variance"),
        ("diffusion.beta_end=nan", "variance"),
    ],
)
def test_mistakes_are_refused_and_explained(assignment, message):
    with pytest.raises(InputError, match=message):
        with_settings(KDTALKER, [assignment])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_what_is_printed_can_be_set_again(config):
    assert with_settings(KDTALKER, to_text(config).splitlines()) == config


def test_differences_are_told_in_words():
    assert differences(KDTALKER, replace(KDTALKER, seed=3)) == {"seed": "seed is 3, not 0"}
