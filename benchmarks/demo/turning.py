"""Poses from a driver, read in the frames; how far pose and expression come along where only the other is asked for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.demo.actors import Actor, film, motion_finder, speak
from benchmarks.demo.reenactment import ANGLES
from benchmarks.demo.rows import Row
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.keypoints import Motion

LIMITS = (1.5, 1.5, 1.0)  # degrees of yaw, pitch and roll
_LEAK = "leak: what changes when only the other is transferred"


def pose_row(model: TalkingPortrait, actors: Sequence[Actor]) -> Row:
    """Speaking heads that turn as the next actor's does: what is read in their frames against what is read in his."""
    find, read, true = motion_finder(model), [], []
    for number, (actor, other) in enumerate(_pairs(actors)):
        driver = find(other.pictures)
        spoken = speak(model, actor.source, actor.performance.waveform, number)[: len(driver)]
        poses = model.poses(actor.source, Driver(driver), relative=False)
        found = find(film(model, actor.source, model.turn(actor.source, spoken, poses)))
        read.append(np.abs(_angles(found) - _angles(driver)))
        true.append(np.abs(_angles(found) - np.stack([getattr(other.states, name) for name in ANGLES])))
    errors, from_truth = (np.concatenate(values, axis=1).mean(axis=1) for values in (read, true))  # (3,)
    return Row(
        "head pose against the driver, read in the frames",
        "mean error <= " + ", ".join(f"{limit:g}" for limit in LIMITS) + " degrees",
        ", ".join(f"{name} {error:.2f}" for name, error in zip(ANGLES, errors, strict=True)) + " degrees",
        bool((errors <= LIMITS).all()),
        {"read": errors.tolist(), "from_truth": from_truth.tolist()},
    )


def leak_row(model: TalkingPortrait, actors: Sequence[Actor], other: TalkingPortrait | None) -> Row:
    """With the renderer of this model and, where there is one, of the `other`, which never saw the transfer loss."""
    own = leak(model, actors)
    text = f"expression {own[0]:.3f} of its spread, pose {own[1]:.2f} degrees"
    numbers = {"expression": own[0], "pose": own[1]}
    if other is None:
        return Row(_LEAK, "", text, None, numbers)
    without = leak(other, actors)
    shares = own[0] / without[0], own[1] / without[1]
    numbers |= {"without": without, "shares": shares}
    text += f"; {shares[0]:.2f} and {shares[1]:.2f} of those without the transfer loss"
    return Row(_LEAK, "at most half", text, max(shares) <= 0.5, numbers)


def leak(model: TalkingPortrait, actors: Sequence[Actor]) -> tuple[float, float]:
    """How far the expression changes when only a pose is transferred and read back, in spreads of expressions; and how
    far the pose changes when only an expression is, in degrees.

    Changes are from what is read in the picture of the portrait as it is.
    """
    find, of_expression, of_pose, spread = motion_finder(model), [], [], []
    for actor, other in _pairs(actors):
        source = model.prepare(actor.pictures[0], crop="none")
        still, driver = source.motion, find(other.pictures)
        poses = model.poses(source, Driver(driver), relative=False)  # with the portrait's own expression
        pose = {name: np.repeat(getattr(still, name), len(driver), axis=0) for name in ("scale", *ANGLES, "t")}
        before, turned, moved = (
            find(film(model, source, model.drive(source, motion))) for motion in (still, poses, replace(driver, **pose))
        )
        of_expression.append(np.square(turned.exp - before.exp).mean())
        of_pose.append(np.abs(_angles(moved) - _angles(before)).mean())
        spread.append(np.square(driver.exp - driver.exp.mean(axis=0)).mean())
    return float(np.sqrt(np.mean(of_expression) / np.mean(spread))), float(np.mean(of_pose))


def _pairs(actors: Sequence[Actor]) -> zip:
    """Each with the next one."""
    return zip(actors, [*actors[1:], actors[0]], strict=True)


def _angles(motion: Motion) -> np.ndarray:
    return np.stack([getattr(motion, name) for name in ANGLES])  # (3, T)
