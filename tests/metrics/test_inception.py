"""FID's Inception against numbers of pytorch-fid 0.3.0, for the same weights and pictures."""

import numpy as np
import pytest
import safetensors.numpy

from kdtalker_jax.errors import InputError
from kdtalker_jax.metrics.inception import PictureStatistics, convolutions, inception, load_inception, resized
from tests.metrics.networks import inception_weights, pictures

EVERY = 293  # features
SMALL = [  # of two pictures of 64x80, which are enlarged
    [
        1.8849464654922485,
        0.00961085595190525,
        0.0,
        0.20299279689788818,
        0.0,
        0.053915925323963165,
        0.015783559530973434,
    ],
    [
        *(2.407829761505127, 0.02091783657670021, 0.0, 0.2049529105424881),
        *(0.00043772943899966776, 0.08016960322856903, 0.0187616515904665),
    ],
]
LARGE = [  # of 320x340, which are reduced
    [
        *(3.3238654136657715, 0.017070090398192406, 0.0, 0.28709614276885986),
        *(0.007880350574851036, 0.11984284967184067, 0.02245825156569481),
    ],
    [
        *(3.601547956466675, 0.021911118179559708, 0.0, 0.2921912670135498),
        *(0.0036944602616131306, 0.12378984689712524, 0.02640501968562603),
    ],
]
MEAN = 0.5252192  # of all features of the small ones


@pytest.fixture(scope="module")
def weights():
    return inception_weights()


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "inception.safetensors"
    safetensors.numpy.save_file(weights, path)
    return path


def test_the_layout_is_the_published_one(weights):
    """94 convolutions with 21.8 million numbers, the classifier not counted."""
    assert len(list(convolutions())) == 94
    assert sum(array.size for array in weights.values()) == 21_820_000
    assert weights["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    assert weights["Mixed_6e.branch_pool.conv.weight"].shape == (192, 768, 1, 1)


def test_features_are_those_of_the_package(file):
    """Through the statistics, in one batch: mean and scatter are of the two rows."""
    moments = PictureStatistics(file, batch_size=2)(pictures(2, 64, 80))
    assert moments.count == 2
    np.testing.assert_allclose(moments.mean[::EVERY], np.mean(SMALL, axis=0), atol=1e-5)
    assert moments.mean.mean() == pytest.approx(MEAN, abs=1e-6)
    apart = np.subtract(*SMALL)
    np.testing.assert_allclose(moments.scatter[::EVERY, ::EVERY], np.outer(apart, apart) / 2, atol=1e-5)


@pytest.mark.slow
def test_large_pictures_are_reduced_as_in_the_package(file):
    features = inception(load_inception(file), np.stack([resized(picture) for picture in pictures(2, 320, 340)]))
    np.testing.assert_allclose(features[:, ::EVERY], LARGE, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"Mixed_6a.branch3x3.bn.running_var": None},
            "has no Mixed_6a.branch3x3.bn.running_var in it: give the weights",
        ),
        (
            {"Conv2d_1a_3x3.conv.weight": np.ones((32, 3, 3, 4), np.float32)},
            "another Conv2d_1a_3x3.conv.weight, 32x3x3x4 for 32x3x3x3",
        ),
        (
            {"Conv2d_1a_3x3.bn.bias": np.full(32, np.nan, np.float32)},
            "is damaged: Conv2d_1a_3x3.bn.bias holds what is no number",
        ),
    ],
)
def test_other_weights_are_refused(weights, tmp_path, change, message):
    changed = {name: array for name, array in (weights | change).items() if array is not None}
    safetensors.numpy.save_file(changed, tmp_path / "inception.safetensors")
    with pytest.raises(InputError, match=message):
        load_inception(tmp_path / "inception.safetensors")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "inception.pth").write_bytes(b"PK and more")
    with pytest.raises(InputError, match=r"cannot be read as weights .* give a .safetensors or .npz file"):
        load_inception(tmp_path / "inception.pth")
