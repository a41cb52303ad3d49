"""The PyTorch networks at their published sizes against the recorded numbers of the published code.

$KDTALKER_CHECKPOINTS may name a folder in the published layout that holds seed 0; else files are made as needed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is an extra")

import benchmarks.torch_baseline as baseline  # noqa: E402
from benchmarks.published_layout import FILES  # noqa: E402
from configs import PUBLISHED_STATISTICS  # noqa: E402


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def load(parity, tmp_path_factory) -> Callable[[str], torch.nn.Module]:
    """A published-size network with the recorded seed."""
    given = os.environ.get("KDTALKER_CHECKPOINTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("published")

    def load_network(network):
        if not given and not (folder / FILES[network]).exists():
            maker = [sys.executable, parity / "make_checkpoints.py", "--out", folder]
            subprocess.run([*maker, "--only", Path(FILES[network]).name], check=True, capture_output=True)
        return baseline.load_network(folder, network)

    return load_network


@pytest.fixture(scope="module")
def recorded(parity):
    """The recorded arrays; `recorded(key)` is a tensor."""
    arrays = np.load(parity / "expected_seed0.npz")
    return lambda key: torch.from_numpy(np.asarray(arrays[key]))


@pytest.fixture(scope="module")
def image(recorded):
    return (recorded("crop/input_256").float() / 255).permute(2, 0, 1)[None]


def assert_close(actual, expected, tolerance=1e-4):
    """Largest difference in units of the expected standard deviation (of the size, for single numbers)."""
    assert actual.shape == expected.shape
    scale = expected.std() if expected.numel() > 1 else expected.abs()
    assert ((actual - expected).abs().max() / scale).item() < tolerance


@pytest.mark.slow
def test_motion_extractor(load, recorded, image):
    extractor = load("motion_extractor")
    for name, head in extractor(image).items():
        assert_close(head, recorded(f"motion_extractor/{name}"))
    info = baseline.keypoint_info(extractor, image)
    for name in ("pitch", "yaw", "roll", "t", "exp", "scale", "kp", "x_s"):
        assert_close(info[name], recorded(f"keypoint_info/{name}"))
    rotation = baseline.rotation_matrix(info["pitch"], info["yaw"], info["roll"])
    assert_close(rotation, recorded("keypoint_info/rotation"))
    canonical, reference = baseline.motion_tokens(info, PUBLISHED_STATISTICS)
    assert_close(canonical, recorded("sampling/ori"))
    assert_close(reference, recorded("sampling/ref"))


def test_appearance(load, recorded, image):
    feature = load("appearance")(image)[0]
    assert_close(feature[::4, ::4, ::8, ::8], recorded("appearance/feature_strided"))
    assert_close(torch.stack((feature.mean(), feature.std())), recorded("appearance/mean_std"))


def test_stitching_and_retargeting(load, recorded):
    retargeting = load("retargeting")
    x_s, x_d = recorded("keypoint_info/x_s"), recorded("render/x_d")
    assert_close(baseline.stitch(retargeting, x_s, x_d), recorded("stitch/x_d"))
    for mlp, name in ((retargeting.retarget_eye, "eye"), (retargeting.retarget_mouth, "lip")):
        delta = mlp(torch.cat((x_s.flatten(1), recorded(f"stitch/{name}_ratio")), 1))
        assert_close(delta, recorded(f"stitch/{name}_delta"))


def test_audio_encoder(load, recorded):
    features = baseline.audio_features(load("audio_encoder"), recorded("audio/mel_windows"))
    assert_close(features, recorded("audio/features")[::5])


@pytest.mark.slow
def test_rendering(load, recorded, image):
    warping = load("warping")
    feature, x_s, x_d = load("appearance")(image), recorded("keypoint_info/x_s"), recorded("render/x_d")
    deformation, occlusion = warping.dense_motion_network(feature, x_s, x_d)
    assert_close(deformation[0, ::4, ::8, ::8], recorded("render/deformation"))
    assert_close(occlusion[0, 0, ::2, ::2], recorded("render/occlusion_map"))
    warped = warping(feature, x_s, x_d)
    assert_close(warped[0, ::16, ::8, ::8], recorded("render/warped"))

    frame = load("generator")(warped)
    # Three networks in a row amplify rounding: the recorded frame itself is 2e-4 from one computed in float64.
    assert_close(frame[0, :, ::4, ::4], recorded("render/image_strided"), tolerance=5e-4)
    centre = baseline.to_uint8(frame)[0, 192:320, 192:320].int()
    difference = (centre - recorded("render/image_uint8_centre").int()).abs()
    assert difference.max() <= 1
    assert difference.float().mean() < 1e-3


@pytest.mark.slow
def test_denoiser_and_sampling(load, recorded):
    """One evaluation, one window at two numbers of steps, and the windows of a whole recording."""
    denoiser = load("denoiser")
    eps = denoiser(recorded("denoiser/x"), recorded("denoiser/t"), recorded("denoiser/context"))
    assert_close(eps, recorded("denoiser/eps"))

    tokens, features = (recorded("sampling/ori"), recorded("sampling/ref")), recorded("audio/features")
    noise = recorded("sampling/x_T")[None]
    for steps in (10, 50):
        motion = baseline.ddim(denoiser, noise, *tokens, features[None, :64], steps)
        assert_close(motion[0], recorded(f"sampling/ddim_{steps}"), tolerance=1e-3)
    motion = baseline.animate(denoiser, features, recorded("sequence/x_T"), *tokens)
    assert_close(motion, recorded("sequence/normalised"), tolerance=1e-3)
