"""Checkpoints on disk, of models and of training runs. The only package that knows Orbax."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kdtalker_jax.checkpoints.converted import Checkpoint, Origin, load_checkpoint, read_description
    from kdtalker_jax.checkpoints.formats import CONFIG_FILE, LANDMARKS_FILE, SLIDERS_FILE
    from kdtalker_jax.checkpoints.runs import (
        RunCheckpoints,
        RunRecord,
        Which,
        has_checkpoint,
        is_run,
        items_for,
        load_item,
        load_networks,
        read_record,
        run_kind,
        write_model,
        write_record,
    )
    from kdtalker_jax.checkpoints.writing import (
        CheckpointWriter,
        checkpoint_writer,
        combine_models,
        move_into_place,
        save_checkpoint,
    )

__all__ = [
    "CONFIG_FILE",
    "LANDMARKS_FILE",
    "SLIDERS_FILE",
    "Checkpoint",
    "CheckpointWriter",
    "Origin",
    "RunCheckpoints",
    "RunRecord",
    "Which",
    "checkpoint_writer",
    "combine_models",
    "has_checkpoint",
    "is_run",
    "items_for",
    "load_checkpoint",
    "load_item",
    "load_networks",
    "move_into_place",
    "read_description",
    "read_record",
    "run_kind",
    "save_checkpoint",
    "write_model",
    "write_record",
]

# Each is imported when it is asked for: names of files and models need no JAX.
_PLACES = {
    **dict.fromkeys(("CONFIG_FILE", "LANDMARKS_FILE", "SLIDERS_FILE"), "formats"),
    **dict.fromkeys(("Checkpoint", "Origin", "load_checkpoint", "read_description"), "converted"),
    **dict.fromkeys(
        ("CheckpointWriter", "checkpoint_writer", "combine_models", "move_into_place", "save_checkpoint"), "writing"
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'runs')}"), name)
