"""The published state dicts at any size, without PyTorch: their names and shapes, and reproducible values to fill them.

Tests and benchmarks need checkpoints that behave (bounded activations, plausible motion) where nobody can be asked to
download the real ones. `random_state_dict` makes them from a seed; `FILES` says where a published download keeps each.
"""

import math
import os
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.spaces.statistics import MotionStatistics

Layout = dict[str, tuple[int, ...]]

BASE = "pretrained_weights/liveportrait/base_models"
FILES = {
    "appearance": f"{BASE}/appearance_feature_extractor.pth",
    "motion_extractor": f"{BASE}/motion_extractor.pth",
    "warping": f"{BASE}/warping_module.pth",
    "generator": f"{BASE}/spade_generator.pth",
    "retargeting": "pretrained_weights/liveportrait/retargeting_models/stitching_retargeting_module.pth",
    "audio_encoder": "ckpts/wav2lip.pth",
    "denoiser": "ckpts/KDTalker.pth",
}
GAIN = {"audio_encoder": 0.85, "denoiser": 0.7}  # of hidden layers, keeps deep activations near 1; elsewhere 1.2


def layer(name: str, inputs: int, outputs: int, *kernel: int, bias: bool = True) -> Layout:
    """A linear layer, or a convolution where a kernel is given."""
    weight = {f"{name}.weight": (outputs, inputs, *kernel)}
    return weight | {f"{name}.bias": (outputs,)} if bias else weight


def affine(name: str, channels: int) -> Layout:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def batch_norm(name: str, channels: int) -> Layout:
    statistics = {f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)}
    return affine(name, channels) | statistics | {f"{name}.num_batches_tracked": ()}


def conv_block(name: str, inputs: int, outputs: int, *kernel: int) -> Layout:
    return layer(f"{name}.conv", inputs, outputs, *kernel) | batch_norm(f"{name}.norm", outputs)


def appearance(model: ModelConfig) -> Layout:
    c = model.appearance
    layout = conv_block("first", 3, c.widths[0], 3, 3)
    for i, widths in enumerate(pairwise(c.widths)):
        layout |= conv_block(f"down_blocks.{i}", *widths, 3, 3)
    layout |= layer("second", c.widths[-1], c.volume_channels * c.volume_depth, 1, 1)
    for i in range(c.residual_blocks):
        for j in (1, 2):
            layout |= layer(f"resblocks_3d.3dr{i}.conv{j}", c.volume_channels, c.volume_channels, 3, 3, 3)
            layout |= batch_norm(f"resblocks_3d.3dr{i}.norm{j}", c.volume_channels)
    return layout


def motion_extractor(model: ModelConfig) -> Layout:
    c = model.motion_extractor
    layout = layer("downsample_layers.0.0", 3, c.widths[0], 4, 4) | affine("downsample_layers.0.1", c.widths[0])
    for i, (before, width) in enumerate(pairwise(c.widths), start=1):
        layout |= affine(f"downsample_layers.{i}.0", before)
        layout |= layer(f"downsample_layers.{i}.1", before, width, 2, 2)
    for i, (depth, width) in enumerate(zip(c.depths, c.widths, strict=True)):
        for block in (f"stages.{i}.{j}" for j in range(depth)):
            layout |= layer(f"{block}.dwconv", 1, width, 7, 7) | affine(f"{block}.norm", width)
            layout |= layer(f"{block}.pwconv1", width, 4 * width) | layer(f"{block}.pwconv2", 4 * width, width)
            layout |= {f"{block}.grn.{name}": (1, 1, 1, 4 * width) for name in ("gamma", "beta")}
    layout |= affine("norm", c.widths[-1])
    points, bins = 3 * c.keypoints, c.angle_bins
    heads = {"kp": points, "scale": 1, "pitch": bins, "yaw": bins, "roll": bins, "t": 3, "exp": points}
    for name, size in heads.items():
        layout |= layer(f"fc_{name}", c.widths[-1], size)
    return {f"detector.{name}": shape for name, shape in layout.items()}


def warping(model: ModelConfig) -> Layout:
    c = model.warping
    candidates, kernel = c.keypoints + 1, (c.wide_kernel, c.wide_kernel)
    inputs = candidates * (1 + c.compressed_channels)
    widths = [min(c.hourglass_max_width, c.hourglass_width * 2**i) for i in range(c.hourglass_blocks + 1)]
    layout = {}
    for i, (before, width) in enumerate(pairwise([inputs, *widths[1:]])):
        layout |= conv_block(f"hourglass.encoder.down_blocks.{i}", before, width, 3, 3, 3)
    for i, (before, width) in enumerate(pairwise(widths[::-1])):
        skip = before if i else 0
        layout |= conv_block(f"hourglass.decoder.up_blocks.{i}", before + skip, width, 3, 3, 3)
    last = widths[0] + inputs
    layout |= conv_block("hourglass.decoder", last, last, 3, 3, 3)
    layout |= layer("mask", last, candidates, c.wide_kernel, *kernel)
    layout |= layer("compress", c.volume_channels, c.compressed_channels, 1, 1, 1)
    layout |= batch_norm("norm", c.compressed_channels)
    layout |= layer("occlusion", last * c.volume_depth, 1, *kernel)
    layout = {f"dense_motion_network.{name}": shape for name, shape in layout.items()}
    layout |= conv_block("third", c.volume_channels * c.volume_depth, c.output_channels, 3, 3)
    return layout | layer("fourth", c.output_channels, c.output_channels, 1, 1)


def generator(model: ModelConfig) -> Layout:
    c = model.generator

    def spectral(name: str, inputs: int, outputs: int, kernel: int, bias: bool = True) -> Layout:
        weight = {f"{name}.weight_orig": (outputs, inputs, kernel, kernel)}
        vectors = {f"{name}.weight_u": (outputs,), f"{name}.weight_v": (inputs * kernel**2,)}
        return ({f"{name}.bias": (outputs,)} if bias else {}) | weight | vectors

    def spade_norm(name: str, channels: int) -> Layout:
        layout = layer(f"{name}.mlp_shared.0", c.input_channels, c.modulation_width, 3, 3)
        for part in ("gamma", "beta"):
            layout |= layer(f"{name}.mlp_{part}", c.modulation_width, channels, 3, 3)
        return layout

    def spade_block(name: str, inputs: int, outputs: int) -> Layout:
        middle = min(inputs, outputs)
        layout = spectral(f"{name}.conv_0", inputs, middle, 3) | spectral(f"{name}.conv_1", middle, outputs, 3)
        layout |= spade_norm(f"{name}.norm_0", inputs) | spade_norm(f"{name}.norm_1", middle)
        if inputs != outputs:
            layout |= spectral(f"{name}.conv_s", inputs, outputs, 1, bias=False) | spade_norm(f"{name}.norm_s", inputs)
        return layout

    layout = layer("fc", c.input_channels, c.width, 3, 3)
    for i in range(c.middle_blocks):
        layout |= spade_block(f"G_middle_{i}", c.width, c.width)
    for i, widths in enumerate(pairwise((c.width, *c.up_widths))):
        layout |= spade_block(f"up_{i}", *widths)
    return layout | layer("conv_img.0", c.up_widths[-1], 3 * c.pixel_shuffle**2, 3, 3)


def retargeting(model: ModelConfig) -> Layout:
    c = model.retargeting
    points = 3 * c.keypoints
    sizes = {
        "retarget_shoulder": (2 * points, *c.stitching, points + 2),
        "retarget_mouth": (points + 2, *c.lip, points),
        "retarget_eye": (points + 3, *c.eye, points),
    }
    layout = {}
    for group, widths in sizes.items():
        for i, pair in enumerate(pairwise(widths)):
            layout |= layer(f"{group}.module.mlp.{2 * i}", *pair)
    return layout


def audio_encoder(model: ModelConfig) -> Layout:
    a, b, c, d, e = model.audio_encoder.widths
    widths = (1, a, a, a, b, b, b, c, c, c, d, d, e, e)
    layout = {}
    for i, pair in enumerate(pairwise(widths)):
        kernel = 1 if i == len(widths) - 2 else 3
        name = f"module.audio_encoder.{i}.conv_block"
        layout |= layer(f"{name}.0", *pair, kernel, kernel) | batch_norm(f"{name}.1", pair[1])
    return layout


def denoiser(model: ModelConfig) -> Layout:
    c = model.denoiser
    width, inner = c.width, c.heads * c.head_size

    def norm(name: str) -> Layout:
        return {f"{name}.gamma": (1, 1, width), f"{name}.beta": (1, 1, width)}

    layout = layer("time_mlp.1", width, c.time_features) | layer("time_mlp.3", c.time_features, c.time_features)
    layout |= {"positional_encoding.freq_bands": (10,)}
    layout |= layer("input_projection", c.motion_size, width)
    layout |= {"time_rel_pos_bias.relative_attention_bias.weight": (c.bias_buckets, c.heads)}
    for i in range(c.layers):
        for block in (f"layers.{i}.0", f"layers.{i}.1"):
            layout |= layer(f"{block}.mlp.1", c.time_features + c.audio_features, 2 * width)
            for part in (f"{block}.block1", f"{block}.block2"):
                layout |= layer(f"{part}.proj", width, width) | norm(f"{part}.norm")
        attention = f"layers.{i}.2.fn"
        layout |= layer(f"{attention}.fn.to_qkv", width, 3 * inner, bias=False)
        layout |= layer(f"{attention}.fn.proj", inner, width) | norm(f"{attention}.norm")
        layout |= {f"{attention}.fn.rotary_emb.freqs": (c.rotary_size // 2,)}
    layout |= layer("output_projection", width, c.motion_size)
    return {f"point_model.model.{name}": shape for name, shape in layout.items()}


LAYOUTS = {layout.__name__: layout for layout in (
    appearance, motion_extractor, warping, generator, retargeting, audio_encoder, denoiser,
)}  # fmt: skip


def random_state_dict(network: str, config: ModelConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """A network's state dict under its published names: float32, int64 for counters, the same for the same seed.

    network: a field of `config`, such as "warping". Keys are those of the published file; where that holds three state
    dicts (`retargeting`), their names and keys are joined with a dot. Batch-norm variances are positive, the vectors of
    spectral norm belong to the largest singular value, and predicted motion is spread like the training set's.
    """
    kept = _kept(network, config, seed)
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            return dict(file)
    state = {}
    for key, shape in LAYOUTS[network](config).items():
        rng = np.random.default_rng([seed, zlib.crc32(f"{network}/{key}".encode())])
        dtype = np.int64 if key.endswith("num_batches_tracked") else np.float32
        state[key] = np.asarray(_plain_value(key, shape, rng, GAIN.get(network, 1.2)), dtype)
    if network == "generator":
        _converge_spectral_norm(state)
    elif network == "motion_extractor":
        _spread_like(state, config.statistics)
    elif network == "denoiser":
        _follow_the_input(state)
    if kept is not None:
        unfinished = kept.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **state)
        unfinished.replace(kept)
    return state


def _kept(network: str, config: ModelConfig, seed: int) -> Path | None:
    """Where these values are kept for other processes, if KDTALKER_RANDOM_WEIGHTS names a folder: they take minutes."""
    folder = os.environ.get("KDTALKER_RANDOM_WEIGHTS")
    sizes = zlib.crc32(repr((LAYOUTS[network](config), config.statistics)).encode())
    return Path(folder) / f"{network}-{seed}-{sizes:08x}.npz" if folder else None


def file_content(network: str, state: dict[str, Any]) -> dict[str, Any]:
    """What the published file holds around such a state dict, of arrays or tensors alike."""
    if network == "denoiser":
        return {"model": state, "optimizer": {}, "scheduler": {}, "epoch": 0, "step": 0, "best_val": None}
    if network == "audio_encoder":
        return {"state_dict": state, "global_step": 0, "global_epoch": 0}
    if network == "retargeting":
        groups: dict[str, Any] = {}
        for key, value in state.items():
            group, _, rest = key.partition(".")
            groups.setdefault(group, {})[rest] = value
        return groups
    return state


def _plain_value(key: str, shape: tuple[int, ...], rng: np.random.Generator, gain: float) -> Any:
    normal = rng.standard_normal(shape, np.float32)
    match key.rpartition(".")[2]:
        case "num_batches_tracked":
            return 1
        case "freqs":  # of the rotary embedding
            return 10000.0 ** (-np.arange(shape[0]) / shape[0])
        case "freq_bands":
            return 2.0 ** np.arange(1, shape[0] + 1)
        case "running_var":
            return rng.uniform(0.5, 1.5, shape)
        case "running_mean" | "beta":
            return 0.1 * normal
        case "gamma":
            return (0 if "grn" in key else 1) + 0.1 * normal
        case "bias":
            return 0.05 * normal
    if len(shape) == 1:  # scales of normalisation layers
        return 1 + 0.1 * normal
    return gain / math.sqrt(math.prod(shape[1:])) * normal


def _converge_spectral_norm(state: dict[str, np.ndarray]) -> None:
    for key in [key for key in state if key.endswith("weight_orig")]:
        matrix = state[key].reshape(len(state[key]), -1).astype(np.float64)  # (out, rest)
        u = np.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -1]
        v = u @ matrix
        stem = key.removesuffix("_orig")
        state[f"{stem}_u"], state[f"{stem}_v"] = np.float32(u), np.float32(v / np.linalg.norm(v))


def _spread_like(state: dict[str, np.ndarray], statistics: MotionStatistics) -> None:
    for name in ("kp", "exp", "t", "scale"):
        mean, std = (np.float32(getattr(statistics, f"{name}_{kind}")) for kind in ("mean", "std"))
        state[f"detector.fc_{name}.weight"] *= std[:, None]
        state[f"detector.fc_{name}.bias"] = mean + std * state[f"detector.fc_{name}.bias"]


def _follow_the_input(state: dict[str, np.ndarray]) -> None:
    """Let the output projection nearly undo the input's: estimated noise then follows x_t, and motion stays bounded."""
    forward = state["point_model.model.input_projection.weight"]  # (width, 70)
    output = state["point_model.model.output_projection.weight"]  # (70, width)
    output *= 0.15
    output += 0.8 * forward.T / np.square(forward).sum(0).mean()
