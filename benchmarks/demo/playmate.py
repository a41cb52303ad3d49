"""Heads that feel, of unseen people: is the emotion that was asked for seen, how strong, and what does it cost lips?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from benchmarks.demo import measures
from benchmarks.demo.actors import Actor, make_actor
from benchmarks.demo.judge import EmotionJudge, Lesson, make_lesson
from benchmarks.demo.probe import FaceProbe, true_reading
from benchmarks.demo.rows import Row
from benchmarks.demo.speech import Spoken, Stage
from benchmarks.demo.unseen import SEED, as_portrait, take, unseen_people, unseen_performances
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, shown, unfelt
from kdtalker_jax.synthetic.state import FaceState, State

FELT = EMOTIONS[1:]  # all but neutral
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_CLEAR = (0.7, 1.0)  # intensities of true drawings that the judge has to know
EVERY, SELDOM = 3, 12  # one frame of so many is filmed: to judge emotion and lips, and to judge strength


@dataclass(frozen=True)
class Cast:
    """A stage of people who can show what they feel, and who judges it."""

    stage: Stage
    unfelt: Sequence[FaceState]  # of each actor's performance
    judge: EmotionJudge

    @cached_property
    def clips(self) -> list[dict[str, Spoken]]:
        """Each actor's own speech in every emotion, one frame of `EVERY`."""
        return [
            {emotion: self.stage.play(number, actor.performance.waveform, number, EVERY, emotion=emotion)
             for emotion in EMOTIONS}
            for number, actor in enumerate(self.stage.actors)
        ]  # fmt: skip

    def judged(self, number: int, clip: Spoken) -> np.ndarray:
        """Shares of emotions in the frames of a clip of that actor: (F, 8)."""
        return self.judge(self.stage.probes[number], clip.frames)


def make_actors(model: TalkingPortrait, count: int, frames: int, shown: int) -> tuple[list[Actor], list[FaceState]]:
    """People of the varied world who feel nothing yet, and their states as those of the plain world are kept."""
    people, performances = unseen_people(count, "varied"), unseen_performances(count, frames)
    states = [as_portrait(performance.states) for performance in performances]
    calm = [performance._replace(states=unfelt(own).states)
            for performance, own in zip(performances, states, strict=True)]  # fmt: skip
    return [make_actor(model, person, one, shown) for person, one in zip(people, calm, strict=True)], states


def make_cast(model: TalkingPortrait, actors: Sequence[Actor], states: Sequence[FaceState], drawings: int) -> Cast:
    """Has probes and judge learn from so many drawings of each."""
    people = [actor.person for actor in actors]
    lessons: list[Lesson] = [make_lesson(person, drawings) for person in people]
    probes = [FaceProbe(person, drawn=(lesson.felt.states, lesson.pictures))
              for person, lesson in zip(people, lessons, strict=True)]  # fmt: skip
    return Cast(Stage(model, actors, probes), states, EmotionJudge(people, lessons))


def emotion_rows(cast: Cast) -> Iterator[Row]:
    """Of the judge, of emotions, of their strength, and of lips."""
    yield judge_row(cast)
    yield from asked_rows(cast)
    yield strength_row(cast)
    yield lips_row(cast)


def judge_row(cast: Cast) -> Row:
    """How often the judge knows what is shown on true drawings of unseen performances, as large as the model's."""
    rng = np.random.default_rng([SEED, 2])
    confusion, size = np.zeros((len(EMOTIONS),) * 2, int), cast.stage.model.renderer.output_size
    for actor, states, probe in zip(cast.stage.actors, cast.unfelt, cast.stage.probes, strict=True):
        for emotion in range(len(EMOTIONS)):
            felt = _felt(rng, states, emotion, rng.uniform(*_CLEAR))
            pictures = draw_frames(actor.person, take(felt.states, np.arange(0, len(states.jaw), SELDOM)), size)
            np.add.at(confusion[emotion], cast.judge(probe, pictures).argmax(axis=1), 1)
    right = float(np.trace(confusion) / confusion.sum())
    text = f"{right:.3f} of {confusion.sum()} frames"
    return Row("the judge of emotions, on true drawings of unseen speech", "accuracy >= 0.97", text, right >= 0.97,
               {"accuracy": right, "confusion": confusion.tolist()})  # fmt: skip


def asked_rows(cast: Cast) -> list[Row]:
    """Emo-A: the share of frames, and of videos, that show what was asked for."""
    frames, videos = (np.zeros((len(EMOTIONS),) * 2, int) for _ in range(2))
    for number, clips in enumerate(cast.clips):
        for asked, emotion in enumerate(EMOTIONS):
            shares = cast.judged(number, clips[emotion])
            np.add.at(frames[asked], shares.argmax(axis=1), 1)
            videos[asked, shares.mean(axis=0).argmax()] += 1
    own = dict(zip(EMOTIONS, (np.diag(frames) / frames.sum(axis=1)).tolist(), strict=True))
    of_videos = float((np.diag(videos) / videos.sum(axis=1))[1:].mean())
    emo_a, least = float(np.mean([own[name] for name in FELT])), min(FELT, key=own.get)
    numbers = {"asked_by_judged": frames.tolist(), "videos": videos.tolist(), "emotions": EMOTIONS, "of_each": own}
    return [
        Row(
            "emotion of generated videos as judged (Emo-A)",
            "frames of seven emotions >= 0.85, each >= 0.7",
            f"{emo_a:.2f} of frames (lowest {least} {own[least]:.2f}), {of_videos:.2f} of videos",
            emo_a >= 0.85 and own[least] >= 0.7,
            {"frames": emo_a, "of_videos": of_videos, **numbers},
        ),
        Row("asked to be neutral", ">= 0.7 of frames neutral", f"{own['neutral']:.2f}", own["neutral"] >= 0.7, own),
    ]


def strength_row(cast: Cast) -> Row:
    """The judged share of the emotion that was asked for, by how strong it was to be."""
    found = {emotion: np.zeros(len(STRENGTHS)) for emotion in FELT}
    for number, actor in enumerate(cast.stage.actors):
        for emotion in FELT:
            for place, strength in enumerate(STRENGTHS):
                asked = {"emotion": emotion, "emotion_strength": strength}
                clip = cast.stage.play(number, actor.performance.waveform, number, SELDOM, **asked)
                share = cast.judged(number, clip)[:, EMOTIONS.index(emotion)].mean()
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
    """Of the first of `asked_rows`: asked, then the shares of frames judged so, a row for each emotion."""
    for name, counts in zip(EMOTIONS, row.numbers["asked_by_judged"], strict=True):
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
