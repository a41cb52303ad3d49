"""Talking videos of unseen people: what their mouths, eyes and heads do with speech, silence and real recordings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.demo import measures
from benchmarks.demo.actors import Actor, film, speak
from benchmarks.demo.probe import FaceProbe, Reading, true_reading
from benchmarks.demo.rows import Row
from benchmarks.demo.unseen import SEED, take
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.files import looks_like_recording
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.performance import Performance
from kdtalker_jax.synthetic.state import State

FAINT = 0.001  # root mean square of a quiet room
_NEARLY_SHUT = 0.1  # of the range of openings in speech
_SHUT_IN_PAUSES = 0.25  # the same, on average: real pauses hold breaths and noises
_MOVES = 0.3  # degrees


class Spoken(NamedTuple):
    """A generated video, read."""

    motion: Motion
    frames: np.ndarray  # (T, H, H, 3)
    reading: Reading


class Stage(NamedTuple):
    """A model, its actors and their probes."""

    model: TalkingPortrait
    actors: Sequence[Actor]
    probes: Sequence[FaceProbe]

    def play(self, number: int, waveform: np.ndarray, seed: int = 0, every: int = 1, **asked: Any) -> Spoken:
        """The actor of that number, modulo their count, with a recording; of its frames one of `every` is filmed."""
        actor, probe = self.actors[number % len(self.actors)], self.probes[number % len(self.actors)]
        motion = speak(self.model, actor.source, waveform, seed, **asked)
        frames = film(self.model, actor.source, motion[::every])
        return Spoken(motion, frames, probe(frames))


def mouth_rows(stage: Stage, least: float = 0.85) -> tuple[list[Row], list[Spoken], tuple[float, float]]:
    """Rows about unseen speech, the videos, and the lowest and highest openings there (5th and 95th percentile)."""
    clips = [stage.play(number, actor.performance.waveform, number) for number, actor in enumerate(stage.actors)]
    opened = [clip.reading.opening for clip in clips]
    wanted = [true_reading(actor.person, actor.performance.states).opening for actor in stage.actors]
    found = measures.following(opened, wanted)
    limits = tuple(np.percentile(np.concatenate(opened), (5, 95)).tolist())
    row = Row(
        "mouth opening, generated against true, unseen speech",
        f"r >= {least}, best offset 0 +- 1 frame",
        f"r = {found.pooled:.3f} (lowest of {len(clips)} clips {found.lowest:.3f}), offset {found.offset:+d}",
        found.pooled >= least and abs(found.offset) <= 1,
        found._asdict() | {"limits": limits, "true_limits": np.percentile(np.concatenate(wanted), (5, 95)).tolist()},
    )
    return [row, _probe_row(stage)], clips, limits


def _probe_row(stage: Stage) -> Row:
    """How well the probes read what is drawn, as large as the model's pictures."""
    read, truth = [], []
    for actor, probe in zip(stage.actors, stage.probes, strict=True):
        states = take(actor.performance.states, np.arange(0, len(actor.performance.states.jaw), 4))
        read.append(probe(draw_frames(actor.person, states, stage.model.renderer.output_size)).opening)
        truth.append(true_reading(actor.person, states).opening)
    found = measures.following(read, truth)
    text = f"r = {found.pooled:.3f} (lowest {found.lowest:.3f})"
    return Row("the probe that reads mouths, on true drawings of the same speech", "", text, None, found._asdict())


def silence_rows(stage: Stage, seconds: float, limits: tuple[float, float]) -> tuple[list[Row], list[Spoken]]:
    """Digital silence and a quiet room."""
    samples = int(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(SEED).normal(0, FAINT, samples).astype(np.float32)
    clips = [stage.play(number, sound, number) for number, sound in enumerate((np.zeros(samples, np.float32), noise))]
    opening = np.concatenate([_relative(clip.reading.opening, limits) for clip in clips])
    high = float(np.percentile(opening, 90))
    blinks = sum(measures.count_blinks((clip.reading.lid_left + clip.reading.lid_right) / 2) for clip in clips)
    stds = np.array([[np.std(angle) for angle in _angles(clip.motion)] for clip in clips])  # (clips, 3)
    still = float(stds.max(axis=1).min())
    total = sum(map(len, (clip.motion for clip in clips))) / FRAME_RATE
    row = Row(
        "silence and faint noise",
        "mouth opening under 10 % of its range, eyes blink, head moves",
        f"90 % of frames under {100 * high:.1f} % (mean {100 * opening.mean():.1f} %), "
        f"{blinks} blinks in {total:.0f} s, head's std {still:.2f} degrees or more",
        high < _NEARLY_SHUT and blinks > 0 and still > _MOVES,
        {"opening_90": high, "opening_mean": float(opening.mean()), "blinks": blinks, "head_std": stds.tolist()},
    )
    return [row], clips


def recording_rows(
    stage: Stage, folder: Path | None, seconds: float, limits: tuple[float, float]
) -> tuple[list[Row], list[Spoken]]:
    """Real recordings, the first `seconds` of each."""
    name, reach = "real recordings", "mouth opening follows loudness, r >= 0.5; closed in pauses"
    if folder is None:
        return [Row(name, reach, "no recordings given", None, {})], []
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and looks_like_recording(path)]
    if not files:
        raise InputError(f"There are no recordings in {folder}.")
    waveforms = [load_waveform(file)[: int(seconds * SAMPLE_RATE)] for file in files]
    clips = [stage.play(number, waveform, number) for number, waveform in enumerate(waveforms)]
    loud = [measures.envelope(waveform) for waveform in waveforms]
    opening = [_relative(clip.reading.opening, limits) for clip in clips]
    own = {file.name: measures.correlation(a, b) for file, a, b in zip(files, opening, loud, strict=True)}
    average = float(np.mean(list(own.values())))
    quiet = np.concatenate([measures.pauses(values) for values in loud])
    joined = np.concatenate(opening)
    spoken, paused = float(joined[~quiet].mean()), float(joined[quiet].mean()) if quiet.any() else np.nan
    row = Row(
        name,
        reach,
        f"r = {average:.2f} on average of {len(files)} (lowest {min(own.values()):.2f}); opening "
        f"{100 * paused:.0f} % of its range in pauses, {100 * spoken:.0f} % elsewhere",
        average >= 0.5 and not paused > _SHUT_IN_PAUSES,
        {"r": own, "pauses": paused, "elsewhere": spoken, "paused_frames": int(quiet.sum())},
    )
    return [row], clips


def motion_rows(
    model: TalkingPortrait, actors: Sequence[Actor], seeds: int, performances: Sequence[Performance]
) -> list[Row]:
    """Poses and borders of windows; nothing is rendered for them."""
    motions = [
        [speak(model, actor.source, performance.waveform, seed) for seed in range(seeds)]
        for actor, performance in zip(actors, performances, strict=True)
    ]
    angles = np.array([[_angles(motion) for motion in takes] for takes in motions])  # (actors, seeds, 3, T)
    trained, spread_of = _liveliness(model)
    spread = spread_of(angles)  # (3,)
    ratios = spread / trained
    apart = float(np.sqrt(np.square(np.diff(angles, axis=1)).mean()))
    true = spread_of(np.array([[_angles(performance.states)] for performance in performances])) / trained  # (3,)
    variety = Row(
        "head-pose diversity (std) against the training set",
        "0.7 to 1.3; different seeds differ",
        f"{_named(ratios)}; seeds {apart:.1f} degrees apart",
        bool(((ratios >= 0.7) & (ratios <= 1.3)).all()) and apart > 1,
        {"ratios": ratios.tolist(), "std": spread.tolist(), "trained_std": trained.tolist(), "seeds_apart": apart},
    )
    truth = Row("the same of what people do to these recordings", "", _named(true), None, {"ratios": true.tolist()})
    window = model.motion_model.length
    every = [motion for takes in motions for motion in takes]
    jumps = {
        "expression": np.concatenate([measures.border_jumps(motion.exp, window) for motion in every]),
        "pose": np.concatenate([measures.border_jumps(_angles(motion).T, window) for motion in every]),
    }
    middle = {name: float(np.median(values)) for name, values in jumps.items()}
    borders = Row(
        "jump at window borders against steps inside",
        "<= 1.5 times the median",
        ", ".join(f"{name} {value:.2f}" for name, value in middle.items()) + f" ({len(jumps['pose'])} borders)",
        all(value <= 1.5 for value in middle.values()),
        middle | {f"{name}_90": float(np.percentile(values, 90)) for name, values in jumps.items()},
    )
    return [variety, truth, borders]


def _liveliness(model: TalkingPortrait) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """How far heads turn in the training set, (3,) degrees, and what measures the same of angles (N, seeds, 3, T)."""
    statistics = model.config.statistics
    if hasattr(statistics, "pose_spread"):  # of clips each, which move around poses of their own
        return np.array(statistics.pose_spread[1:4]), lambda angles: np.median(angles.std(axis=3), axis=(0, 1))
    trained = [getattr(statistics, f"{name}_std")[0] for name in ("yaw", "pitch", "roll")]
    return np.array(trained), lambda angles: angles.std(axis=(0, 1, 3))


def _named(ratios: np.ndarray) -> str:
    return ", ".join(f"{name} {ratio:.2f}" for name, ratio in zip(("yaw", "pitch", "roll"), ratios, strict=True))


def _angles(motion: Motion | State) -> np.ndarray:
    return np.stack([motion.yaw, motion.pitch, motion.roll])  # (3, T)


def _relative(opening: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """0 at the lower limit, 1 at the upper."""
    return (opening - limits[0]) / max(limits[1] - limits[0], 1e-6)
