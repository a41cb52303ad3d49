"""The five networks of LivePortrait (arXiv 2407.03168), registered."""

import jax.numpy as jnp

from kdtalker_jax.parts import Config, Inputs, Part, picture
from kdtalker_jax.renderers.liveportrait.config import (
    AppearanceConfig,
    GeneratorConfig,
    MotionExtractorConfig,
    RetargetingConfig,
    WarpingConfig,
)
from kdtalker_jax.renderers.liveportrait.networks.appearance import AppearanceExtractor
from kdtalker_jax.renderers.liveportrait.networks.generator import SpadeGenerator
from kdtalker_jax.renderers.liveportrait.networks.motion_extractor import MotionExtractor
from kdtalker_jax.renderers.liveportrait.networks.retargeting import Retargeting
from kdtalker_jax.renderers.liveportrait.networks.warping import WarpingModule


def _volume_and_keypoints(config: Config) -> Inputs:
    sizes = config.warping
    keypoints = jnp.zeros((1, sizes.keypoints, 3))
    volume = jnp.zeros((1, sizes.volume_depth, sizes.feature_size, sizes.feature_size, sizes.volume_channels))
    return (volume,), {"source": keypoints, "driving": keypoints}


def _feature_map(config: Config) -> Inputs:
    side, sizes = config.warping.feature_size, config.generator
    features = jnp.zeros((1, side, side, sizes.input_channels))
    picture_side = side * 2 ** len(sizes.up_widths) * sizes.pixel_shuffle
    portrait = {"portrait": picture(picture_side)} if sizes.portrait else {}
    keypoints = jnp.zeros((1, sizes.keypoints or 0, 3))
    return (features,), portrait | ({"source": keypoints, "driving": keypoints} if sizes.keypoints else {})


def _two_sets_of_keypoints(config: Config) -> Inputs:
    keypoints = jnp.zeros((1, config.retargeting.keypoints, 3))
    return (keypoints, keypoints), {}


APPEARANCE = Part(
    "appearance",
    AppearanceExtractor,
    AppearanceConfig,
    lambda config: ((picture(config.appearance.image_size),), {}),
    rules="convert.liveportrait:APPEARANCE",
)
MOTION_EXTRACTOR = Part(
    "motion_extractor",
    MotionExtractor,
    MotionExtractorConfig,
    lambda config: ((picture(config.motion_extractor.image_size),), {}),
    rules="convert.liveportrait:MOTION_EXTRACTOR",
)
WARPING = Part("warping", WarpingModule, WarpingConfig, _volume_and_keypoints, rules="convert.liveportrait:WARPING")
GENERATOR = Part("generator", SpadeGenerator, GeneratorConfig, _feature_map, rules="convert.liveportrait:GENERATOR")
RETARGETING = Part(
    "retargeting", Retargeting, RetargetingConfig, _two_sets_of_keypoints, rules="convert.liveportrait:RETARGETING"
)

PARTS = (APPEARANCE, MOTION_EXTRACTOR, WARPING, GENERATOR, RETARGETING)
RENDERED = (WARPING, GENERATOR)  # run once a frame
REENACTED = (APPEARANCE, MOTION_EXTRACTOR, WARPING, GENERATOR)  # trained together
