"""Says which emotion a face shows: a small network that has seen true drawings of the same people in all of them.

It has no part in the model that is judged, and knows the truth of what it learnt from. It sees the face from the brows
to the chin, cut out upright where the `FaceProbe` of the person finds mouth and eyes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.demo.probe import SIZE, FaceProbe, moderate_states, places_of, shrunk
from benchmarks.demo.unseen import SEED, as_portrait, take
from kdtalker_jax.emotions import EMOTIONS
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import Felt, random_feelings
from kdtalker_jax.synthetic.people import Person
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.state import FaceState

_ROWS, _COLUMNS = 48, 40  # pixels of what is seen
_TOP, _BOTTOM, _SIDE = -0.7, 1.5, 0.95  # of it, from between the eyes, in distances from there to the mouth
_CALM_BROWS = 0.3  # of brows that speech moves, as part of all that they do
_PLACING_ERRORS = 0.012  # picture units by which faces are found beside their places
_COPIES = 3  # of each drawing, with other such errors
_BATCH, _EPOCHS, _RATE = 64, 12, 1e-3
_LIGHT = 0.1  # by which a picture is made lighter or darker
_PERFORMANCES, _FRAMES = 12, 100  # that half of the drawings are frames of


class Lesson(NamedTuple):
    """What is learnt from, of one person."""

    felt: Felt  # (n,), all of them known
    pictures: np.ndarray  # (n, SIZE, SIZE, 3) uint8


def make_lesson(person: Person, states: int, seed: int = 1) -> Lesson:
    """`states` drawings, of other states than any that is measured: half as of speakers, half of any face."""
    rng = np.random.default_rng([seed, 78])
    felt = random_feelings(rng, as_portrait(_some_states(rng, 3 * states)))  # of which half have no name
    chosen = np.flatnonzero(felt.emotion >= 0)[:states]
    felt = Felt(take(felt.states, chosen), felt.emotion[chosen], felt.intensity[chosen])
    return Lesson(felt, draw_frames(person, felt.states, SIZE))


def _some_states(rng: np.random.Generator, count: int) -> FaceState:
    acted = moderate_states(rng, count)
    acted = acted._replace(brows=np.float32(_CALM_BROWS) * acted.brows)
    seeds = ([SEED, 1, number] for number in range(_PERFORMANCES))
    spoken = [random_performance(np.random.default_rng(seed), _FRAMES).states for seed in seeds]
    spoken = [np.concatenate(fields) for fields in zip(*spoken, strict=True)]
    frames, from_speech = rng.integers(0, len(spoken[0]), count), rng.uniform(size=count) < 0.5
    pairs = zip(spoken, acted, strict=True)
    return FaceState(*(np.where(from_speech, of_speech[frames], any_state) for of_speech, any_state in pairs))


class _Network(nn.Module):
    """Pictures (B, rows, columns, 3), 0 to 1 -> logits (B, emotions)."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for width in (16, 32, 64):
            x = nn.relu(nn.Conv(width, (3, 3))(x))
            x = nn.relu(nn.Conv(width, (3, 3), strides=2)(x))
        x = nn.relu(nn.Dense(64)(x.reshape(len(x), -1)))
        return nn.Dense(len(EMOTIONS))(x)


class EmotionJudge:
    """Of all people of whom there is a lesson. A weak emotion is a blend of neutral and it."""

    def __init__(
        self, people: Sequence[Person], lessons: Sequence[Lesson], seed: int = 0, epochs: int = _EPOCHS
    ) -> None:
        rng = np.random.default_rng([seed, 79])
        faces, shares = [], []
        for person, lesson in zip(people, lessons, strict=True):
            places = places_of(person, lesson.felt.states)
            for _ in range(_COPIES):
                faces.append(_faces(lesson.pictures, places + rng.normal(0, _PLACING_ERRORS, places.shape)))
                shares.append(shares_of(lesson.felt))
        network = _Network()
        self._params = _taught(network, np.concatenate(faces), np.concatenate(shares), rng, epochs)
        self._judge = jax.jit(lambda params, faces: nn.softmax(network.apply(params, faces)))

    def __call__(self, probe: FaceProbe, frames: Iterable[np.ndarray]) -> np.ndarray:
        """Shares of `EMOTIONS` in uint8 RGB pictures (F, H, H, 3) of the probe's person: (F, 8)."""
        pictures = shrunk(frames)
        return np.asarray(self._judge(self._params, _faces(pictures, probe.locate(pictures))))


def shares_of(felt: Felt) -> np.ndarray:
    """What a perfect judge says: (F, 8)."""
    shares = np.eye(len(EMOTIONS), dtype=np.float32)[felt.emotion] * felt.intensity[:, None]
    shares[:, 0] = 1 - shares[:, 1:].sum(axis=1)
    return shares


def _taught(network: nn.Module, faces: np.ndarray, shares: np.ndarray, rng: np.random.Generator, epochs: int) -> dict:
    """Parameters after training by cross-entropy on (n, rows, columns, 3) and (n, 8)."""
    batches = len(faces) // _BATCH
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, epochs * batches))

    @jax.jit
    def step(params: dict, state: tuple, faces: jax.Array, shares: jax.Array) -> tuple[dict, tuple]:
        def loss(params: dict) -> jax.Array:
            return optax.softmax_cross_entropy(network.apply(params, faces), shares).mean()

        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    params = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, *faces.shape[1:])))
    state = optimizer.init(params)
    for _ in range(epochs):
        for chosen in rng.permutation(len(faces))[: batches * _BATCH].reshape(batches, _BATCH):
            light = rng.uniform(1 - _LIGHT, 1 + _LIGHT, (_BATCH, 1, 1, 1)).astype(np.float32)
            params, state = step(params, state, faces[chosen] * light, shares[chosen])
    return params


def _faces(pictures: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Brows to chin, upright and of the same size in all pictures, whose `places` are (F, 3, 2): float32, 0 to 1."""
    eyes = places[:, 1:].mean(axis=1)  # (F, 2)
    down = places[:, 0] - eyes
    top, bottom = eyes + _TOP * down, eyes + _BOTTOM * down
    corners = np.stack([top, bottom, (top + bottom) / 2 + _SIDE * down[:, ::-1] * (1, -1)], axis=1)
    corners = ((corners + 1) * SIZE / 2 - 0.5).astype(np.float32)
    right, low = _COLUMNS - 1, _ROWS - 1
    targets = np.array([[right / 2, 0], [right / 2, low], [right, low / 2]], np.float32)
    size = (_COLUMNS, _ROWS)
    cuts = [
        cv2.warpAffine(picture, cv2.getAffineTransform(three, targets), size, borderMode=cv2.BORDER_REPLICATE)
        for picture, three in zip(pictures, corners, strict=True)
    ]
    return np.stack(cuts).astype(np.float32) / np.float32(255)
