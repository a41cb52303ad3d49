"""The stages of inference as pure functions of (parameters, inputs), jitted once each.

Nothing here knows files, windows of a recording or how many frames there are: every stage has static shapes, and
`portrait.TalkingPortrait` cuts its work to fit them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from kdtalker_jax.diffusion.samplers import StepRule, sample
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.parts import NETWORKS, PREFIX, build
from kdtalker_jax.spaces.geometry import degrees_from_bins, rotation_matrix, transform_keypoints

Params = dict[str, Any]  # by the name of the network, each {"params": tree}, folded
Networks = dict[str, nn.Module]


class SourceArrays(NamedTuple):
    """All that rendering needs of a portrait; computed once."""

    volume: jax.Array  # (1, D, H, W, C) feature volume f_s
    compressed: jax.Array  # (1, D, H, W, 4)
    keypoints: jax.Array  # (1, K, 3) x_s


class Stages:
    """The jitted stages of one model. `jit` exists so that tests can count traces.

    `dtype` is that of the arithmetic inside networks; rendering may have another.

    describe(params, image (1, S, S, 3) uint8) -> SourceArrays, dict of the portrait's own motion and canonical kp
    encode_audio(params, mel (B, 80, 16)) -> audio features (B, 512)
    sample_window(params, rule, canonical (70,), reference (70,), audio (L, 512), x_T (L, 70), key) -> motion (L, 70)
    stitch(params, source keypoints (1, K, 3), driving keypoints (B, K, 3)) -> driving keypoints (B, K, 3)
    render(params, SourceArrays, driving keypoints (B, K, 3)) -> uint8 frames (B, 512, 512, 3), finite (B,)
    """

    def __init__(
        self, config: ModelConfig, dtype: DTypeLike, jit: Callable = jax.jit, render_dtype: DTypeLike | None = None
    ) -> None:
        self.config = config
        networks = {name: build(name, config, dtype=dtype) for name in NETWORKS}
        painters = {name: build(name, config, dtype=render_dtype or dtype) for name in ("warping", "generator")}
        # The portrait is described once, and an error there is in every frame: always float32.
        exact = {name: build(name, config) for name in NETWORKS}
        self.describe = jit(partial(describe, exact))
        self.encode_audio = jit(partial(encode_audio, networks))
        self.sample_window = jit(partial(sample_window, networks))
        self.stitch = jit(partial(stitch, exact))
        self.render = jit(partial(render, painters))


def describe(networks: Networks, params: Params, image: jax.Array) -> tuple[SourceArrays, dict[str, jax.Array]]:
    """Everything that depends on the portrait alone (LivePortrait, equation 2)."""
    image = image.astype(jnp.float32) / 255
    heads = networks["motion_extractor"].apply(params["motion_extractor"], image)
    angles = {name: degrees_from_bins(heads[name]) for name in ("pitch", "yaw", "roll")}  # (1,) degrees
    motion = {**heads, **angles, "scale": heads["scale"][:, 0]}
    keypoints = transform_keypoints(
        motion["kp"], motion["scale"], rotation_matrix(**angles), motion["exp"], motion["t"]
    )  # (1, K, 3)
    volume = networks["appearance"].apply(params["appearance"], image)  # (1, D, H, W, C)
    compressed = networks["warping"].apply(params["warping"], volume, method="compress")  # (1, D, H, W, 4)
    return SourceArrays(volume, compressed, keypoints), motion


def encode_audio(networks: Networks, params: Params, mel: jax.Array) -> jax.Array:
    """Mel windows (B, 80, 16) -> audio features (B, 512)."""
    return networks["audio_encoder"].apply(params["audio_encoder"], mel)


def sample_window(
    networks: Networks,
    params: Params,
    rule: StepRule,
    canonical: jax.Array,
    reference: jax.Array,
    audio: jax.Array,
    x_T: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """One window of normalised motion (L, 70) from its audio features (L, 512) and initial noise (L, 70).

    canonical (70,): seven zeros and the normalised canonical keypoints; reference (70,): the frame before the window.
    """
    prefix = jnp.stack([canonical, reference])  # (2, 70)
    context = jnp.pad(audio, ((PREFIX, 0), (0, 0)))[None]  # (1, 2 + L, 512): no audio for the prefix
    denoiser = partial(networks["denoiser"].apply, params["denoiser"])
    of_times = denoiser(rule.time, method="terms_of_time")  # (calls, 2 * width) each
    of_audio = denoiser(context, method="terms_of_audio")  # (1, 2 + L, 2 * width) each

    def denoise(x: jax.Array, of_time: list[jax.Array]) -> jax.Array:
        tokens = jnp.concatenate([prefix, x])[None]  # (1, 2 + L, 70)
        of_time = [term[None] for term in of_time]  # (1, 2 * width) each
        return denoiser(tokens, of_time, of_audio, method="predict")[0, PREFIX:]

    offset = networks["denoiser"].config.noise_offset
    return sample(denoise, rule, x_T, key=key, noise_offset=offset, told=of_times)


def stitch(networks: Networks, params: Params, source: jax.Array, driving: jax.Array) -> jax.Array:
    """Driving keypoints (B, K, 3) moved so that the shoulders stay where the source (1, K, 3) has them."""
    source = jnp.broadcast_to(source, driving.shape)
    return networks["retargeting"].apply(params["retargeting"], source, driving, method="stitch")


def render(networks: Networks, params: Params, source: SourceArrays, driving: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Frames uint8 (B, 512, 512, 3) at driving keypoints (B, K, 3); finite (B,) says where arithmetic held."""
    warp = networks["warping"].apply(
        params["warping"], source.volume, source.compressed, source=source.keypoints, driving=driving, method="warp"
    )
    image = networks["generator"].apply(params["generator"], warp.features)  # (B, 512, 512, 3)
    finite = jnp.isfinite(warp.features).all(axis=(1, 2, 3)) & jnp.isfinite(image).all(axis=(1, 2, 3))
    return (255 * jnp.clip(image, 0, 1)).astype(jnp.uint8), finite
