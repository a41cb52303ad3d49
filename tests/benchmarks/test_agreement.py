"""The PyTorch baseline and the JAX networks read the same published files and compute the same from random inputs."""

import jax
import numpy as np
import pytest

from configs import PUBLISHED, SMALL
from convert.official import convert
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.nn.folding import fold
from tests.networks import PARTS, REQUIRED

torch = pytest.importorskip("torch", reason="compares with PyTorch: install the extra 'torch'")


@pytest.fixture(
    scope="module", params=[SMALL, pytest.param(PUBLISHED, marks=pytest.mark.slow)], ids=lambda config: config.name
)
def pair(request, tmp_path_factory):
    """(sizes, PyTorch networks, JAX apply) of one set of published files."""
    from benchmarks.torch_baseline import load_published, save_published

    folder, config = tmp_path_factory.mktemp(request.param.name), request.param
    save_published(folder / "files", config, seed=3)
    convert(folder / "files", folder / "checkpoint", REQUIRED, config.name)
    checkpoint = load_checkpoint(folder / "checkpoint")

    def apply(name, *arguments, **keywords):
        method = keywords.pop("method", None)
        network = PARTS[name].build(config)
        run = jax.jit(lambda v, a, k: network.apply(v, *a, **k, method=method))
        return run(fold(checkpoint.variables(name)), arguments, keywords)

    return config, load_published(folder / "files", config=config), apply


@pytest.fixture
def normal():
    random = np.random.default_rng(7)
    return lambda *shape: random.standard_normal(shape).astype(np.float32)


def assert_agree(actual, expected, tolerance=1e-4):
    expected = expected.detach().numpy()
    assert np.std(expected) > 0
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=tolerance * np.std(expected))


def channels_first(x):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


@torch.inference_mode()
def test_portrait(pair, normal):
    config, networks, apply = pair
    size = config.appearance.image_size
    image = np.random.default_rng(0).random((2, size, size, 3), dtype=np.float32)
    volume = np.asarray(apply("appearance", image))
    assert_agree(np.moveaxis(volume, -1, 1), networks.appearance(channels_first(image)))
    heads = networks.motion_extractor(channels_first(image))
    for name, head in apply("motion_extractor", image).items():
        assert_agree(head, heads[name])


@torch.inference_mode()
def test_renderer(pair, normal):
    config, networks, apply = pair
    c = config.warping
    volume = normal(2, c.volume_depth, c.feature_size, c.feature_size, c.volume_channels)
    source, driving = 0.3 * normal(2, 21, 3), 0.3 * normal(2, 21, 3)
    features = np.asarray(apply("warping", volume, source=source, driving=driving).features)
    theirs = networks.warping(channels_first(volume), torch.from_numpy(source), torch.from_numpy(driving))
    # A volume of white noise turns the rounding of coordinates into differences of its own size.
    assert_agree(np.moveaxis(features, -1, 1), theirs, 5e-4)
    image = np.asarray(apply("generator", features))
    assert_agree(np.moveaxis(image, -1, 1), networks.generator(channels_first(features)))


@torch.inference_mode()
def test_speech(pair, normal):
    config, networks, apply = pair
    mel = normal(3, 80, 16)
    assert_agree(apply("audio_encoder", mel), networks.audio_encoder(torch.from_numpy(mel)[:, None]))
    tokens, audio = normal(2, 66, 70), normal(2, 66, config.denoiser.audio_features)
    time = np.array([7, 900])
    theirs = networks.denoiser(*map(torch.from_numpy, (tokens, time, audio)))
    assert_agree(apply("denoiser", tokens, time, audio), theirs)


@torch.inference_mode()
def test_stitching(pair, normal):
    from benchmarks.torch_baseline import stitch

    _, networks, apply = pair
    source, driving = normal(2, 21, 3), normal(2, 21, 3)
    theirs = stitch(networks.retargeting, torch.from_numpy(source), torch.from_numpy(driving))
    assert_agree(apply("retargeting", source, driving, method="stitch"), theirs)
