"""Both networks of latent diffusion against their recorded outputs, from a published file on."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from convert import latent
from convert.latent_diffusion import convert
from convert.rules import flatten
from kdtalker_jax.renderers.latent import LatentDiffusion
from kdtalker_jax.renderers.latent.training.loss import codebook_loss, noise_loss


@pytest.fixture(scope="module")
def expected(parity):
    """By name, channels last where they are maps."""
    with np.load(parity / "expected_ldm_seed0.npz") as file:
        return {name: channels_last(x) for name, x in file.items()}


def channels_last(x):
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def normal(seed, *shape):
    """As recorded: drawn channels first."""
    return channels_last(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def load(parity, folder, size):
    script = parity / "make_ldm.py"
    subprocess.run([sys.executable, script, "--out", folder / "published", "--size", size], check=True)
    convert(folder / "published", folder / "converted")
    return LatentDiffusion.load(folder / "converted")


@pytest.fixture(scope="module")
def tiny(parity, tmp_path_factory):
    return load(parity, tmp_path_factory.mktemp("tiny"), "tiny")


@pytest.fixture
def assert_parity(request, expected):
    """As of `conftest`, of these recordings."""

    def check(name, actual, tolerance=1e-4):
        recorded = expected[name]
        assert actual.shape == recorded.shape
        assert np.std(recorded) > 0, "a recording that never varies proves nothing"
        difference = np.abs(np.asarray(actual, np.float64) - recorded).max() / np.std(recorded)
        assert difference <= tolerance, f"{name}: {difference:.2e} of the standard deviation"

    return check


def test_encode(tiny, expected, assert_parity):
    assert_parity("tiny/autoencoder/z", tiny.encode(expected["tiny/autoencoder/image"]))


def test_quantise(tiny, expected, assert_parity):
    z = tiny.encode(expected["tiny/autoencoder/image"])
    quantised, indices = tiny.quantise(z)
    np.testing.assert_array_equal(indices, expected["tiny/autoencoder/indices"])
    assert_parity("tiny/autoencoder/quantised", quantised)
    loss = codebook_loss(z, quantised)
    assert float(loss) == pytest.approx(float(expected["tiny/autoencoder/codebook_loss"]), rel=1e-5)


def test_decode(tiny, expected, assert_parity):
    assert_parity("tiny/autoencoder/decoded", tiny.decode(expected["tiny/autoencoder/quantised"]))
    z = expected["tiny/autoencoder/z"]
    assert_parity("tiny/autoencoder/decoded", tiny.decode(z))
    paint = jax.jit(lambda params, z: tiny.autoencoder.apply(params, z, method="decode"))
    assert_parity("tiny/autoencoder/decoded_unquantised", paint(tiny.params["autoencoder"], z))


def test_noise(tiny, expected, assert_parity):
    x, conditions = normal(21, 3, 3, 16, 16), normal(22, 3, 12, 16, 16)
    assert_parity("tiny/unet/eps", tiny.noise(x, expected["tiny/unet/t"], conditions))


def test_schedule(expected):
    schedule = LatentDiffusion.schedule
    np.testing.assert_allclose(schedule.betas, expected["schedule/betas"], rtol=1e-12)
    np.testing.assert_allclose(schedule.alpha_bars, expected["schedule/alphas_cumprod"], rtol=1e-12)
    for steps in (10, 50):
        times = schedule.sampling_times(steps)[::-1]
        np.testing.assert_array_equal(times, expected[f"schedule/ddim{steps}_timesteps"])
        np.testing.assert_allclose(schedule.alpha_bars[times], expected[f"schedule/ddim{steps}_alphas"], rtol=1e-6)
        before = [schedule.last_alpha_bar, *schedule.alpha_bars[times[:-1]]]
        np.testing.assert_allclose(before, expected[f"schedule/ddim{steps}_alphas_prev"], rtol=1e-6)


def test_ten_steps_of_ddim(tiny, assert_parity):
    x = tiny.sample(normal(31, 2, 3, 16, 16), normal(22, 3, 12, 16, 16)[:2], steps=10)
    assert_parity("tiny/ddim10", x, 1e-3)
    assert_parity("tiny/ddim10_decoded", tiny.decode(x), 1e-3)


def test_loss_and_gradients(tiny, expected):
    clean, noise, conditions = normal(41, 4, 3, 16, 16), normal(42, 4, 3, 16, 16), normal(43, 4, 12, 16, 16)

    @jax.jit
    @jax.value_and_grad
    def loss_of(params):
        def predict(x, time):
            return tiny.unet.apply(params, x, time, conditions)

        return noise_loss(predict, clean, noise, expected["tiny/train/t"], tiny.schedule)

    loss, gradients = loss_of(tiny.params["unet"])
    assert float(loss) == pytest.approx(float(expected["tiny/train/loss"]), rel=1e-5)
    leaves = {}
    for path, gradient in flatten(gradients).items():
        key, rule = latent.UNET.published(path)
        leaves[key] = rule.transform.undo(np.asarray(gradient))
    norm = np.sqrt(sum(np.square(leaf.astype(np.float64)).sum() for leaf in leaves.values()))
    assert norm == pytest.approx(float(expected["tiny/train/gradient_norm"]), rel=1e-4)
    recorded = {name.rpartition("/")[2]: x for name, x in expected.items() if name.startswith("tiny/train/gradient/")}
    assert len(recorded) == 8
    for key, numbers in recorded.items():
        largest = np.abs(leaves[key]).max()
        np.testing.assert_allclose(leaves[key].ravel()[:400], numbers, rtol=0, atol=1e-3 * largest, err_msg=key)


@pytest.mark.slow
def test_the_published_size(parity, expected, tmp_path, assert_parity):
    """1.3 GB of weights."""
    model = load(parity, tmp_path, "vqf4")
    assert model.config.name == "published"
    image = waves(256)
    np.testing.assert_array_equal(image[:, ::16, ::16], expected["vqf4/autoencoder/image_strided"])
    z = model.encode(image)
    assert_parity("vqf4/autoencoder/z", z)
    quantised, indices = model.quantise(z)
    assert (np.asarray(indices) == expected["vqf4/autoencoder/indices"]).mean() >= 0.995
    loss = codebook_loss(z, quantised)
    assert float(loss) == pytest.approx(float(expected["vqf4/autoencoder/codebook_loss"]), rel=1e-4)
    decoded = model.decode(expected["vqf4/autoencoder/quantised"])
    assert_parity("vqf4/autoencoder/decoded", decoded[:, ::4, ::4])
    eps = model.noise(normal(21, 1, 3, 64, 64), jnp.asarray(expected["vqf4/unet/t"]), normal(22, 1, 12, 64, 64))
    assert_parity("vqf4/unet/eps", eps)


def waves(size):
    """The recorded picture: four waves a channel, and noise."""
    r = np.random.RandomState(11)
    y, x = np.mgrid[:size, :size] / size
    picture = np.zeros((1, 3, size, size))
    for channel in picture[0]:
        for _ in range(4):
            fx, fy, p, a = r.uniform(-6, 6), r.uniform(-6, 6), r.uniform(0, 6.283), r.uniform(0.1, 0.4)
            channel += a * np.sin(2 * np.pi * (fx * x + fy * y) + p)
    picture += 0.05 * r.standard_normal(picture.shape)
    return channels_last(np.clip(picture, -1, 1).astype(np.float32))
