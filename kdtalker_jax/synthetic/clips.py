"""Clips of the synthetic world: which there are, and how each is made. Everything follows from a seed."""

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from kdtalker_jax.data.clips import encode_frame
from kdtalker_jax.data.dataset import split_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import mel_spectrogram
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.files import looks_like_recording
from kdtalker_jax.media.rates import FRAME_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.seeds import check_seed, random_key
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, feel, random_feelings, unfelt
from kdtalker_jax.synthetic.landmarks import landmarks
from kdtalker_jax.synthetic.people import Person, random_people
from kdtalker_jax.synthetic.performance import Performance, framed, random_performance, random_states
from kdtalker_jax.synthetic.phonemes import silent_track
from kdtalker_jax.synthetic.recordings import performance_from_recording
from kdtalker_jax.synthetic.state import FaceState
from kdtalker_jax.synthetic.varied.people import varied_people

KINDS = ("speech", "recording", "moments", "expressive")
LOOKS = ("plain", "varied")

Performed = tuple[Performance, Felt | None]


@dataclass(frozen=True)
class WorldOptions:
    """What there is to be in a world.

    Args:
        performances: people who speak.
        people_per_performance: twins in motion and sound, each of whom gives a clip.
        frames: of a performance, 25 a second.
        apart: every how many of them one is drawn; with more than 1, clips are silent.
        expressive: further performances in silence, whose frames have nothing to do with each other.
        expressive_frames: of each.
        size: pixels of a picture's side.
        recordings: folder of recordings that `recorded` of the performances speak, or None.
        validation: part of the performances; at least one is for each split.
        look: one of LOOKS. Plain people are as smooth as toys and feel nothing; varied ones are seen as in photographs,
            near and far, and have feelings.
        plain: part of the performances that plain people give all the same, in a world of another look.
    """

    seed: int = 0
    performances: int = 100
    people_per_performance: int = 2
    frames: int = 100
    apart: int = 1
    expressive: int = 0
    expressive_frames: int = 32
    size: int = 256
    recordings: Path | None = None
    recorded: float = 0.3
    validation: float = 0.1
    look: str = "plain"
    plain: float = 0.0

    def look_of(self, performance: int) -> str:
        """Of those who give this performance; plain people are evenly spread."""
        plain = math.floor((performance + 1) * self.plain) > math.floor(performance * self.plain)
        return "plain" if plain else self.look


class ClipPlan(NamedTuple):
    """One clip to make: the `twin`-th person of a performance."""

    name: str
    split: str
    kind: str
    performance: int
    twin: int
    recording: Path | None


def plan_world(options: WorldOptions) -> list[ClipPlan]:
    """All clips. Splits share no performance, no person and no recording.

    Raises:
        InputError: the folder of recordings does not exist or holds none, the seed is none, or there is no such look.
    """
    check_seed(options.seed)
    if options.look not in LOOKS:
        raise InputError(f"There is no look {options.look!r}: choose one of {', '.join(LOOKS)}.")
    recordings = _find_recordings(options.recordings) if options.recordings else {"train": [], "validation": []}
    plans = []
    for first, count, silent in ((0, options.performances, False), (options.performances, options.expressive, True)):
        held_out = min(max(1, round(options.validation * count)), count - 1) if options.validation else 0
        for number in range(first, first + count):
            split = "validation" if number >= first + count - held_out else "train"
            rng = np.random.default_rng([options.seed, number, 1])
            recording = None
            if not silent and recordings[split] and rng.uniform() < options.recorded:
                recording = recordings[split][rng.integers(len(recordings[split]))]
            spoken = "moments" if options.apart > 1 else "recording" if recording else "speech"
            kind = "expressive" if silent else spoken
            plans += [
                ClipPlan(f"{number:06d}_{twin}", split, kind, number, twin, recording)
                for twin in range(options.people_per_performance)
            ]
    return plans


def make_clip(plan: ClipPlan, options: WorldOptions, performed: Performed | None = None) -> dict[str, Any]:
    """One clip, as described by `builder.World`; `performed` is what `perform` gives for it or for a twin."""
    performance, felt = perform(plan, options) if performed is None else performed
    states = performance.states if felt is None else felt.states
    person = _person(plan, options)
    pictures = draw_frames(person, states, options.size)  # (F, S, S, 3)
    sound = np.round(np.clip(performance.waveform, -1, 1) * 32767).astype(np.int16)
    return {
        "name": plan.name,
        "kind": plan.kind,
        "performance": plan.performance,
        "frames": len(pictures),
        "jpeg": [encode_frame(picture) for picture in pictures],
        **{field: np.asarray(values, np.float32) for field, values in states._asdict().items()},
        **({} if felt is None else {"emotion": felt.emotion, "intensity": felt.intensity}),
        "landmarks": np.asarray(_all_landmarks(person, states)),  # (F, L, 2)
        "person": np.asarray(ravel_pytree(person)[0], np.float32),  # (P,)
        "waveform": sound,
        "mel": mel_spectrogram(sound / np.float32(32768)),
        "phoneme": performance.track.phoneme,
        "phoneme_start": performance.track.start,
        "phoneme_end": performance.track.end,
        "phoneme_stress": performance.track.stress,
    }


def perform(plan: ClipPlan, options: WorldOptions) -> Performed:
    """What twins share: how they move, what is heard, and what they feel."""
    rng = np.random.default_rng([options.seed, plan.performance, 2])
    if plan.kind == "expressive":
        performance = _silent(random_states(rng, options.expressive_frames))
    elif plan.recording is None:
        performance = random_performance(rng, options.frames)
    else:
        performance = _recited(plan.recording, options.frames, rng)
    felt = None
    if options.look == "varied":
        feeling = random_feelings if plan.kind == "expressive" else feel
        plain = options.look_of(plan.performance) == "plain"
        felt = unfelt(performance.states) if plain else feeling(rng, framed(rng, performance.states))
    if plan.kind == "expressive" or options.apart == 1:
        return performance, felt
    apart = lambda values: values[:: options.apart]  # noqa: E731
    return _silent(jax.tree.map(apart, performance.states)), jax.tree.map(apart, felt)


def _silent(states: FaceState) -> Performance:
    frames = len(states.jaw)
    return Performance(states, np.zeros(frames * SAMPLES_PER_FRAME, np.float32), silent_track(frames / FRAME_RATE))


def _recited(recording: Path, frames: int, rng: np.random.Generator) -> Performance:
    """A part of a recording."""
    waveform, samples = _load(recording), frames * SAMPLES_PER_FRAME
    first = rng.integers(max(len(waveform) - samples, 0) + 1)
    part = waveform[first : first + samples]
    return performance_from_recording(np.pad(part, (0, samples - len(part))), rng)


def _person(plan: ClipPlan, options: WorldOptions) -> Person:
    key = jax.random.fold_in(jax.random.fold_in(random_key(options.seed), plan.performance), plan.twin)
    return one_person(key, options.look_of(plan.performance))


def one_person(key: jax.Array, look: str) -> Person:
    """Somebody of that look."""
    people = _one_person(key) if look == "plain" else varied_people(key, 1)
    return jax.tree.map(lambda field: field[0], people)


def unflatten_person(vector: np.ndarray) -> Person:
    """The person of a clip's `person`, (P,), of any look."""
    for flat, unflatten in map(_somebody, LOOKS):
        if len(flat) == len(vector):
            return unflatten(vector)
    raise InputError(f"There is nobody of {len(vector)} numbers: the clip was made by another version.")


@functools.cache
def _somebody(look: str) -> tuple[jax.Array, Callable[[np.ndarray], Person]]:
    return ravel_pytree(one_person(jax.random.key(0), look))


_one_person = jax.jit(functools.partial(random_people, count=1))
_all_landmarks = jax.jit(jax.vmap(landmarks, in_axes=(None, 0)))
_load = functools.lru_cache(maxsize=8)(load_waveform)


def _find_recordings(folder: Path) -> dict[str, list[Path]]:
    """By split, by their names alone."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name the one that holds the recordings.")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and looks_like_recording(path)]
    if not files:
        raise InputError(f"There are no recordings in {folder}.")
    return {
        split: [path for path in files if split_of(path.relative_to(folder).as_posix(), 0.85) == split]
        for split in ("train", "validation")
    }


def fingerprint(options: WorldOptions) -> str:
    """Of all that clips depend on."""
    return hashlib.sha256(repr(options).encode()).hexdigest()[:16]
