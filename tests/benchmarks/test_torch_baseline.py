"""The PyTorch networks at a small size: shapes, hand-computed layouts, and the functions around them."""

import os
import pickle
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is an extra")

from click.testing import CliRunner  # noqa: E402

import benchmarks.torch_baseline as baseline  # noqa: E402
from benchmarks.published_layout import FILES, LAYOUTS, random_state_dict  # noqa: E402
from benchmarks.torch_baseline.__main__ import main  # noqa: E402
from benchmarks.torch_baseline.renderer import DenseMotion, identity_grid, sample  # noqa: E402
from benchmarks.torch_baseline.speech import relative_buckets, rotate, time_embedding  # noqa: E402
from configs import SMALL  # noqa: E402

WINDOW = SMALL.denoiser.window


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def networks():
    return baseline.random_networks(SMALL)


def random(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))


def inputs(batch):
    """Plausible inputs of every network."""
    size, tokens = SMALL.warping.feature_size, WINDOW + 2
    volume = random(batch, SMALL.warping.volume_channels, SMALL.warping.volume_depth, size, size)
    keypoints = 0.3 * random(batch, 2, 21, 3)
    return {
        "appearance": (random(batch, 3, 64, 64).sigmoid(),),
        "motion_extractor": (random(batch, 3, 64, 64).sigmoid(),),
        "warping": (volume, keypoints[:, 0], keypoints[:, 1]),
        "generator": (random(batch, SMALL.generator.input_channels, size, size),),
        "audio_encoder": (random(batch, 1, 80, 16),),
        "denoiser": (random(batch, tokens, 70), torch.arange(batch) * 300, random(batch, tokens, 16)),
    }


SHAPES = {
    "appearance": (2, 4, 4, 16, 16),
    "warping": (2, 16, 16, 16),
    "generator": (2, 3, 128, 128),
    "audio_encoder": (2, 16),
    "denoiser": (2, WINDOW + 2, 70),
}


@pytest.mark.parametrize("network", SHAPES)
def test_output_shapes_and_batches(networks, network):
    """A batch of two is two batches of one, and calling twice changes nothing (no statistics are updated)."""
    module, arguments = getattr(networks, network), inputs(2)[network]
    together = module(*arguments)
    assert together.shape == SHAPES[network]
    assert together.std() > 1e-3
    assert torch.equal(together, module(*arguments))
    for i in range(2):
        alone = module(*(argument[i : i + 1] for argument in arguments))
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-5)


def test_motion_extractor_heads(networks):
    sizes = {name: head.shape for name, head in networks.motion_extractor(*inputs(2)["motion_extractor"]).items()}
    logits = dict.fromkeys(("pitch", "yaw", "roll"), (2, 66))
    assert sizes == logits | {"kp": (2, 63), "exp": (2, 63), "t": (2, 3), "scale": (2, 1)}


@pytest.mark.parametrize("network", LAYOUTS)
def test_published_names_load_strictly(network):
    """One tensor too few, too many or of another shape is an error, never a silent default."""
    state = random_state_dict(network, SMALL)
    baseline.build(network, SMALL, state)
    key = next(key for key in state if key.endswith("weight"))
    for wrong in (
        {name: value for name, value in state.items() if name != key},
        state | {f"{key}.extra": state[key]},
        state | {key: state[key][:-1]},
    ):
        with pytest.raises(RuntimeError, match="state_dict"):
            baseline.build(network, SMALL, wrong)


def test_spectral_norm_divides_by_the_largest_singular_value(networks):
    """Kernels folded for inference are the published quotient, and nothing of the factors is left."""
    state = random_state_dict("generator", SMALL)
    original = state["up_0.conv_s.weight_orig"]
    expected = original / np.linalg.norm(original.reshape(len(original), -1), 2)
    np.testing.assert_allclose(networks.generator.up_0.conv_s.weight.numpy(), expected, rtol=1e-5)
    assert not any(name.endswith(("_orig", "_u", "_v")) for name in networks.generator.state_dict())


def test_pixel_shuffle_order(networks):
    """out[c, 2h+i, 2w+j] = in[4c + 2i + j, h, w], then the sigmoid."""
    before = []
    hook = networks.generator.conv_img[0].register_forward_hook(lambda _, __, output: before.append(output))
    image = networks.generator(*inputs(1)["generator"])
    hook.remove()
    for c, i, j in np.ndindex(3, 2, 2):
        assert torch.equal(image[0, c, i::2, j::2], before[0][0, 4 * c + 2 * i + j].sigmoid())


def test_volume_channels_are_outer_and_depth_inner(networks):
    """Channel c * depth + d of the flat map is channel c, depth d of the volume."""
    module = baseline.build("appearance", SMALL, random_state_dict("appearance", SMALL))
    flat = []
    module.second.register_forward_hook(lambda _, __, output: flat.append(output))
    module.resblocks_3d = torch.nn.Identity()
    volume = module(*inputs(1)["appearance"])
    assert torch.equal(volume[0, 3, 1], flat[0][0, 3 * 4 + 1])


def test_identity_grid_is_x_y_z():
    grid = identity_grid(2, 3, 5, torch.device("cpu"))
    assert grid.shape == (2, 3, 5, 3)
    assert grid[1, 0, 4].tolist() == [1, -1, 1]
    assert grid[0, 1, 1].tolist() == [-0.5, 0, -1]


def test_sampling_at_the_identity_is_not_the_identity():
    """The sampler's corners are half a cell further out: border cells fade by half for each axis they end."""
    grid = identity_grid(4, 4, 4, torch.device("cpu"))[None]
    sampled = sample(torch.ones(1, 1, 4, 4, 4), grid)[0, 0]
    assert sampled[0, 0, 0] == 0.125
    assert sampled[0, 0, 1] == 0.25
    assert sampled[0, 1, 1] == 0.5
    assert sampled[1, 1, 1] == 1


def test_heat_map_is_a_gaussian_of_variance_one_hundredth():
    grid = identity_grid(3, 3, 3, torch.device("cpu"))
    keypoint = torch.tensor([[[0.1, 0.0, 0.0]]])
    heat = DenseMotion.heat_map(grid, keypoint)
    assert heat.shape == (1, 1, 3, 3, 3)
    assert heat[0, 0, 1, 1, 1].item() == pytest.approx(np.exp(-0.5))
    assert heat[0, 0, 1, 1, 2].item() == pytest.approx(np.exp(-0.5 * 0.81 / 0.01), rel=1e-4)


def test_equal_keypoints_deform_nothing(networks):
    """All candidates coincide, so any mask keeps every cell where it is."""
    volume, keypoints, _ = inputs(1)["warping"]
    deformation, occlusion = networks.warping.dense_motion_network(volume, keypoints, keypoints)
    torch.testing.assert_close(deformation[0], identity_grid(4, 16, 16, torch.device("cpu")), rtol=0, atol=1e-6)
    assert occlusion.shape == (1, 1, 16, 16)
    assert 0 < occlusion.min() <= occlusion.max() < 1


def test_relative_buckets_by_hand():
    """T5 buckets of query - key: exact to 7, logarithmic to 127, the second half for keys that come later."""
    buckets = relative_buckets(66, 32, 128)
    expected = {0: 0, 1: 1, 7: 7, 8: 8, 11: 8, 12: 9, 15: 9, 16: 10, 23: 11, 32: 12, 64: 14, 65: 14}
    assert {distance: buckets[distance, 0].item() for distance in expected} == expected
    assert {distance: buckets[0, distance].item() for distance in (1, 8, 65)} == {1: 17, 8: 24, 65: 30}
    assert relative_buckets(200, 32, 128)[199, 0] == 15


def test_rotation_by_hand():
    """Neighbouring numbers form a pair; the position is the token's index; numbers behind the pairs stay."""
    angles = torch.tensor([[0.0, 0.0], [np.pi / 2, np.pi / 6]])
    x = torch.tensor([[1.0, 0, 0, 1, 5], [1, 2, 1, 0, 5]])
    turned = rotate(x, angles)
    expected = torch.tensor([[1.0, 0, 0, 1, 5], [-2, 1, np.sqrt(0.75), 0.5, 5]])
    torch.testing.assert_close(turned, expected.float(), rtol=0, atol=1e-6)


def test_rotary_frequencies(networks):
    rotary = networks.denoiser.layers[0][2].fn.fn.rotary_emb
    np.testing.assert_allclose(rotary(4)[3], [3, 0.03], rtol=1e-6)


def test_time_embedding_by_hand():
    """Sines first; frequencies run from 1 down to 1/10000 inclusive."""
    np.testing.assert_allclose(
        time_embedding(torch.tensor([2]), 4)[0], [np.sin(2), np.sin(2e-4), np.cos(2), np.cos(2e-4)], rtol=1e-5
    )


def test_degrees_of_bins():
    assert baseline.degrees(torch.zeros(1, 66)).item() == pytest.approx(0, abs=1e-4)
    logits = torch.full((1, 66), -100.0)
    logits[0, 40] = 100
    assert baseline.degrees(logits).item() == pytest.approx(22.5)


def test_rotation_turns_row_vectors():
    """A roll by 90 degrees takes x to y, a yaw takes z to x, a pitch takes y to z."""
    zero, right = torch.zeros(1, 1), torch.full((1, 1), 90.0)
    x, y, z = torch.eye(3)
    for angles, start, end in (((zero, zero, right), x, y), ((zero, right, zero), z, x), ((right, zero, zero), y, z)):
        torch.testing.assert_close(start @ baseline.rotation_matrix(*angles)[0], end, rtol=0, atol=1e-6)


def test_source_keypoints_ignore_depth_of_the_translation():
    info = {name: torch.zeros(1, 1) for name in ("pitch", "yaw", "roll")}
    info |= {"scale": torch.full((1, 1), 2.0), "t": torch.tensor([[0.5, -0.5, 9.0]])}
    info |= {"kp": torch.tensor([[1.0, 2, 3]]), "exp": torch.tensor([[0.1, 0, 0]])}
    torch.testing.assert_close(baseline.pose_keypoints(info)[0, 0], torch.tensor([2.7, 3.5, 6.0]))


def test_stitching_shifts_x_and_y_of_every_keypoint():
    """63 deltas, then one (dx, dy) for all keypoints; z gets its delta alone."""
    retargeting = baseline.build("retargeting", SMALL, random_state_dict("retargeting", SMALL))
    last = retargeting.retarget_shoulder.mlp[-1]
    last.weight.zero_()
    last.bias.copy_(torch.cat((torch.full((63,), 0.5), torch.tensor([1.0, 2.0]))))
    keypoints = torch.zeros(2, 21, 3)
    stitched = baseline.stitch(retargeting, keypoints, keypoints)
    assert (stitched == torch.tensor([1.5, 2.5, 0.5])).all()


def test_ddim_returns_the_motion_that_the_noise_hides():
    """With the true noise as the estimate every number of steps ends at the clean motion."""
    clean, noise = random(1, WINDOW, 70), random(1, WINDOW, 70, seed=1)
    alphas = (1 - torch.linspace(1e-5, 8e-3, 1000)).double().cumprod(0).float()

    def oracle(tokens, t, _audio):
        alpha = alphas[t][:, None, None]
        return (tokens - alpha.sqrt() * torch.cat((torch.zeros(1, 2, 70), clean), 1)) / (1 - alpha).sqrt()

    audio, token = torch.zeros(1, WINDOW, 16), torch.zeros(1, 70)
    for steps in (1, 5, 50):
        start = 1000 // steps * (steps - 1)
        x_t = alphas[start].sqrt() * clean + (1 - alphas[start]).sqrt() * noise
        torch.testing.assert_close(baseline.ddim(oracle, x_t, token, token, audio, steps), clean, rtol=0, atol=1e-3)


def test_windows_follow_each_other():
    """Each window starts from the last frame of the one before; the last one is filled with the recording's start."""
    calls = []

    def denoiser(tokens, t, audio):
        calls.append((tokens, audio))
        return torch.zeros_like(tokens)

    features, noise = torch.arange(70.0)[:, None].expand(-1, 16), random(2, WINDOW, 70)
    canonical, reference = torch.full((1, 70), 2.0), torch.full((1, 70), 3.0)
    motion = baseline.animate(denoiser, features, noise, canonical, reference, steps=1)
    assert motion.shape == (70, 70)
    (first, first_audio), (second, second_audio) = calls
    assert torch.equal(first[0, :2], torch.cat((canonical, reference)))
    assert torch.equal(first[0, 2:], noise[0])
    assert torch.equal(second[0, :2], torch.stack((canonical[0], motion[WINDOW - 1])))
    assert first_audio[0, :4, 0].tolist() == [0, 0, 0, 1]
    assert second_audio[0, 2:10, 0].tolist() == [64, 65, 66, 67, 68, 69, 0, 1]


def test_frames_are_rounded_down():
    frames = torch.tensor([0.0, 0.999, 1.0, 1.5]).view(1, 1, 1, 4).expand(-1, 3, -1, -1)
    assert baseline.to_uint8(frames)[0, 0, :, 0].tolist() == [0, 254, 255, 255]


def test_published_files_of_any_size(networks, tmp_path):
    """What is saved in the published layout is what is read, from both containers."""
    baseline.save_published(tmp_path, SMALL)
    assert not zipfile.is_zipfile(tmp_path / FILES["audio_encoder"])
    assert zipfile.is_zipfile(tmp_path / FILES["denoiser"])
    for read, made in zip(baseline.load_published(tmp_path, config=SMALL), networks, strict=True):
        for name, value in made.state_dict().items():
            assert torch.equal(read.state_dict()[name], value), name


class Absent:
    """A configuration object whose class the reader is not meant to need."""

    def __init__(self):
        self.content = {"lr": 2e-6}


class Hostile:
    """Pickles as a call of a function."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


def test_checkpoints_name_classes_but_run_nothing(tmp_path):
    """KDTalker.pth carries an object of an unknown class: it loads, and hostile content does nothing."""
    baseline.save_published(tmp_path, SMALL)
    file, trace = tmp_path / FILES["denoiser"], tmp_path / "trace"
    content = torch.load(file, weights_only=True)
    for harmless in (Absent(), Hostile(eval, f"open({str(trace)!r}, 'w')")):
        torch.save(content | {"cfg": harmless}, file)
        baseline.load_network(tmp_path, "denoiser", SMALL)
    torch.save(content | {"cfg": Hostile(os.mkdir, str(trace))}, file)
    with pytest.raises(pickle.UnpicklingError, match="posix"):
        baseline.load_network(tmp_path, "denoiser", SMALL)
    assert not trace.exists()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close(networks, dtype):
    """Coordinates, angles, keypoints and the diffusion update stay float32, so half precision costs little."""
    half = baseline.random_networks(SMALL, dtype=dtype)
    image, (volume, x_s, x_d) = inputs(1)["appearance"][0], inputs(1)["warping"]
    info, low = (baseline.keypoint_info(n.motion_extractor, i) for n, i in ((networks, image), (half, image.to(dtype))))
    assert low["x_s"].dtype == torch.float32
    torch.testing.assert_close(low["x_s"], info["x_s"], rtol=0, atol=0.05)

    frame = baseline.render(networks.warping, networks.generator, volume, x_s, x_d)
    low_frame = baseline.render(half.warping, half.generator, volume.to(dtype), x_s, x_d)
    assert low_frame.dtype == torch.float32
    assert (low_frame - frame).square().mean().sqrt() < 0.02

    assert half.denoiser.layers[0][2].fn.fn.rotary_emb.freqs.dtype == torch.float32
    noise, token, audio = random(1, WINDOW, 70), random(1, 70), random(1, WINDOW, 16)
    motion = baseline.ddim(networks.denoiser, noise, token, token, audio, 5)
    low_motion = baseline.ddim(half.denoiser, noise, token, token, audio.to(dtype), 5)
    assert low_motion.dtype == torch.float32
    torch.testing.assert_close(low_motion, motion, rtol=0, atol=0.1 * motion.std().item())


def test_channels_last_changes_no_result(networks):
    tuned = baseline.tune(baseline.random_networks(SMALL), channels_last=True)
    for network in ("warping", "generator"):
        arguments = inputs(1)[network]
        expected = getattr(networks, network)(*arguments)
        torch.testing.assert_close(getattr(tuned, network)(*arguments), expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_compiled_changes_no_result(networks):
    compiled = baseline.tune(baseline.random_networks(SMALL), compiled=True)
    for network in SHAPES:
        arguments = inputs(1)[network]
        expected = getattr(networks, network)(*arguments)
        torch.testing.assert_close(getattr(compiled, network)(*arguments), expected, rtol=0, atol=1e-4)


def test_command_measures_every_stage():
    result = CliRunner().invoke(main, ["--model", "small", "--device", "cpu", "--steps", "2", "--repeats", "1"])
    assert result.exit_code == 0, result.output
    stages = [line.split(",")[0].split("  ")[0] for line in result.output.splitlines()]
    assert stages == ["portrait", "audio features", "motion", "frames"]
