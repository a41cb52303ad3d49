"""Finished clips of a world in a folder, a file each, until all of them are there: an interrupted run goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.synthetic.clips import ClipPlan, WorldOptions, make_clip, perform
from kdtalker_jax.unfinished import unfinished_file


def is_finished(plan: ClipPlan, folder: Path) -> bool:
    """Whether its file is there, which is then whole."""
    return _file(plan, folder).exists()


def finish_clips(twins: Sequence[ClipPlan], options: WorldOptions, folder: Path) -> None:
    """Make those clips of one performance that are not in the folder yet."""
    if missing := [plan for plan in twins if not is_finished(plan, folder)]:
        performed = perform(missing[0], options)
        for plan in missing:
            clip = make_clip(plan, options, performed)
            joined = np.frombuffer(b"".join(clip["jpeg"]), np.uint8)
            with unfinished_file(_file(plan, folder)) as partial, partial.open("wb") as stream:
                np.savez(stream, **{**clip, "jpeg": joined, "jpeg_sizes": [len(jpeg) for jpeg in clip["jpeg"]]})


def read_finished(plan: ClipPlan, folder: Path) -> dict[str, Any]:
    """A clip, as `clips.make_clip` has made it."""
    with np.load(_file(plan, folder), allow_pickle=False) as arrays:
        clip = dict(arrays)
    parts = np.split(clip.pop("jpeg"), np.cumsum(clip.pop("jpeg_sizes"))[:-1])
    numbers = {name: clip[name].item() for name in ("name", "kind", "performance", "frames")}
    return {**clip, **numbers, "jpeg": [part.tobytes() for part in parts]}


def _file(plan: ClipPlan, folder: Path) -> Path:
    return folder / f"{plan.name}.npz"
