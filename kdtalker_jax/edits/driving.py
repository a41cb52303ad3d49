"""Giving a motion to a portrait: as it is, or relative to the portrait's own; and keeping the portrait's border."""

from typing import Any

from kdtalker_jax.renderers.protocol import Renderer
from kdtalker_jax.source import Source


def driven(
    renderer: Renderer,
    params: Any,
    source: Source,
    motion: Any,
    *,
    relative: bool = False,
    stitch: bool = False,
    first: Any = None,
) -> Any:
    """The motion with what moves this portrait by it. Arguments as in `TalkingPortrait.drive`."""
    space = renderer.takes
    motion = space.drive(source.own, motion, relative=relative, first=first)
    if stitch:
        motion = space.with_driving(motion, renderer.stitch(params, source.arrays, space.driving(motion)))
    return motion
