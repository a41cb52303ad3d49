"""Checkpoints on disk, of models and of training runs. The only package that knows Orbax."""

from kdtalker_jax.checkpoints.converted import (
    CONFIG_FILE,
    LANDMARKS_FILE,
    Checkpoint,
    Origin,
    load_checkpoint,
    read_description,
)
from kdtalker_jax.checkpoints.runs import (
    RunCheckpoints,
    RunRecord,
    Which,
    is_run,
    load_item,
    load_networks,
    read_record,
    run_kind,
    write_model,
    write_record,
)
from kdtalker_jax.checkpoints.writing import CheckpointWriter, checkpoint_writer, move_into_place, save_checkpoint

__all__ = [
    "CONFIG_FILE",
    "LANDMARKS_FILE",
    "Checkpoint",
    "CheckpointWriter",
    "Origin",
    "RunCheckpoints",
    "RunRecord",
    "Which",
    "checkpoint_writer",
    "is_run",
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
