"""LivePortrait as a `renderers.protocol.Renderer`: its stages as pure functions, jitted once each."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from kdtalker_jax.batching import in_batches
from kdtalker_jax.edits.retargeting import Networks as RetargetingNetworks
from kdtalker_jax.errors import DamagedModelError, made_by_network
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.nn.blocks import average_pool
from kdtalker_jax.nn.resampling import move_picture
from kdtalker_jax.parts import Config, Part
from kdtalker_jax.renderers.liveportrait.parts import MOTION_EXTRACTOR, PARTS, RENDERED
from kdtalker_jax.renderers.liveportrait.preparing import prepare
from kdtalker_jax.spaces.geometry import degrees_from_bins, placed_keypoints
from kdtalker_jax.spaces.implicit_keypoints import Head, ImplicitKeypoints
from kdtalker_jax.spaces.keypoints import Coefficients, Motion
from kdtalker_jax.systems import unequal

STITCHED_AT_ONCE = 64  # frames
LARGEST_PICTURE = 8192  # side of what the generator makes
LARGEST_VOLUME = 1 << 28  # numbers in the feature volume; the published one has 2**21

Params = Mapping[str, Any]  # by the name of the part, each {"params": tree}, folded
Networks = Mapping[str, nn.Module]


class SourceArrays(NamedTuple):
    """All that rendering needs of a portrait; computed once."""

    volume: jax.Array  # (1, D, H, W, C) feature volume f_s
    compressed: jax.Array  # (1, D, H, W, 4)
    keypoints: jax.Array  # (1, K, 3) x_s
    picture: jax.Array | None = None  # (1, S, S, 3) in [0, 1], where the generator blends it in


class LivePortrait:
    """LivePortrait at the sizes of a model. `jit` exists so that tests can count traces.

    Args:
        config: sizes.
        dtype: of the arithmetic in warping and generator. The portrait is described in float32, because an error there
            is in every frame.
    """

    parts = PARTS
    rendered = RENDERED
    observing = (MOTION_EXTRACTOR,)
    settings: Mapping[str, type] = {}
    choices: Mapping[str, tuple[str, ...]] = {}
    stateful = False

    def __init__(self, config: ModelConfig, dtype: DTypeLike = jnp.float32, jit: Callable = jax.jit) -> None:
        self._config, self._dtype = config, dtype
        self.takes = ImplicitKeypoints(config.motion_extractor.keypoints)
        self.picture_size = output_size(config) if config.generator.portrait else config.appearance.image_size
        self.output_size = output_size(config)
        exact = _build(PARTS, config)
        painters = _build(RENDERED, config, dtype)
        self._describe = jit(partial(describe, exact))
        self._stitch = jit(partial(stitch, exact))
        self._lips = jit(partial(retarget, exact, "lip_delta"))
        self._eyes = jit(partial(retarget, exact, "eye_delta"))
        self._render = jit(partial(render, painters))
        self._observe = jit(partial(observe, exact[MOTION_EXTRACTOR.name]))

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if not config.appearance.widths:
            raise ValueError("appearance.widths has no numbers")
        if output_size(config) > LARGEST_PICTURE:
            raise ValueError(f"the pictures are {output_size(config)} wide, more than {LARGEST_PICTURE}")
        if config.generator.portrait and output_size(config) % config.appearance.image_size:
            raise ValueError(
                f"the pictures are {output_size(config)} wide, no multiple of {config.appearance.image_size}"
            )
        volume = config.warping.volume_channels * config.warping.volume_depth * config.warping.feature_size**2
        if volume > LARGEST_VOLUME:
            raise ValueError(f"the feature volume has {volume} numbers, more than {LARGEST_VOLUME}")

    @classmethod
    def disagreement(cls, config: ModelConfig, names: Collection[str]) -> str | None:
        appearance, extractor, warping = config.appearance, config.motion_extractor, config.warping
        side = appearance.image_size >> (len(appearance.widths) - 1)
        sizes = {
            "keypoints": {
                "motion_extractor": extractor.keypoints,
                "warping": warping.keypoints,
                "retargeting": config.retargeting.keypoints,
                "generator": config.generator.keypoints or warping.keypoints,
            },
            "image_size": {"appearance": appearance.image_size, "motion_extractor": extractor.image_size},
            "feature volume": {
                "appearance": (side, appearance.volume_depth, appearance.volume_channels),
                "warping": (warping.feature_size, warping.volume_depth, warping.volume_channels),
            },
            "feature map": {"warping": warping.output_channels, "generator": config.generator.input_channels},
            "portrait blended in": {"warping": warping.flow, "generator": config.generator.portrait},
        }
        return unequal(sizes, names)

    def prepare(self, params: Params) -> Params:
        return prepare(self._config, params, self._dtype)

    def describe(self, params: Params, picture: jax.Array) -> tuple[SourceArrays, Head]:
        portrait, own = self._describe(params, picture)
        own = {field: np.asarray(value) for field, value in own.items()}
        motion = made_by_network(Motion, **{name: own[name] for name in Coefficients._fields})
        if not all(np.isfinite(part).all() for part in jax.tree.leaves((portrait, own["kp"]))):
            raise DamagedModelError("a description of the picture that is not finite")
        return portrait, Head(own["kp"][0], replace(motion, keypoints=np.asarray(portrait.keypoints)))

    def begin(self, portrait: SourceArrays) -> tuple[()]:
        return ()

    def frames(
        self, params: Params, portrait: SourceArrays, state: tuple[()], driving: jax.Array
    ) -> tuple[tuple[()], jax.Array, jax.Array]:
        return (), *self._render(params, portrait, driving)

    def observe(self, params: Params, frames: jax.Array) -> dict[str, jax.Array]:
        """Yaw, pitch, roll (B,) in degrees, scale (B,), t (B, 3), exp and kp (B, 3 K)."""
        return self._observe(params[MOTION_EXTRACTOR.name], frames)

    def stitch(self, params: Params, portrait: SourceArrays, driving: np.ndarray) -> np.ndarray:
        """Driving keypoints (T, K, 3), moved so that the shoulders stay where the portrait has them."""
        return self.retargeting(params).stitch(np.asarray(portrait.keypoints), driving)

    def retargeting(self, params: Params) -> RetargetingNetworks:
        """Stitching and the retargeting of lips and eyes, of any number of frames."""

        def of(network: Callable, made: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
            def call(own: np.ndarray, other: np.ndarray) -> np.ndarray:
                own = np.broadcast_to(own, (len(other), *own.shape[1:]))
                result = in_batches(partial(network, params), STITCHED_AT_ONCE, own, other)
                if np.isfinite(other).all() and not np.isfinite(result).all():
                    raise DamagedModelError(f"{made} that are not finite")
                return result

            return call

        return RetargetingNetworks(
            of(self._stitch, "stitched keypoints"),
            of(self._lips, "retargeted lips"),
            of(self._eyes, "retargeted eyes"),
        )


def _build(parts: tuple[Part, ...], config: ModelConfig, dtype: DTypeLike = jnp.float32) -> Networks:
    return {part.name: part.build(config, dtype=dtype) for part in parts}


def output_size(config: Config) -> int:
    """Side of the pictures that the generator makes."""
    return config.warping.feature_size * 2 ** len(config.generator.up_widths) * config.generator.pixel_shuffle


def motion_of(heads: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The motion extractor's heads, (..., numbers) each -> yaw, pitch, roll (...,) degrees, scale (...,), t (..., 3),
    exp and kp (..., 3 K)."""
    angles = {name: degrees_from_bins(heads[name]) for name in ("pitch", "yaw", "roll")}
    return {**heads, **angles, "scale": heads["scale"][..., 0]}


def observe(extractor: nn.Module, params: Any, frames: jax.Array) -> dict[str, jax.Array]:
    """As `LivePortrait.observe`, with parameters of the motion extractor alone."""
    return motion_of(extractor.apply(params, reduced(frames.astype(jnp.float32) / 255, extractor.config.image_size)))


def describe(networks: Networks, params: Params, image: jax.Array) -> tuple[SourceArrays, dict[str, jax.Array]]:
    """Picture uint8 (1, S, S, 3) -> everything that depends on the portrait alone, and its own motion."""
    whole = image.astype(jnp.float32) / 255
    image = reduced(whole, networks["appearance"].config.image_size)
    motion = motion_of(networks["motion_extractor"].apply(params["motion_extractor"], image))
    volume = networks["appearance"].apply(params["appearance"], image)  # (1, D, H, W, C)
    compressed = networks["warping"].apply(params["warping"], volume, method="compress")  # (1, D, H, W, 4)
    picture = whole if networks["generator"].config.portrait else None
    return SourceArrays(volume, compressed, placed_keypoints(motion), picture), motion


def reduced(pictures: jax.Array, size: int) -> jax.Array:
    """Pictures (B, H, W, 3), averaged to the size of what a network takes."""
    return pictures if pictures.shape[1] == size else average_pool(pictures, (pictures.shape[1] // size,) * 2)


def stitch(networks: Networks, params: Params, source: jax.Array, driving: jax.Array) -> jax.Array:
    """Driving keypoints (B, K, 3) moved so that the shoulders stay where the source (1 or B, K, 3) has them."""
    source = jnp.broadcast_to(source, driving.shape)
    return networks["retargeting"].apply(params["retargeting"], source, driving, method="stitch")


def retarget(networks: Networks, method: str, params: Params, source: jax.Array, ratios: jax.Array) -> jax.Array:
    """What to add to keypoints, (B, K, 3), for a source (B, K, 3) and ratios (B, 2) of lips or (B, 3) of eyes."""
    return networks["retargeting"].apply(params["retargeting"], source, ratios, method=method)


def carried(picture: jax.Array | None, flow: jax.Array | None) -> jax.Array | None:
    """A portrait (1 or B, S, S, 3) moved by each frame's flow (B, h, w, 2): (B, S, S, 3); None without a flow."""
    if flow is None:
        return None
    if len(picture) == 1:
        return jax.vmap(move_picture, in_axes=(None, 0))(picture[0], flow)
    return jax.vmap(move_picture)(picture, flow)


def keypoints_shown(generator: nn.Module, source: jax.Array, driving: jax.Array) -> dict[str, jax.Array]:
    """What a generator is called with, where it is shown keypoints (1 or B, K, 3) and (B, K, 3)."""
    return {"source": source, "driving": driving} if generator.config.keypoints else {}


def render(networks: Networks, params: Params, source: SourceArrays, driving: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Frames uint8 (B, H, W, 3) at driving keypoints (B, K, 3); finite (B,) says where arithmetic held."""
    warp = networks["warping"].apply(
        params["warping"], source.volume, source.compressed, source=source.keypoints, driving=driving, method="warp"
    )
    portrait = carried(source.picture, warp.flow)
    shown = keypoints_shown(networks["generator"], source.keypoints, driving)
    image = networks["generator"].apply(params["generator"], warp.features, portrait, **shown)
    finite = jnp.isfinite(warp.features).all(axis=(1, 2, 3)) & jnp.isfinite(image).all(axis=(1, 2, 3))
    return (255 * jnp.clip(image, 0, 1)).astype(jnp.uint8), finite
