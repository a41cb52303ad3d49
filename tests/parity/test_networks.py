"""Each network against its recorded outputs: at most 1e-4 of their standard deviation in float32."""

import jax
import numpy as np
import pytest

from tests.networks import PARTS


@pytest.fixture(scope="module")
def apply(model):
    """(network's name, inputs, ...) -> its outputs with the converted weights, jitted."""

    def run(name, *arguments, **keywords):
        method = keywords.pop("method", None)
        network = PARTS[name].build(model.config)
        return jax.jit(lambda p, a, k: network.apply(p, *a, **k, method=method))(
            model.params[name], arguments, keywords
        )

    return run


@pytest.fixture(scope="module")
def warp(apply, source, expected):
    return apply(
        "warping",
        source.arrays.volume,
        source.arrays.compressed,
        source=source.arrays.keypoints,
        driving=expected["render/x_d"],
        method="warp",
    )


def test_the_portrait_is_cut_as_recorded(source, expected):
    np.testing.assert_array_equal(source.image, expected["crop/input_256"])


@pytest.mark.parametrize("head", ["pitch", "yaw", "roll", "t", "exp", "kp"])
def test_motion_extractor(apply, source, expected, assert_parity, head):
    heads = apply("motion_extractor", source.image[None].astype(np.float32) / 255)
    assert_parity(f"motion_extractor/{head}", heads[head])
    np.testing.assert_allclose(heads["scale"], expected["motion_extractor/scale"], rtol=1e-5)


def test_keypoints_of_the_portrait(source, expected, assert_parity):
    assert_parity("keypoint_info/x_s", source.keypoints[None])
    assert_parity("keypoint_info/kp", source.canonical[None])
    for angle in ("pitch", "yaw", "roll"):
        np.testing.assert_allclose(getattr(source.motion, angle), expected[f"keypoint_info/{angle}"][0], atol=1e-3)


def test_appearance(source, expected, assert_parity):
    volume = np.asarray(source.arrays.volume)[0].transpose(3, 0, 1, 2)  # (32, 16, 64, 64)
    assert_parity("appearance/feature_strided", volume[::4, ::4, ::8, ::8])
    mean, std = expected["appearance/mean_std"]
    np.testing.assert_allclose([volume.mean(), volume.std()], [mean, std], atol=1e-4 * std)


def test_warping(warp, expected, assert_parity):
    assert_parity("render/occlusion_map", np.asarray(warp.occlusion)[0, ::2, ::2, 0])
    assert_parity("render/deformation", np.asarray(warp.deformation)[0, ::4, ::8, ::8])
    assert_parity("render/warped", np.asarray(warp.features)[0].transpose(2, 0, 1)[::16, ::8, ::8])


def test_generator(apply, warp, expected, assert_parity, assert_same_picture):
    """Behind appearance and warping, whose rounding it amplifies.

    The recording itself lies 1.9e-4 of the standard deviation from the same networks in float64, at single pixels.
    """
    image = np.asarray(apply("generator", warp.features))[0]  # (512, 512, 3)
    assert_parity("render/image_strided", image.transpose(2, 0, 1)[:, ::4, ::4], 5e-4)
    mean, std = expected["render/image_mean_std"]
    np.testing.assert_allclose([image.mean(), image.std()], [mean, std], atol=1e-5)
    centre = np.uint8(255 * image[192:320, 192:320])
    assert_same_picture("render/image_uint8_centre", centre, expected["render/image_uint8_centre"])


def test_stitching_and_retargeting(apply, source, expected, assert_parity):
    keypoints = source.arrays.keypoints
    stitched = apply("retargeting", keypoints, expected["render/x_d"], method="stitch")
    assert_parity("stitch/x_d", stitched)
    eye = apply("retargeting", keypoints, expected["stitch/eye_ratio"], method="eye_delta")
    assert_parity("stitch/eye_delta", eye.reshape(1, 63))
    lip = apply("retargeting", keypoints, expected["stitch/lip_ratio"], method="lip_delta")
    assert_parity("stitch/lip_delta", lip.reshape(1, 63))


def test_denoiser(apply, expected, assert_parity):
    names = ("denoiser/x", "denoiser/t", "denoiser/context")
    assert_parity("denoiser/eps", apply("denoiser", *(expected[name] for name in names)))
