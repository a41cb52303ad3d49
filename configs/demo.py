"""How the demo model is made from nothing: `python -m pipelines.train_demo`."""

from dataclasses import dataclass, replace

from configs.audio import DEMO_AUDIO, SMALL_AUDIO, AudioConfig
from configs.kdtalker import DEMO, SMALL, VARIED
from configs.renderer import (
    DEMO_RENDERER,
    SMALL_RENDERER,
    VARIED_DETAILS,
    VARIED_FEELINGS,
    VARIED_LIDS,
    VARIED_POLISH,
    VARIED_RENDERER,
    PhaseConfig,
    RendererConfig,
)
from configs.retargeting import DEMO_RETARGETING, SMALL_RETARGETING, RetargetingTrainingConfig
from configs.training import DEMO_RUN, SMALL_RUN, TrainingConfig
from kdtalker_jax.model_config import ModelConfig


@dataclass(frozen=True)
class DemoConfig:
    """All stages of a model that knows the synthetic world."""

    name: str = "demo"
    seed: int = 0
    look: str = "plain"  # of all people: one of kdtalker_jax.synthetic.clips.LOOKS
    plain: float = 0.0  # part of the pictures that show plain people all the same
    # Pictures that the renderer learns from: people who make faces, and people who speak, two for each performance.
    expressive: int = 200
    expressive_frames: int = 12
    performances: int = 500
    performance_frames: int = 100
    picture_size: int = 256
    performance_apart: int = 5  # every how many of them one is drawn: heads turn far in four seconds, little in one
    slider_people: int = 48  # whose faces, of that look, the directions of sliders are found on
    # Performances that the denoiser learns from; they are drawn once and not kept.
    spoken: int = 150
    spoken_frames: int = 160
    true_keypoints: bool = False  # guided keypoints of these are where the landmarks are, not where they are found
    # What ships beside the model, by name: seeds of people of that look and of speakers that are in no data set.
    portraits: tuple[tuple[str, int], ...] = (("mila", 9022), ("yara", 9004), ("bruno", 9014))
    recordings: tuple[tuple[str, int], ...] = (("morning", 9101), ("evening", 9102))
    recording_frames: int = 150
    model: ModelConfig = DEMO
    renderer: RendererConfig = DEMO_RENDERER
    details: RendererConfig | None = None  # goes on from the renderer, or nothing does
    lids: RendererConfig | None = None  # goes on from these, likewise
    feelings: RendererConfig | None = None  # and from those
    polish: RendererConfig | None = None  # and from those
    retargeting: RetargetingTrainingConfig = DEMO_RETARGETING
    audio: AudioConfig = DEMO_AUDIO
    denoiser: TrainingConfig = DEMO_RUN

    @property
    def renderer_runs(self) -> dict[str, RendererConfig]:
        """By name, in turn: each goes on from the one before."""
        names = "renderer", "details", "lids", "feelings", "polish"
        runs = {name: getattr(self, name) for name in names}
        return {name: run for name, run in runs.items() if run is not None}

    @property
    def spoken_seed(self) -> int:
        """Of the performances that the denoiser learns from."""
        return (self.seed + 1) % 2**64

    @property
    def last_renderer(self) -> RendererConfig:
        """What the renderer's networks were trained by at the end."""
        return list(self.renderer_runs.values())[-1]


# Networks for a dry run, of fewer layers than the small ones: nearly all that it waits for is compiling them.
_TINY = SMALL.replace(
    appearance=replace(SMALL.appearance, residual_blocks=1),
    motion_extractor=replace(SMALL.motion_extractor, depths=(1, 1, 1, 1)),
    warping=replace(SMALL.warping, hourglass_blocks=2),
    generator=replace(SMALL.generator, middle_blocks=1, keypoints=21),
)
_TINY_RENDERER = replace(
    SMALL_RENDERER,
    **{name: _TINY.sections[name] for name in ("appearance", "motion_extractor", "warping")},
    generator=replace(_TINY.generator, keypoints=None),
    first=PhaseConfig(steps=8, batch_size=2, image_size=32),
    second=PhaseConfig(),
)

_TINY_DETAILS = replace(
    _TINY_RENDERER,
    name="small_details",
    first=replace(_TINY_RENDERER.first, steps=4, frozen_norms=True, motion_frozen=True),
    optimizer=replace(_TINY_RENDERER.optimizer, warmup_steps=2),
)
_TINY_LIDS = replace(
    _TINY_DETAILS, name="small_lids", generator=_TINY.generator, frames=replace(_TINY_DETAILS.frames, blinks=0.8)
)
_TINY_FEELINGS = replace(
    _TINY_LIDS,
    name="small_feelings",
    first=PhaseConfig(steps=4, batch_size=2, image_size=32, motion_only=True),
    second=PhaseConfig(steps=4, batch_size=2, image_size=32, frozen_norms=True, true_keypoints=0.5),
)

# All stages in a few minutes: what comes out makes a video, but not of a face.
SMALL_DEMO = DemoConfig(
    name="small",
    expressive=2,
    expressive_frames=4,
    performances=3,
    performance_frames=50,
    picture_size=64,
    slider_people=3,
    spoken=6,
    spoken_frames=75,
    model=_TINY,
    renderer=_TINY_RENDERER,
    details=_TINY_DETAILS,
    lids=_TINY_LIDS,
    feelings=_TINY_FEELINGS,
    retargeting=SMALL_RETARGETING,
    audio=SMALL_AUDIO,
    denoiser=replace(SMALL_RUN, steps=60, validation=replace(SMALL_RUN.validation, every=60)),
)

# For photographs: many people, each in few pictures; some plain ones among them.
VARIED_DEMO = DemoConfig(
    look="varied",
    plain=0.1,
    expressive=800,
    expressive_frames=8,
    performances=800,
    performance_frames=96,
    performance_apart=12,
    spoken=240,
    true_keypoints=True,
    portraits=(("mila", 9147), ("yara", 9132), ("bruno", 9148)),
    model=VARIED,
    renderer=VARIED_RENDERER,
    details=VARIED_DETAILS,
    lids=VARIED_LIDS,
    feelings=VARIED_FEELINGS,
    audio=replace(DEMO_AUDIO, name="varied_audio", performances=500, read=0.5),
    denoiser=replace(DEMO_RUN, steps=12_000),
)

# The one that ships: its last run wants an accelerator.
ACCELERATOR_DEMO = replace(VARIED_DEMO, name="accelerator", expressive=1_600, polish=VARIED_POLISH)

DEMO_CONFIGS = {config.name: config for config in (VARIED_DEMO, ACCELERATOR_DEMO, DemoConfig(name="plain"), SMALL_DEMO)}
