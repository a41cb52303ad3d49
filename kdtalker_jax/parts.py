"""The published networks as pure-functional Flax modules, one a file, channels last."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from configs.networks import ModelConfig
from kdtalker_jax.features.wav2lip.network import AudioEncoder
from kdtalker_jax.metrics.syncnet import SyncNet
from kdtalker_jax.motion_models.kdtalker.network import PREFIX, Denoiser
from kdtalker_jax.renderers.liveportrait.networks.appearance import AppearanceExtractor
from kdtalker_jax.renderers.liveportrait.networks.generator import SpadeGenerator
from kdtalker_jax.renderers.liveportrait.networks.motion_extractor import MotionExtractor
from kdtalker_jax.renderers.liveportrait.networks.retargeting import Retargeting
from kdtalker_jax.renderers.liveportrait.networks.warping import WarpingModule

# By the name that a part has in `ModelConfig` and in a checkpoint.
NETWORKS: dict[str, type[nn.Module]] = {
    "appearance": AppearanceExtractor,
    "motion_extractor": MotionExtractor,
    "warping": WarpingModule,
    "generator": SpadeGenerator,
    "retargeting": Retargeting,
    "audio_encoder": AudioEncoder,
    "denoiser": Denoiser,
}
# Networks that judge videos and make none: a model is complete without.
JUDGES: dict[str, type[nn.Module]] = {"syncnet": SyncNet}


def build(
    name: str, config: ModelConfig, *, folded: bool = True, dtype: DTypeLike = jnp.float32, **fields: Any
) -> nn.Module:
    """The module of one network at the sizes of a model; `fields` are those that it has beside the common ones."""
    return (NETWORKS | JUDGES)[name](getattr(config, name), folded=folded, dtype=dtype, **fields)


def initialise(name: str, config: ModelConfig, key: jax.Array, *, folded: bool = False) -> dict[str, Any]:
    """Fresh variables of one network; under `jax.eval_shape` their shapes alone."""
    arguments, keywords = example_inputs(name, config)
    # JAX's default generator is compiled anew for each of hundreds of kernels, longer than all else here.
    key = jax.random.key(jax.random.bits(key), impl="unsafe_rbg")
    return build(name, config, folded=folded).init(key, *arguments, **keywords)


def variable_shapes(name: str, config: ModelConfig, *, folded: bool = False) -> dict[str, Any]:
    """The tree of `jax.ShapeDtypeStruct` that a checkpoint of this network has. Costs no memory."""
    return jax.eval_shape(lambda key: initialise(name, config, key, folded=folded), jax.random.key(0))


def example_inputs(name: str, config: ModelConfig) -> tuple[tuple, dict[str, jax.Array]]:
    """Zeros of the shapes that a network takes, for one portrait, window or frame."""

    def picture(size: int) -> jax.Array:
        return jnp.zeros((1, size, size, 3))

    warping, denoiser, audio, syncnet = config.warping, config.denoiser, config.audio_encoder, config.syncnet
    keypoints = jnp.zeros((1, warping.keypoints, 3))
    size, tokens = warping.feature_size, PREFIX + denoiser.window
    volume = jnp.zeros((1, warping.volume_depth, size, size, warping.volume_channels))
    return {
        "appearance": ((picture(config.appearance.image_size),), {}),
        "motion_extractor": ((picture(config.motion_extractor.image_size),), {}),
        "warping": ((volume,), {"source": keypoints, "driving": keypoints}),
        "generator": ((jnp.zeros((1, size, size, config.generator.input_channels)),), {}),
        "retargeting": ((keypoints, keypoints), {}),
        "audio_encoder": ((jnp.zeros((1, audio.mel_bands, audio.mel_columns)),), {}),
        "denoiser": (
            (
                jnp.zeros((1, tokens, denoiser.motion_size)),
                jnp.zeros(1),
                jnp.zeros((1, tokens, denoiser.audio_features)),
            ),
            {},
        ),
        "syncnet": (
            (
                jnp.zeros((1, syncnet.columns, syncnet.coefficients)),
                jnp.zeros((1, syncnet.frames, syncnet.image_size, syncnet.image_size, 3)),
            ),
            {},
        ),
    }[name]
