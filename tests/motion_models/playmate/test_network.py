"""The two networks: their sizes, what each input reaches, and what an untrained module leaves alone."""

import dataclasses

import jax
import numpy as np
import pytest

from configs.playmate import DEMO, PUBLISHED_LIKE, SMALL
from kdtalker_jax.motion_models.playmate.blocks import Depthwise
from kdtalker_jax.motion_models.playmate.config import EmotionConfig, TransformerConfig
from kdtalker_jax.motion_models.playmate.parts import EMOTIONS, TRANSFORMER
from kdtalker_jax.random_parts import random_variables

SIZES = SMALL.diffusion_transformer
FRAMES = SIZES.previous + SIZES.window


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def variables():
    return {part.name: random_variables(part.name, SMALL) for part in (TRANSFORMER, EMOTIONS)}


def inputs(batch: int = 2) -> tuple:
    tokens, audio = normal(1, batch, FRAMES, SIZES.motion_size), normal(2, batch, FRAMES, SIZES.audio_features)
    return tokens, np.int32([900, 3][:batch]), audio, normal(3, batch, 63)


_APPLY = jax.jit(TRANSFORMER.build(SMALL).apply, static_argnames="train")


def apply(variables, *arguments, **options):
    return np.asarray(_APPLY(variables[TRANSFORMER.name], *arguments, **options))


@pytest.mark.parametrize(
    ("model", "millions"),
    [
        (PUBLISHED_LIKE, (46.6, 10.0)),
        (
            DEMO.replace(diffusion_transformer=dataclasses.replace(DEMO.diffusion_transformer, audio_features=512)),
            (1.6, 0.6),
        ),
    ],
    ids=["full", "demo"],
)
def test_as_many_parameters_as_the_sizes_say(model, millions):
    for part, expected in zip((TRANSFORMER, EMOTIONS), millions, strict=True):
        count = sum(leaf.size for leaf in jax.tree.leaves(part.shapes(model)))
        assert round(count / 1e6, 1) == expected


@pytest.mark.parametrize("what", ["tokens", "time", "audio", "canonical"])
def test_all_that_it_is_told_counts(variables, what):
    given = dict(zip(("tokens", "time", "audio", "canonical"), inputs(1), strict=True))
    before = apply(variables, **given)
    assert before.shape == (1, SIZES.window, 70)
    given[what] = given[what] + np.asarray(1, given[what].dtype)
    assert np.abs(apply(variables, **given) - before).max() > 1e-3


def test_the_frames_before_count_and_are_told_apart(variables):
    tokens, *others = inputs(1)
    before = apply(variables, tokens, *others)
    past, both = tokens.copy(), tokens.copy()
    past[:, 0] += 1
    assert np.abs(apply(variables, past, *others) - before).max() > 1e-4
    swapped = {"params": dict(variables[TRANSFORMER.name]["params"])}
    swapped["params"]["origin_table"] = swapped["params"]["origin_table"][::-1]
    after = apply({TRANSFORMER.name: swapped}, both, *others)
    assert np.abs(after - before).max() > 1e-4


def test_without_sound_its_features_do_not_matter(variables):
    tokens, time, audio, canonical = inputs()
    heard = np.float32([0, 1])
    one, other = (apply(variables, tokens, time, given, canonical, heard) for given in (audio, audio + 1))
    np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(one[1] - other[1]).max() > 1e-3
    np.testing.assert_allclose(one[1], apply(variables, tokens, time, audio, canonical)[1], atol=1e-5)


def test_the_emotion_module_changes_nothing_before_it_is_trained():
    """Bit for bit, whatever the emotion, the time and the frame."""
    fresh = jax.jit(lambda key: EMOTIONS.initialise(SMALL, key))(jax.random.key(0))
    hidden, weights = normal(4, 2, FRAMES, 32), np.full((2, FRAMES, 9), 1 / 9, np.float32)
    changed = jax.jit(EMOTIONS.build(SMALL).apply)(fresh, hidden, np.int32([1, 999]), weights)
    np.testing.assert_array_equal(changed, hidden)


def test_emotions_differ_once_it_is_trained(variables):
    hidden = normal(4, 1, FRAMES, 32)
    weights = np.eye(9, dtype=np.float32)[:, None].repeat(FRAMES, axis=1)  # (9, T, 9)
    apply_module = jax.jit(EMOTIONS.build(SMALL).apply)
    changed = np.asarray(apply_module(variables[EMOTIONS.name], hidden.repeat(9, axis=0), np.full(9, 500), weights))
    different = np.abs(changed[:, None] - changed[None]).max(axis=(2, 3))
    assert (different + np.eye(9) > 1e-3).all()


def test_dropout_is_for_training_alone(variables):
    given = inputs(1)
    np.testing.assert_array_equal(apply(variables, *given), apply(variables, *given))
    dropped = apply(variables, *given, heard=None, train=True, rngs={"dropout": jax.random.key(0)})
    assert np.abs(dropped - apply(variables, *given)).max() > 1e-3


@pytest.mark.parametrize("kernel", [1, 4, 5])
def test_the_depthwise_convolution_is_flax_s(kernel):
    """For even kernels as well, of which one side sees a frame more."""
    import flax.linen as nn

    x = normal(6, 2, 20, 8)
    ours = Depthwise(kernel)
    weights = ours.init(jax.random.key(1), x)
    theirs = nn.Conv(8, (kernel,), padding="SAME", feature_group_count=8)
    params = {"kernel": weights["params"]["kernel"][:, None], "bias": weights["params"]["bias"]}
    np.testing.assert_allclose(ours.apply(weights, x), theirs.apply({"params": params}, x), atol=1e-5)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="twice the heads"):
        TransformerConfig(width=30, heads=4)
    with pytest.raises(ValueError, match="dropout is 1"):
        TransformerConfig(dropout=1)
    with pytest.raises(ValueError, match="rows is 8"):
        EmotionConfig(rows=8)
