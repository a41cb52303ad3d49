"""Checkpoints on disk, of converted models and of training runs. The only package that knows Orbax."""

from kdtalker_jax.checkpoints.converted import (
    ALL_PARTS,
    CONFIG_FILE,
    LANDMARKS_FILE,
    OPTIONAL_PARTS,
    PARTS,
    Checkpoint,
    CheckpointWriter,
    Source,
    checkpoint_writer,
    load_checkpoint,
    save_checkpoint,
)
from kdtalker_jax.checkpoints.runs import (
    RendererRecord,
    RunCheckpoints,
    RunRecord,
    TrainedDenoiser,
    export_denoiser,
    is_run,
    load_denoiser,
    read_record,
    write_record,
)

__all__ = [
    "ALL_PARTS",
    "CONFIG_FILE",
    "LANDMARKS_FILE",
    "OPTIONAL_PARTS",
    "PARTS",
    "Checkpoint",
    "CheckpointWriter",
    "RendererRecord",
    "RunCheckpoints",
    "RunRecord",
    "Source",
    "TrainedDenoiser",
    "checkpoint_writer",
    "export_denoiser",
    "is_run",
    "load_checkpoint",
    "load_denoiser",
    "read_record",
    "save_checkpoint",
    "write_record",
]
