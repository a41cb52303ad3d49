"""F, M, W and G together, as they are trained: source picture and driving pictures -> reenacted pictures."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from configs.renderer import PhaseConfig, RendererConfig
from kdtalker_jax.parts import by_name
from kdtalker_jax.renderers.liveportrait.model import carried, keypoints_shown, motion_of, reduced
from kdtalker_jax.renderers.liveportrait.networks.generator import PAINTED
from kdtalker_jax.renderers.liveportrait.parts import REENACTED
from kdtalker_jax.seeds import random_key
from kdtalker_jax.spaces.geometry import rotation_matrix, transform_keypoints
from kdtalker_jax.training.weights import Weights

NAMES = tuple(part.name for part in REENACTED)
SYNCHRONISED = ("appearance", "warping")  # networks with batch norms

Tree = Any


class FaceMotion(NamedTuple):
    """What M finds in pictures, any leading dimensions: canonical keypoints and coefficients."""

    kp: jax.Array  # (..., 3 K)
    scale: jax.Array  # (...,)
    angles: jax.Array  # (..., 3) degrees: yaw, pitch, roll
    t: jax.Array  # (..., 3)
    exp: jax.Array  # (..., 3 K)

    @classmethod
    def of(cls, found: Mapping[str, jax.Array]) -> "FaceMotion":
        """From the dict that the motion extractor returns."""
        motion = motion_of(found)
        angles = jnp.stack([motion[name] for name in ("yaw", "pitch", "roll")], axis=-1)
        return cls(motion["kp"], motion["scale"], angles, motion["t"], motion["exp"])

    def keypoints(self, kp: jax.Array) -> jax.Array:
        """Canonical keypoints (..., 3 K), of this head or another, with this motion: (..., K, 3)."""
        yaw, pitch, roll = jnp.moveaxis(self.angles, -1, 0)
        return transform_keypoints(kp, self.scale, rotation_matrix(pitch, yaw, roll), self.exp, self.t)


class Reenacted(NamedTuple):
    """B sources with J driving pictures each."""

    pictures: jax.Array  # (B * J, T, T, 3)
    motion: FaceMotion  # (B, 1 + J, ...): of the source, then of the driving pictures
    keypoints: jax.Array  # (B, 1 + J, K, 3): the source's canonical keypoints with all these motions
    carried: jax.Array | None = None  # (B * J, T, T, 3): the sources moved by the flow, where there is one
    painted: jax.Array | None = None  # and what that is blended with, in training


class Networks:
    """The four networks at the size of a phase, as pure functions.

    Args:
        config: with `remat`, a network's activations are not kept for its gradient but computed again.
        train: whether batch norms take the statistics of the batch, but those that the phase freezes.
        axis_name: of the mapped axis that batch norms average over.
    """

    def __init__(
        self,
        config: RendererConfig,
        phase: PhaseConfig,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> None:
        sizes, dtype = sizes_at(config, phase), jnp.dtype(config.dtype)
        self._image_size = phase.image_size
        self._remat = config.remat and train
        self._training = {name for name in NAMES if train and not (phase.frozen_norms and name in SYNCHRONISED)}
        self._modules = {
            name: part.build(
                sizes, folded=False, dtype=dtype, **({"axis_name": axis_name} if name in SYNCHRONISED else {})
            )
            for name, part in by_name(REENACTED).items()
        }

    def reenact(
        self, weights: Weights, source: jax.Array, pictures: jax.Array, true: jax.Array | None = None
    ) -> tuple[Reenacted, dict[str, Tree]]:
        """Renders each source with its driving pictures.

        Args:
            weights: of the four networks.
            source: (B, S, S, 3) in [0, 1], S = `source_size`.
            pictures: (B, 1 + J, M, M, 3): the source and its driving pictures, as the motion extractor wants them.
            true: (B, 1 + J, K, 2): where keypoints are taken to be in pictures instead of where they are found; NaN:
                where they are found.

        Returns:
            What came out, with the keypoints that were found, and the statistics after it.
        """
        statistics = dict(weights.statistics)

        def call(name: str, *arguments: jax.Array, **keywords: jax.Array) -> Any:
            output, statistics[name] = self._apply(name)(weights.variables(name), *arguments, **keywords)
            return output

        count = pictures.shape[1]
        motion, keypoints = self.moved(weights, pictures)
        seen = reduced(source, self._image_size)
        volume = jnp.repeat(call("appearance", seen), count - 1, axis=0)  # (B J, D, H, W, C)
        taken = keypoints
        if true is not None:
            taken = taken.at[..., :2].set(jnp.where(jnp.isfinite(true), jnp.nan_to_num(true), taken[..., :2]))
        from_, to = jnp.repeat(taken[:, 0], count - 1, axis=0), taken[:, 1:].reshape(-1, *taken.shape[2:])
        features, flow = call("warping", volume, source=from_, driving=to)  # (B J, H, W, C)
        portrait = carried(jnp.repeat(source, count - 1, axis=0), flow)
        output = call("generator", features, portrait, **keypoints_shown(self._modules["generator"], from_, to))
        painted = statistics["generator"].pop(PAINTED, None)
        return Reenacted(output, motion, keypoints, portrait, painted[PAINTED][0] if painted else None), statistics

    def moved(self, weights: Weights, pictures: jax.Array) -> tuple[FaceMotion, jax.Array]:
        """The motion in pictures (B, 1 + J, M, M, 3), and each source's keypoints with it: (B, 1 + J, K, 3)."""
        motion = self.motion(weights, pictures)  # (B, 1 + J, ...)
        kp = jnp.broadcast_to(motion.kp[:, :1], motion.kp.shape)  # (B, 1 + J, 3 K)
        return motion, motion.keypoints(kp)

    def render(self, weights: Weights, source: jax.Array, start: jax.Array, driving: jax.Array) -> jax.Array:
        """Sources (B, S, S, 3) in [0, 1] moved from keypoints to others, (B, K, 3) both: (B, T, T, 3)."""
        seen = reduced(source, self._image_size)
        volume, _ = self._apply("appearance")(weights.variables("appearance"), seen)
        (features, flow), _ = self._apply("warping")(
            weights.variables("warping"), volume, source=start, driving=driving
        )
        shown = keypoints_shown(self._modules["generator"], start, driving)
        return self._apply("generator")(weights.variables("generator"), features, carried(source, flow), **shown)[0]

    def motion(self, weights: Weights, pictures: jax.Array) -> FaceMotion:
        """M on pictures (B, n, M, M, 3) in [0, 1]: (B, n, ...) each."""
        rows = pictures.reshape(-1, *pictures.shape[2:])
        found, _ = self._apply("motion_extractor")(weights.variables("motion_extractor"), rows)
        return FaceMotion.of({name: value.reshape(*pictures.shape[:2], -1) for name, value in found.items()})

    def _apply(self, name: str) -> Callable[..., tuple[Any, Tree]]:
        """(variables, ...) -> output, statistics after it."""

        def apply(variables: Tree, *arguments: jax.Array, **keywords: jax.Array) -> tuple[Any, Tree]:
            kinds = [kind for kind in variables if kind != "params"]
            module = self._modules[name]
            if name not in self._training:
                output, after = module.apply(variables, *arguments, **keywords), {k: variables[k] for k in kinds}
            else:
                kinds = [*kinds, PAINTED] if name == "generator" else kinds
                output, after = module.apply(variables, *arguments, **keywords, train=True, mutable=kinds)
            return ((output.features, output.flow) if name == "warping" else output), after

        return jax.checkpoint(apply) if self._remat else apply


def sizes_at(config: RendererConfig, phase: PhaseConfig) -> RendererConfig:
    """The sizes of the networks for a phase's pictures."""
    appearance = dataclasses.replace(config.appearance, image_size=phase.image_size)
    warping = dataclasses.replace(config.warping, feature_size=_feature_size(config, phase))
    return dataclasses.replace(config, appearance=appearance, warping=warping)


def output_size(config: RendererConfig, phase: PhaseConfig) -> int:
    """Side of the pictures that the generator makes."""
    return _feature_size(config, phase) * 2 ** len(config.generator.up_widths) * config.generator.pixel_shuffle


def source_size(config: RendererConfig, phase: PhaseConfig) -> int:
    """Side of the source pictures: as large as what is made where the generator blends them in."""
    return output_size(config, phase) if config.generator.portrait else phase.image_size


def _feature_size(config: RendererConfig, phase: PhaseConfig) -> int:
    return phase.image_size // 2 ** (len(config.appearance.widths) - 1)


def fresh_weights(config: RendererConfig) -> Weights:
    """Random weights, with heads of the motion extractor that begin near a neutral face."""
    keys = jax.random.split(random_key(config.seed), len(NAMES) + 1)
    variables = {part.name: part.initialise(config, key) for part, key in zip(REENACTED, keys[1:], strict=True)}
    heads = variables["motion_extractor"]["params"]
    for name in ("fc_kp", "fc_exp", "fc_t", "fc_scale"):
        heads[name]["kernel"] *= 0.02  # the features have variance 1; displacements are much smaller
    heads["fc_scale"]["bias"] += 1.0
    heads["fc_kp"]["bias"] = jax.random.uniform(
        keys[0], heads["fc_kp"]["bias"].shape, jnp.float32, minval=-0.4, maxval=0.4
    )
    return Weights.of(variables)
