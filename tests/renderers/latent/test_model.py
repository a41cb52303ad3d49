"""Latents as their users take them: shapes, what is refused in words, and identities that need no recording."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs.latent import MODELS, SMALL
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent import LatentDiffusion
from kdtalker_jax.renderers.latent.config import AutoencoderConfig, UNetConfig
from kdtalker_jax.renderers.latent.training.loss import codebook_loss, noise_loss, straight_through
from kdtalker_jax.systems import disagreement, find_system

# Of fewer levels than any model has, since all that counts here is what is asked for.
TOY = SMALL.replace(
    "toy",
    autoencoder=AutoencoderConfig(width=8, multipliers=(1, 2), blocks=1, codes=50, groups=4),
    unet=UNetConfig(width=8, multipliers=(1, 2), blocks=1, attention=(2,), head_width=8, groups=4),
)


@pytest.fixture(scope="module")
def variables():
    return {name: random_variables(name, TOY) for name in ("autoencoder", "unet")}


@pytest.fixture(scope="module")
def model(variables):
    return LatentDiffusion(TOY, {name: fold(tree) for name, tree in variables.items()})


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_shapes(model):
    images = np.tanh(normal(2, 8, 12, 3))
    z = model.encode(images)
    assert (z.shape, z.dtype) == ((2, 4, 6, 3), jnp.float32)
    quantised, indices = model.quantise(z)
    assert (quantised.shape, indices.shape, indices.dtype) == (z.shape, (2, 4, 6), jnp.int32)
    assert model.decode(z).shape == images.shape
    assert model.noise(z, [0, 999], normal(2, 4, 6, 12)).shape == z.shape


def test_codes_are_the_nearest_and_decoding_quantises_first(model):
    z = normal(2, 4, 4, 3)
    quantised, indices = model.quantise(z)
    codebook = np.asarray(model.params["autoencoder"]["params"]["codebook"])
    distances = np.square(z[..., None, :] - codebook).sum(axis=-1)
    np.testing.assert_array_equal(indices, distances.argmin(axis=-1))
    np.testing.assert_array_equal(quantised, codebook[indices])
    np.testing.assert_array_equal(model.decode(z), model.decode(quantised))
    assert np.abs(z - quantised).max() > 0.1


def test_pictures_of_a_batch_do_not_touch_each_other(model):
    images = np.tanh(normal(2, 8, 8, 3))
    np.testing.assert_allclose(model.encode(images)[1:], model.encode(images[1:]), atol=1e-5)
    x, conditions = normal(2, 4, 4, 3), normal(2, 4, 4, 12, seed=1)
    both = model.noise(x, [3, 700], conditions)
    np.testing.assert_allclose(both[1:], model.noise(x[1:], 700, conditions[1:]), atol=1e-5)
    assert np.abs(both - model.noise(x, 3, conditions))[1].max() > 1e-3, "the time counts"
    assert np.abs(both - model.noise(x, [3, 700], conditions[::-1])).max() > 1e-3, "conditions count"


@pytest.mark.parametrize("kind", ["sample", "velocity"])
def test_the_noise_follows_from_whatever_the_network_tells(kind, model):
    """The network of `model` tells noise: another that answers the same, and means something else by it."""
    other = LatentDiffusion(TOY.replace(unet=replace(TOY.unet, prediction=kind)), model.params)
    x, conditions, times = normal(2, 4, 4, 3), normal(2, 4, 4, 12, seed=1), [3, 700]
    told, noise = model.noise(x, times, conditions), other.noise(x, times, conditions)
    kept = LatentDiffusion.schedule.alpha_bars[times][:, None, None, None]
    clean = (x - np.sqrt(1 - kept) * noise) / np.sqrt(kept)
    meant = clean if kind == "sample" else np.sqrt(kept) * noise - np.sqrt(1 - kept) * clean
    np.testing.assert_allclose(meant, told, atol=1e-4)
    assert np.abs(other.sample(x, conditions, steps=2) - model.sample(x, conditions, steps=2)).max() > 1e-3


def test_sampling_is_ddim_from_the_last_time_to_the_first_but_one(model):
    """Step by step, by its equation."""
    x_T, conditions = normal(1, 4, 4, 3), normal(1, 4, 4, 12, seed=1)
    kept = np.cumprod(1 - np.linspace(0.0015**0.5, 0.0195**0.5, 1000) ** 2)
    x = x_T.astype(np.float64)
    for t, before in ((501, 1), (1, 0)):
        eps = np.asarray(model.noise(x.astype(np.float32), t, conditions), np.float64)
        clean = (x - np.sqrt(1 - kept[t]) * eps) / np.sqrt(kept[t])
        x = np.sqrt(kept[before]) * clean + np.sqrt(1 - kept[before]) * eps
    np.testing.assert_allclose(model.sample(x_T, conditions, steps=2), x, atol=1e-4 * x.std())


def test_a_model_comes_back_from_disk(model, variables, tmp_path):
    save_checkpoint(tmp_path / "whole", variables, TOY)
    images = np.tanh(normal(1, 8, 8, 3))
    again = LatentDiffusion.load(tmp_path / "whole")
    np.testing.assert_array_equal(again.encode(images), model.encode(images))
    with pytest.raises(CheckpointError, match="A model of latent_diffusion is a part of others"):
        TalkingPortrait.load(tmp_path / "whole")


def test_a_part_alone_is_of_use(variables, tmp_path):
    save_checkpoint(tmp_path / "alone", {"autoencoder": variables["autoencoder"]}, TOY)
    model = LatentDiffusion.load(str(tmp_path / "alone"))
    assert model.decode(normal(1, 2, 2, 3)).shape == (1, 4, 4, 3)
    with pytest.raises(CheckpointError, match=r"This model has no unet: convert one with 'python -m convert\.latent"):
        model.noise(normal(1, 2, 2, 3), 0, normal(1, 2, 2, 12))
    assert load_checkpoint(tmp_path / "alone").lacking == ("unet",)


def test_other_folders_are_described(small_checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match=r"convert one with 'python -m convert\.latent_diffusion"):
        LatentDiffusion.load(tmp_path)
    with pytest.raises(CheckpointError, match="is a model of kdtalker, not of latent diffusion"):
        LatentDiffusion.load(small_checkpoint)


WRONG = {
    "one picture": (lambda m: m.encode(normal(8, 8, 3)), r"`images` has shape \(8, 8, 3\), not \(B, H, W, 3\)"),
    "channels first": (lambda m: m.encode(normal(1, 3, 8, 8)), "not \\(B, H, W, 3\\)"),
    "odd": (lambda m: m.encode(normal(1, 8, 7, 3)), "H and W divisible by 2"),
    "none": (lambda m: m.encode(normal(0, 8, 8, 3)), "has shape"),
    "bytes": (lambda m: m.encode(np.zeros((1, 8, 8, 3), np.uint8)), "of type uint8, not floating point"),
    "four channels": (lambda m: m.decode(normal(1, 4, 4, 4)), "`z` has shape"),
    "odd latent": (lambda m: m.noise(normal(1, 3, 4, 3), 0, normal(1, 3, 4, 12)), "`x` .*divisible by 2"),
    "three conditions": (lambda m: m.noise(normal(1, 4, 4, 3), 0, normal(1, 4, 4, 9)), "`conditions` has shape"),
    "others' conditions": (lambda m: m.sample(normal(1, 4, 4, 3), normal(2, 4, 4, 12)), "are not those of `x_T`"),
    "time": (lambda m: m.noise(normal(1, 4, 4, 3), 1000, normal(1, 4, 4, 12)), "`t` has to lie from 0 to 999"),
    "times": (lambda m: m.noise(normal(2, 4, 4, 3), [1, 2, 3], normal(2, 4, 4, 12)), "one for each of the 2 latents"),
    "half a time": (lambda m: m.noise(normal(1, 4, 4, 3), 0.5, normal(1, 4, 4, 12)), "one whole number"),
    "no steps": (lambda m: m.sample(normal(1, 4, 4, 3), normal(1, 4, 4, 12), steps=0), "takes from 1 to 1000 steps"),
}


@pytest.mark.parametrize(("ask", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_asked_is_refused_in_words(model, ask, message):
    with pytest.raises(InputError, match=message):
        ask(model)


def test_sizes_that_no_model_has_are_refused():
    for part in ("autoencoder", "unet"):
        sizes = type(TOY.sections[part])
        with pytest.raises(ValueError, match=rf"{part}\.multipliers has no numbers"):
            LatentDiffusion.check(TOY.replace(**{part: sizes(multipliers=())}))
        with pytest.raises(ValueError, match=f"{part} is 524288 wide"):
            LatentDiffusion.check(TOY.replace(**{part: sizes(width=8192, multipliers=(1, 64))}))
    other = TOY.replace(unet=UNetConfig(channels=4))
    assert disagreement(other, ["autoencoder", "unet"]).startswith("channels of a latent: 3 of autoencoder and 4")
    for config in MODELS.values():
        LatentDiffusion.check(config)
        assert disagreement(config, ["autoencoder", "unet"]) is None


def test_the_published_sizes_have_the_published_numbers_of_parameters():
    counts = {}
    for name, part in find_system("latent_diffusion").parts.items():
        leaves = jax.tree.leaves(part.shapes(MODELS["published"]))
        counts[name] = sum(int(np.prod(leaf.shape)) for leaf in leaves) / 1e6
    assert counts == {"autoencoder": pytest.approx(55.3, abs=0.05), "unet": pytest.approx(274.1, abs=0.05)}


def test_an_untrained_network_sees_no_noise():
    """The last convolution starts at zero, and those that end what is added to a map."""
    part = find_system("latent_diffusion").parts["unet"]
    params = jax.jit(lambda key: part.initialise(TOY, key))(jax.random.key(0))["params"]
    assert not np.any(params["conv_out"]["kernel"])
    assert not np.any(params["middle_0"]["conv_out"]["kernel"])
    assert not np.any(params["middle_1"]["projection"]["kernel"])
    assert np.any(params["middle_1"]["qkv"]["kernel"])


def test_losses():
    clean, noise, time = normal(2, 4, 4, 3), normal(2, 4, 4, 3, seed=1), np.array([0, 999])
    schedule = LatentDiffusion.schedule
    assert float(noise_loss(lambda x, t: noise, clean, noise, time, schedule)) == 0
    kept = schedule.alpha_bars[time][:, None, None, None]
    expected = np.square(np.sqrt(kept) * clean + np.sqrt(1 - kept) * noise - noise).mean()
    assert float(noise_loss(lambda x, t: x, clean, noise, time, schedule)) == pytest.approx(expected, rel=1e-5)


def test_codebook_loss_pulls_codes_less_than_latents():
    z, codes = jnp.asarray(normal(1, 2, 2, 3)), jnp.asarray(normal(1, 2, 2, 3, seed=1))
    to_z, to_codes = jax.grad(codebook_loss, argnums=(0, 1))(z, codes)
    np.testing.assert_allclose(to_z, 2 * (z - codes) / z.size, atol=1e-6)
    np.testing.assert_allclose(to_codes, -0.25 * to_z, atol=1e-6)
    np.testing.assert_allclose(straight_through(z, codes), codes, atol=1e-6)
    np.testing.assert_array_equal(jax.grad(lambda z: straight_through(z, codes).sum())(z), jnp.ones_like(z))
