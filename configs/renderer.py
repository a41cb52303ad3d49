"""How the renderer and the keypoint detector are trained (F, M, W, G; LivePortrait, arXiv 2407.03168, section 3)."""

from dataclasses import dataclass, replace
from typing import Literal

from configs.kdtalker import DEMO, PUBLISHED, SMALL, VARIED, model
from configs.training import CheckpointConfig, DevicesConfig
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.records import added
from kdtalker_jax.renderers.liveportrait.config import (
    AppearanceConfig,
    GeneratorConfig,
    MotionExtractorConfig,
    RetargetingConfig,
    WarpingConfig,
)


@dataclass(frozen=True)
class PhaseConfig:
    """Some steps at one size of picture. The networks' parameters do not depend on it: they carry over."""

    steps: int = 0
    batch_size: int = 8  # source pictures, over all devices of all processes
    image_size: int = 256  # of the source picture; the output grows with it
    adversarial: bool = False
    frozen_norms: bool = False  # batch norms keep the statistics they came with: those of small batches are noise
    motion_only: bool = False  # nothing is rendered: the motion extractor alone learns, a few times as fast
    motion_frozen: bool = False  # the motion extractor stays as it is: what was made of its motion stays valid
    rest_frozen: bool = added(False)  # all else stays as it is: pictures teach the motion extractor alone
    # Share of the samples whose guided keypoints are taken from where their landmarks are, when pictures are made: what
    # draws learns what keypoints mean, and not only what the motion extractor makes of a face.
    true_keypoints: float = added(0.0)


@dataclass(frozen=True)
class RendererOptimizerConfig:
    """Adam or Muon after clipping; a short warm-up, then constant, then half a cosine down to 0 over the last steps.

    The discriminator's rate is constant: it comes late and has to learn fast.
    """

    kind: Literal["adam", "muon"] = "adam"  # of the renderer; the discriminator has Adam
    learning_rate: float = 2e-4
    discriminator_rate: float = 2e-4
    warmup_steps: int = 100
    cooldown: float = 0.4  # part of all steps; at most those after the warm-up
    beta1: float = 0.5
    beta2: float = 0.999
    clip_norm: float = 10.0  # of the gradient over all parameters
    ema: float = 0.999  # of parameters and batch statistics, each step


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms; 0 switches a term off. Terms that need a truth count where the data set knows it."""

    pixels: float = 10.0  # L1 on the picture and its averages over 2x2, 4x4, 8x8 pixels
    edges: float = 10.0  # L1 on differences between neighbours, at the same scales
    structure: float = 2.0  # 1 - SSIM, at the same scales
    details: float = 4.0  # by how much the mouth and each eye count more than the rest, in the three above
    carried: float = added(0.0)  # L1, as of pixels, on the portrait moved by the flow, before anything is painted
    painted: float = added(0.0)  # part of the four above that counts for what the portrait is blended with, alone
    perceptual: float = 0.0  # L1 between features of a VGG; needs perceptual_weights
    identity: float = 0.0  # 1 - cosine between features of a VGG trained on faces; needs identity_weights
    transfer: float = added(0.0)  # a picture's pose with another's expression, made from either: the same
    adversarial: float = 0.1
    features: float = 1.0  # of the discriminators, matched
    equivariance: float = 0.0  # of keypoints under a known transform of the picture
    spread: float = 1.0  # of keypoints that are closer than spread_distance
    spread_distance: float = 0.1
    depth: float = 0.1  # of the keypoints' mean depth from 0
    pose: float = 0.1  # of degrees
    placement: float = 2.0  # of the true position and size of the head
    deformation: float = 0.1  # L1 on exp
    landmarks: float = 10.0  # Wing loss between guided keypoints and landmarks
    openings: float = 0.0  # L1 on how far the `openings` are: a blink is less than what landmarks are off


@dataclass(frozen=True)
class FramesConfig:
    """How pictures are drawn from clips."""

    drivings: int = 1  # driving frames for each source frame
    cross: float = 0.0  # probability of a driving frame by another head with the same motion, where there is one
    apart: int = added(0)  # frames of a clip that source and driving are at least apart, where it is long enough
    # Probability that a sample's first driving frame is that whose lids are the least like the source's, where they are
    # known: what is seen in one frame of twenty, and told by keypoints that are a little off, is never drawn.
    blinks: float = added(0.0)
    threads: int = 2
    prefetch: int = 2  # batches that lie ready
    cache_gb: float = 4.0  # of encoded clips that each process keeps in memory


@dataclass(frozen=True)
class RendererValidationConfig:
    """Reenactment of fixed pairs of frames."""

    split: str = "validation"
    every: int = 500  # steps
    pairs: int = 32  # of each kind: one head, and two heads with the same motion
    pictures: int = 6  # pairs of each kind that are drawn; 0: none


_OPENINGS = (
    "inner upper lip - inner lower lip",
    "left upper lid - left lower lid",
    "right upper lid - right lower lid",
)
_MOUTH = "mouth left + mouth right + outer upper lip + outer lower lip"
_EYES = "left upper lid + left lower lid + left pupil", "right upper lid + right lower lid + right pupil"
_DEVICES = DevicesConfig()
_CHECKPOINTS = CheckpointConfig(every=500, keep_every=0)


@dataclass(frozen=True)
class RendererConfig:
    """One run: four phases in turn, of which those without steps are left out."""

    name: str = "liveportrait"
    seed: int = 0
    first: PhaseConfig = PhaseConfig()
    second: PhaseConfig = PhaseConfig()
    third: PhaseConfig = PhaseConfig()
    fourth: PhaseConfig = PhaseConfig()
    accumulate: int = 1  # parts that a batch is worked through in, one after the other, to save memory
    remat: bool = False  # compute activations twice instead of keeping them
    dtype: Literal["float32", "bfloat16"] = "float32"
    log_every: int = 20  # steps
    appearance: AppearanceConfig = PUBLISHED.appearance
    motion_extractor: MotionExtractorConfig = PUBLISHED.motion_extractor
    warping: WarpingConfig = PUBLISHED.warping
    generator: GeneratorConfig = PUBLISHED.generator
    retargeting: RetargetingConfig = PUBLISHED.retargeting
    guided: tuple[str, ...] = ()  # for each keypoint the landmark that it is guided to; "": none
    openings: tuple[str, ...] = added(_OPENINGS)  # pairs of guided landmarks: it counts how far they part
    regions: tuple[str, ...] = added((_MOUTH, *_EYES))  # of the face, by their landmarks: pictures of them count more
    perceptual_weights: str = ""  # files that the user brings: see renderers/liveportrait/training/perceptual.py
    identity_weights: str = ""
    discriminator_width: int = 32
    discriminator_scales: int = 2
    optimizer: RendererOptimizerConfig = RendererOptimizerConfig()
    loss: LossConfig = LossConfig()
    frames: FramesConfig = FramesConfig()
    devices: DevicesConfig = _DEVICES
    validation: RendererValidationConfig = RendererValidationConfig()
    checkpoints: CheckpointConfig = _CHECKPOINTS

    @property
    def phases(self) -> tuple[PhaseConfig, ...]:
        return tuple(phase for phase in (self.first, self.second, self.third, self.fourth) if phase.steps)

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_of(self, step: int) -> int:
        """Number of the phase that the step after `step` steps belongs to."""
        end = 0
        for number, phase in enumerate(self.phases):
            end += phase.steps
            if step < end:
                return number
        return len(self.phases) - 1


def renderer_config(sizes: ModelConfig, **settings: object) -> RendererConfig:
    """A run that trains the networks of a model."""
    parts = ("appearance", "motion_extractor", "warping", "generator", "retargeting")
    return RendererConfig(**{name: getattr(sizes, name) for name in parts}, **settings)


LIVEPORTRAIT = renderer_config(
    PUBLISHED,
    name="liveportrait",
    first=PhaseConfig(steps=100_000, batch_size=8, adversarial=True),
    accumulate=8,
    remat=True,
)

# Trained weights whose expression and pose leak into each other (arXiv 2502.07203, equations 2 to 4).
TRANSFER_LIVEPORTRAIT = replace(
    LIVEPORTRAIT,
    name="liveportrait_transfer",
    first=PhaseConfig(steps=2_000, batch_size=8, frozen_norms=True, rest_frozen=True),
    optimizer=RendererOptimizerConfig(learning_rate=1e-5),
    loss=LossConfig(transfer=1.0),
    frames=FramesConfig(apart=12),  # so that pose and expression differ
)

# A quarter of the parameters, for the first look at real videos on a machine without accelerators.
HALF_LIVEPORTRAIT = renderer_config(
    model(
        appearance=AppearanceConfig(widths=(32, 64, 128), volume_channels=16),
        motion_extractor=MotionExtractorConfig(widths=(48, 96, 192, 384)),
        warping=WarpingConfig(volume_channels=16, hourglass_width=16, hourglass_max_width=512, output_channels=128),
        generator=GeneratorConfig(input_channels=128, width=256, up_widths=(128, 32), modulation_width=64),
    ),
    name="half_liveportrait",
    first=PhaseConfig(steps=150, batch_size=4, image_size=128),
    second=PhaseConfig(steps=100, batch_size=4, image_size=128, frozen_norms=True),
    log_every=5,
    optimizer=RendererOptimizerConfig(
        kind="muon", learning_rate=3e-3, warmup_steps=20, beta1=0.9, clip_norm=100.0, ema=0.95
    ),
    validation=RendererValidationConfig(every=50),
)

# Keypoints of lips and eyes have the places that they have in the published model.
_GUIDES = {
    6: "mouth left", 12: "mouth right", 14: "outer upper lip", 17: "inner upper lip", 19: "inner lower lip",
    20: "outer lower lip", 11: "left upper lid", 13: "left lower lid", 15: "right upper lid", 16: "right lower lid",
    10: "left pupil", 18: "right pupil", 8: "chin", 9: "nose tip",
}  # fmt: skip
_SIDES = "left", "right"
_BROW_GUIDES = {1: "left brow inner", 2: "right brow inner", 0: "left brow outer", 3: "right brow outer"}

DEMO_RENDERER = renderer_config(
    DEMO,
    name="demo_renderer",
    # Lids are seen in a few pixels: pictures alone never teach them.
    first=PhaseConfig(steps=1_000, batch_size=8, image_size=64, motion_only=True),
    second=PhaseConfig(steps=1_000, batch_size=4, image_size=64),
    third=PhaseConfig(steps=700, batch_size=4, image_size=64, frozen_norms=True),
    fourth=PhaseConfig(steps=3_600, batch_size=4, image_size=128, frozen_norms=True),
    guided=tuple(_GUIDES.get(keypoint, "") for keypoint in range(21)),
    loss=LossConfig(openings=100.0),
    optimizer=RendererOptimizerConfig(
        kind="muon", learning_rate=3e-3, warmup_steps=100, beta1=0.9, clip_norm=100.0, ema=0.998
    ),
    frames=FramesConfig(drivings=2, cross=0.4),
)

# People who are all unlike are a harder lesson, of motion most of all.
VARIED_RENDERER = replace(
    DEMO_RENDERER,
    name="varied_renderer",
    **{part: VARIED.sections[part] for part in ("motion_extractor", "warping")},
    generator=replace(VARIED.generator, keypoints=None),
    first=PhaseConfig(steps=4_000, batch_size=12, image_size=64, motion_only=True),
    second=PhaseConfig(steps=900, batch_size=4, image_size=64),
    third=PhaseConfig(steps=300, batch_size=4, image_size=64, frozen_norms=True),
    fourth=PhaseConfig(steps=3_200, batch_size=4, image_size=128, frozen_norms=True),
    # A drawn face is soon painted as well as it is carried; a real one is not, so its place has to be learnt. And where
    # the mask shows the portrait alone, as it does after some dozen steps, nothing else would teach the painter.
    loss=replace(DEMO_RENDERER.loss, carried=5.0, painted=0.3),
)

_NO_MORE_PHASES = {name: PhaseConfig() for name in ("second", "third", "fourth")}

# Keypoints are found well long before lips and lids are drawn as these say: what draws goes on, and minds them most.
VARIED_DETAILS = replace(
    VARIED_RENDERER,
    name="varied_details",
    seed=1,  # other samples
    first=PhaseConfig(steps=5_000, batch_size=4, image_size=128, frozen_norms=True, motion_frozen=True),
    **_NO_MORE_PHASES,
    loss=replace(VARIED_RENDERER.loss, details=24.0),
    optimizer=replace(VARIED_RENDERER.optimizer, learning_rate=2e-3),
)

# Closed eyes are rare: of all frames alone, what draws learns that eyes are open. And lids move by less than a place of
# the feature map is wide: so it is shown the keypoints too.
VARIED_LIDS = replace(
    VARIED_DETAILS,
    name="varied_lids",
    seed=2,
    generator=VARIED.generator,
    first=replace(VARIED_DETAILS.first, steps=2_400),
    frames=replace(VARIED_DETAILS.frames, blinks=0.8),
)

# What feelings do to corners of mouths and to brows is less than what keypoints are off: it is neither seen nor drawn
# until keypoints are guided to brows, and learn by itself how far corners, lips and brows part.
VARIED_FEELINGS = replace(
    VARIED_LIDS,
    name="varied_feelings",
    seed=3,
    first=PhaseConfig(steps=1_300, batch_size=12, image_size=128, motion_only=True),
    second=PhaseConfig(steps=1_800, batch_size=4, image_size=128, frozen_norms=True, true_keypoints=0.5),
    guided=tuple((_GUIDES | _BROW_GUIDES).get(keypoint, "") for keypoint in range(21)),
    openings=(
        *_OPENINGS,
        *(f"mouth {side} - inner {lip} lip" for side in _SIDES for lip in ("upper", "lower")),
        *(f"inner {lip} lip - outer {lip} lip" for lip in ("upper", "lower")),
        *(f"{side} brow {end} - {side} lower lid" for side in _SIDES for end in ("inner", "outer")),
        "left brow inner - right brow inner",
    ),
    regions=(
        _MOUTH,
        *(f"{eye} + {side} brow inner + {side} brow outer" for side, eye in zip(_SIDES, _EYES, strict=True)),
    ),
    loss=replace(VARIED_DETAILS.loss, openings=400.0),
    frames=replace(VARIED_DETAILS.frames, blinks=0.4),
)

# Some minutes of an accelerator, where batches may be large: pictures alone, and motion stays what it is.
VARIED_POLISH = replace(
    VARIED_FEELINGS,
    name="varied_polish",
    seed=4,
    first=replace(VARIED_FEELINGS.second, steps=8_000, batch_size=16, motion_frozen=True),
    **_NO_MORE_PHASES,
    frames=replace(VARIED_FEELINGS.frames, threads=12, prefetch=16),
)

# As `TRANSFER_LIVEPORTRAIT`, on drawn people: keypoints keep what truth they are guided by.
VARIED_TRANSFER = replace(
    VARIED_FEELINGS,
    name="varied_transfer",
    seed=0,
    first=PhaseConfig(steps=300, batch_size=4, image_size=128, frozen_norms=True, rest_frozen=True),
    **_NO_MORE_PHASES,
    loss=replace(VARIED_FEELINGS.loss, details=VARIED_RENDERER.loss.details, transfer=1.0),
    optimizer=replace(TRANSFER_LIVEPORTRAIT.optimizer, learning_rate=1e-4, warmup_steps=30),  # few steps
    frames=replace(VARIED_RENDERER.frames, apart=1),  # the world holds every twelfth frame of a performance
)

# Some steps of the small networks: for tests and dry runs.
SMALL_RENDERER = renderer_config(
    SMALL,
    name="small_renderer",
    first=PhaseConfig(steps=20, batch_size=4, image_size=32),
    second=PhaseConfig(steps=20, batch_size=4, image_size=64, adversarial=True),
    log_every=5,
    discriminator_width=8,
    optimizer=RendererOptimizerConfig(learning_rate=1e-3, warmup_steps=5, ema=0.9),
    validation=RendererValidationConfig(every=20, pairs=4, pictures=2),
    checkpoints=CheckpointConfig(every=20, keep_every=0),
)

RENDERER_CONFIGS = {
    config.name: config
    for config in (
        LIVEPORTRAIT,
        TRANSFER_LIVEPORTRAIT,
        HALF_LIVEPORTRAIT,
        DEMO_RENDERER,
        VARIED_RENDERER,
        VARIED_DETAILS,
        VARIED_LIDS,
        VARIED_FEELINGS,
        VARIED_POLISH,
        VARIED_TRANSFER,
        SMALL_RENDERER,
    )
}
