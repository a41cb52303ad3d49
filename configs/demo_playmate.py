"""How the demo of Playmate is made from that of KDTalker: `python -m pipelines.train_demo --system playmate`."""

from dataclasses import dataclass, replace

from configs.demo import VARIED_DEMO
from configs.playmate_training import EMOTION_RUNS, PLAYMATE_RUNS, EmotionRun, PlaymateRun
from configs.renderer import VARIED_FEELINGS


@dataclass(frozen=True)
class PlaymateDemoConfig:
    """All stages of a motion model that feels, with renderer and sound features of another model."""

    name: str = "demo"
    seed: int = 3  # of performances and people who feel: what the other model was made with has smaller ones
    look: str = "varied"  # of all people: only these feel
    # Performances that both stages learn from; they are drawn once and not kept.
    spoken: int = 240
    spoken_frames: int = 128
    # Performances of people who feel nothing, the same that KDTalker's demo learns from: what opens their mouths is
    # speech alone.
    calm: int = VARIED_DEMO.spoken
    calm_seed: int = VARIED_DEMO.spoken_seed
    calm_frames: int = VARIED_DEMO.spoken_frames
    # By keypoint of the other model, the landmark that it was guided to, which it takes its place from; (): as found.
    guided: tuple[str, ...] = VARIED_FEELINGS.guided
    # The width of sound features is that of the other model's.
    first: PlaymateRun = PLAYMATE_RUNS["demo"]
    second: EmotionRun = EMOTION_RUNS["demo"]


def _short(run: PlaymateRun) -> PlaymateRun:
    validation, checkpoints = replace(run.validation, every=30), replace(run.checkpoints, every=30)
    return replace(run, steps=30, validation=validation, checkpoints=checkpoints)


# All stages in a few minutes: what comes out moves, but has learnt nothing.
SMALL_PLAYMATE_DEMO = PlaymateDemoConfig(
    name="small",
    spoken=4,
    spoken_frames=75,
    calm=2,
    calm_frames=75,
    first=_short(PLAYMATE_RUNS["small"]),
    second=_short(EMOTION_RUNS["small"]),
)

PLAYMATE_DEMO_CONFIGS = {"demo": PlaymateDemoConfig(), "small": SMALL_PLAYMATE_DEMO}
