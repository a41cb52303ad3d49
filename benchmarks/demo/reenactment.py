"""Pictures against the world's own: a portrait with motion of itself and of others, and the head's pose."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.demo.actors import Actor, film, motion_finder, reenact
from benchmarks.demo.rows import Row
from benchmarks.demo.unseen import SEED, as_seen
from kdtalker_jax.metrics.similarity import Similarity, compare
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.performance import random_states
from kdtalker_jax.synthetic.state import FaceState

ANGLES = ("yaw", "pitch", "roll")
# Of people by their look: PSNR and SSIM of self-reenactment, and PSNR of cross-reenactment.
_REACH = {"plain": (28.0, 0.92, 25.0), "varied": (26.5, None, 24.0)}


class Take(NamedTuple):
    """A portrait, what drives it, what should come of it and what does: (n, H, H, 3) each but the first."""

    source: np.ndarray
    driving: np.ndarray
    truth: np.ndarray
    output: np.ndarray


def reenactment(
    model: TalkingPortrait, actors: Sequence[Actor], look: str = "plain"
) -> tuple[list[Row], dict[str, list[Take]]]:
    """Rows, and the takes that they judge, by kind. All actors are of one look."""
    find = motion_finder(model)
    takes: dict[str, list[Take]] = {"self": [], "expressive": [], "cross": []}
    errors: dict[str, list[np.ndarray]] = {"performances": [], "expressive": []}
    for number, (actor, other) in enumerate(zip(actors, [*actors[1:], actors[0]], strict=True)):
        own, size = actor.pictures, actor.pictures.shape[1]
        motion = find(own[1:])
        errors["performances"].append(_pose_errors(motion, actor.states, 1))
        takes["self"].append(Take(own[0], own[1:], own[1:], reenact(model, actor.source, motion)))

        states = as_seen(look, random_states(np.random.default_rng([SEED, number, 1]), len(own)))
        faces = draw_frames(actor.person, states, size)
        motion = find(faces)
        errors["expressive"].append(_pose_errors(motion, states))
        takes["expressive"].append(Take(own[0], faces, faces, reenact(model, actor.source, motion)))

        # The portrait keeps its size, whatever that of the other head is.
        states = other.states._replace(size=np.full_like(other.states.size, actor.states.size[0]))
        truth = draw_frames(actor.person, states, size)
        output = film(model, actor.source, model.drive(actor.source, find(other.pictures)))
        takes["cross"].append(Take(own[0], other.pictures, truth, output))
    return list(_rows(takes, errors, look)), takes


def _rows(takes: dict[str, list[Take]], errors: dict[str, list[np.ndarray]], look: str) -> Iterator[Row]:
    psnr, ssim, cross = _REACH[look]
    found = {kind: _judge(of_kind) for kind, of_kind in takes.items()}
    yield _similarity_row("self-reenactment", found["self"], psnr, ssim)
    yield _similarity_row("self-reenactment, any expression and pose", found["expressive"])
    yield _similarity_row("cross-reenactment", found["cross"], cross)
    for kind, reach in (("performances", 3.0), ("expressive", None)):
        means = np.concatenate(errors[kind]).mean(axis=0)  # (3,)
        yield Row(
            "head pose found by the keypoint detector" + (", any expression and pose" if reach is None else ""),
            f"mean error <= {reach:g} degrees each" if reach else "",
            ", ".join(f"{name} {value:.2f}" for name, value in zip(ANGLES, means, strict=True)) + " degrees",
            bool((means <= reach).all()) if reach else None,
            dict(zip(ANGLES, means.tolist(), strict=True)),
        )


def _judge(takes: Sequence[Take]) -> Similarity:
    return compare((picture for take in takes for picture in take.output), (p for take in takes for p in take.truth))


def _similarity_row(name: str, found: Similarity, psnr: float | None = None, ssim: float | None = None) -> Row:
    reach = ", ".join(
        text for text, limit in ((f"PSNR >= {psnr} dB", psnr), (f"SSIM >= {ssim}", ssim)) if limit is not None
    )
    reached = found.psnr >= psnr and (ssim is None or found.ssim >= ssim) if psnr is not None else None
    return Row(name, reach, f"PSNR {found.psnr:.2f} dB, SSIM {found.ssim:.3f}", reached, found._asdict())


def _pose_errors(motion: Motion, states: FaceState, first: int = 0) -> np.ndarray:
    """Absolute, of all states from the `first` on: (n, 3) degrees."""
    return np.stack([np.abs(getattr(motion, name) - getattr(states, name)[first:]) for name in ANGLES], axis=1)
