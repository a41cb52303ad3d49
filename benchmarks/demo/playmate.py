"""Heads that feel, of unseen people: is the emotion that was asked for seen, how strong, and what does it cost lips?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np

from benchmarks.demo import measures
from benchmarks.demo.actors import Actor, make_actor, motion_finder, reenact
from benchmarks.demo.judge import EmotionJudge, Judgement, make_lesson
from benchmarks.demo.probe import SIZE, FaceProbe, true_reading
from benchmarks.demo.rows import Row
from benchmarks.demo.speech import Spoken, Stage
from benchmarks.demo.unseen import SEED, as_portrait, take, unseen_people, unseen_performances
from configs.demo_playmate import PLAYMATE_DEMO_CONFIGS
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, shown, unfelt
from kdtalker_jax.synthetic.guiding import guided_expression
from kdtalker_jax.synthetic.state import FaceState, State, at_rest

GUIDED = PLAYMATE_DEMO_CONFIGS["demo"].guided  # by keypoint, its landmark, as in the demo's training
FELT = EMOTIONS[1:]  # all but neutral
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_CLEAR = (0.7, 1.0)  # intensities of true drawings that the judge has to know
EVERY, SELDOM = 3, 12  # one frame of so many is filmed: to judge emotion and lips, and to judge strength


class Tally:
    """Counts what is shown (rows) against what is judged (columns), of whole videos and of their frames."""

    def __init__(self) -> None:
        self.videos, self.frames = (np.zeros((len(EMOTIONS),) * 2, int) for _ in range(2))

    def add(self, shown: int, found: Judgement) -> None:
        """A video of that emotion."""
        self.videos[shown, found.of_video] += 1
        np.add.at(self.frames[shown], found.of_frames, 1)

    def right(self, name: str) -> np.ndarray:
        """Shares that are judged rightly, by emotion: (8,)."""
        counts = self.counts()[name]
        return np.diag(counts) / np.maximum(np.sum(counts, axis=1), 1)

    def counts(self) -> dict[str, list[list[int]]]:
        return {"videos": self.videos.tolist(), "frames": self.frames.tolist()}


@dataclass(frozen=True)
class Cast:
    """A stage of people who can show what they feel, and who judge it."""

    stage: Stage
    unfelt: Sequence[FaceState]  # of each actor's performance
    judges: Sequence[EmotionJudge]

    @cached_property
    def clips(self) -> list[dict[str, Spoken]]:
        """Each actor's own speech in every emotion, one frame of `EVERY`."""
        return [
            {emotion: self.stage.play(number, actor.performance.waveform, number, EVERY, emotion=emotion)
             for emotion in EMOTIONS}
            for number, actor in enumerate(self.stage.actors)
        ]  # fmt: skip


def make_actors(model: TalkingPortrait, count: int, frames: int, shown: int) -> tuple[list[Actor], list[FaceState]]:
    """People of the varied world who feel nothing yet, and their states as those of the plain world are kept."""
    people, performances = unseen_people(count, "varied"), unseen_performances(count, frames)
    states = [as_portrait(performance.states) for performance in performances]
    calm = [performance._replace(states=unfelt(own).states)
            for performance, own in zip(performances, states, strict=True)]  # fmt: skip
    return [make_actor(model, person, one, shown) for person, one in zip(people, calm, strict=True)], states


def make_cast(model: TalkingPortrait, actors: Sequence[Actor], states: Sequence[FaceState], drawings: int) -> Cast:
    """Has probes and judges learn from so many drawings of each."""
    probes, judges = [], []
    for actor in actors:
        lesson = make_lesson(actor.person, drawings)
        probes.append(FaceProbe(actor.person, drawn=(lesson.felt.states, lesson.pictures)))
        judges.append(EmotionJudge(actor.person, lesson, probes[-1]))
    return Cast(Stage(model, actors, probes), states, judges)


def emotion_rows(cast: Cast) -> Iterator[Row]:
    """Of the judges, of the renderer, of emotions, of their strength, and of lips."""
    yield judge_row(cast)
    yield played_row(cast)
    yield from asked_rows(cast)
    yield strength_row(cast)
    yield lips_row(cast)


def judge_row(cast: Cast) -> Row:
    """How often the judges know what true drawings of unseen performances show, as large as the model's pictures."""
    rng, size = np.random.default_rng([SEED, 2]), cast.stage.model.renderer.output_size
    tally = Tally()
    for actor, states, judge in zip(cast.stage.actors, cast.unfelt, cast.judges, strict=True):
        for emotion in range(len(EMOTIONS)):
            felt = _felt(rng, states, emotion, rng.uniform(*_CLEAR))
            seen = take(felt.states, np.arange(0, len(states.jaw), SELDOM))
            tally.add(emotion, judge(draw_frames(actor.person, seen, size)))
    videos, frames = float(tally.right("videos").mean()), float(tally.right("frames").mean())
    text = f"{videos:.3f} of {tally.videos.sum()} videos, {frames:.3f} of frames"
    return Row("the judges of emotions, on true drawings of unseen speech", "accuracy >= 0.97", text, videos >= 0.97,
               {"videos": videos, "frames": frames, "counts": tally.counts()})  # fmt: skip


def played_row(cast: Cast) -> Row:
    """What the renderer shows of emotions: true performances, whose guided keypoints are where their landmarks are."""
    rng, tally, find = np.random.default_rng([SEED, 4]), Tally(), motion_finder(cast.stage.model)
    for actor, states, judge in zip(cast.stage.actors, cast.unfelt, cast.judges, strict=True):
        for emotion in range(len(EMOTIONS)):
            felt = _felt(rng, states, emotion, 1.0).states
            seen = take(felt, np.arange(0, len(states.jaw), SELDOM))
            motion, resting = (find(draw_frames(actor.person, of, SIZE)) for of in (seen, at_rest(seen)))
            exp = guided_expression(motion.exp, motion.scale, resting.exp, actor.person, seen, GUIDED)
            tally.add(emotion, judge(reenact(cast.stage.model, actor.source, replace(motion, exp=exp))))
    videos, frames = float(tally.right("videos")[1:].mean()), float(tally.right("frames")[1:].mean())
    return Row("emotion of true performances, played by true keypoints", "", f"{videos:.2f}; {frames:.2f} of frames",
               None, {"videos": videos, "frames": frames, "counts": tally.counts()})  # fmt: skip


def asked_rows(cast: Cast) -> list[Row]:
    """Emo-A: the share of videos, and of frames, that show what was asked for."""
    tally = Tally()
    for clips, judge in zip(cast.clips, cast.judges, strict=True):
        for asked, emotion in enumerate(EMOTIONS):
            tally.add(asked, judge(clips[emotion].frames))
    videos, frames = tally.right("videos"), tally.right("frames")  # (8,)
    emo_a, least = float(videos[1:].mean()), 1 + int(videos[1:].argmin())
    numbers = {
        "videos": emo_a,
        "frames": float(frames[1:].mean()),
        "emotions": EMOTIONS,
        "asked_by_judged": tally.counts(),
    }
    return [
        Row(
            "emotion of generated videos as judged (Emo-A)",
            "seven emotions >= 0.85, each >= 0.7",
            f"{emo_a:.2f} (lowest {EMOTIONS[least]} {videos[least]:.2f}); {numbers['frames']:.2f} of frames",
            emo_a >= 0.85 and bool(videos[least] >= 0.7),
            numbers,
        ),
        Row(
            "the same of those asked to be neutral",
            ">= 0.7",
            f"{videos[0]:.2f}; {frames[0]:.2f} of frames",
            bool(videos[0] >= 0.7),
            {"videos": float(videos[0]), "frames": float(frames[0])},
        ),
    ]


def strength_row(cast: Cast) -> Row:
    """The judged share of the emotion that was asked for, by how strong it was to be."""
    found = {emotion: np.zeros(len(STRENGTHS)) for emotion in FELT}
    for number, actor in enumerate(cast.stage.actors):
        for emotion in FELT:
            for place, strength in enumerate(STRENGTHS):
                asked = {"emotion": emotion, "emotion_strength": strength}
                clip = cast.stage.play(number, actor.performance.waveform, number, SELDOM, **asked)
                share = cast.judges[number](clip.frames).shares[:, EMOTIONS.index(emotion)].mean()
                found[emotion][place] += share / len(cast.stage.actors)
    mean = np.mean(list(found.values()), axis=0)
    rising = [name for name, shares in found.items() if (np.diff(shares) > 0).all()]
    return Row(
        "judged strength at " + ", ".join(f"{strength:g}" for strength in STRENGTHS),
        "rises",
        ", ".join(f"{share:.2f}" for share in mean) + f" (rises for {len(rising)} of {len(FELT)} emotions alone)",
        bool((np.diff(mean) > 0).all()),
        {name: shares.tolist() for name, shares in found.items()},
    )


def lips_row(cast: Cast) -> Row:
    """Mouths in every emotion against those of people who feel it and say the same."""
    rng = np.random.default_rng([SEED, 3])
    opened, wanted = {name: [] for name in FELT}, {name: [] for name in FELT}
    for clips, actor, states in zip(cast.clips, cast.stage.actors, cast.unfelt, strict=True):
        for name in FELT:
            truth = _felt(rng, states, EMOTIONS.index(name), 1.0).states
            wanted[name].append(true_reading(actor.person, truth).opening[::EVERY])
            opened[name].append(clips[name].reading.opening)
    own = {name: measures.following(opened[name], wanted[name]).pooled for name in FELT}
    pooled = measures.correlation(*(np.concatenate([*chain(*by.values())]) for by in (opened, wanted)))
    least = min(FELT, key=own.get)
    return Row(
        "mouth opening with an emotion, against true speech with it",
        "r >= 0.8",
        f"r = {pooled:.3f} (lowest {least} {own[least]:.3f})",
        pooled >= 0.8,
        {"pooled": pooled, **own},
    )


def confusion_table(row: Row) -> Iterator[tuple[str, ...]]:
    """Of the first of `asked_rows`: asked, then the shares of videos judged so, a row for each emotion."""
    for name, counts in zip(EMOTIONS, row.numbers["asked_by_judged"]["videos"], strict=True):
        yield (name, *(f"{count / max(sum(counts), 1):.2f}" for count in counts))


def sheet_of(cast: Cast) -> np.ndarray:
    """A row for each actor: the last frame of each emotion's clip, uint8 RGB."""
    return np.concatenate(
        [np.concatenate([clips[emotion].frames[-1] for emotion in EMOTIONS], axis=1) for clips in cast.clips]
    )


def _felt(rng: np.random.Generator, states: State, emotion: int, intensity: float) -> Felt:
    """One emotion throughout."""
    count = len(states.jaw)
    return shown(rng, states, np.full(count, emotion), np.full(count, intensity * (emotion > 0), np.float32))
