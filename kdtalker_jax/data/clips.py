"""Reading a data set of clips: random access, NumPy only. docs/data.md describes the fields."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kdtalker_jax.data.statistics import STATISTICS_FILE, load_statistics
from kdtalker_jax.errors import InputError
from kdtalker_jax.records import read_json

__all__ = ["SPLITS", "Clips", "decode_frame", "load_statistics", "open_clips"]

SPLITS = ("train", "validation")
WORLD = "synthetic_talking_heads"  # what TFDS calls a data set of `synthetic.builder`

Clip = dict[str, Any]


class Clips(Sequence[Clip]):
    """The clips of one split; each is read when it is asked for. Can be pickled for worker processes.

    A clip of F frames, and A frames of sound, 25 a second both, is a dict of

        name: str, unique in the data set.
        frames: F. source_rate: frames per second of the original video.
        jpeg: list of F encoded frames, see `decode_frame`; empty where the data set was made without.

    and what the system that described it keeps, `Renderer.observe` of the frames and `Features.fields` of the sound. Of
    KDTalker:

        yaw, pitch, roll: (F,) degrees. scale: (F,). t: (F, 3). exp, kp: (F, 3 K).
        audio: (A, 512) features of the audio encoder.
        mel: (columns, 80), 80 columns a second, from which `features.mel.mel_windows` cuts the windows.

    Where it is known, also

        emotion: (F,) or (1,) int8, of `emotions.EMOTIONS`, -1 where it is not. intensity: likewise, 0 to 1.
    """

    def __init__(self, source: Sequence[Clip]) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Clip:
        clip = self._source[range(len(self))[index]]
        return {**clip, "name": clip["name"].decode(), "jpeg": list(clip["jpeg"])}


def open_clips(directory: str | Path, split: str) -> Clips:
    """Open the "train" or "validation" clips of a data set that `pipelines.extract` has made.

    A split that got no clip is empty.

    Raises:
        InputError: the folder is not a data set, is damaged, or there is no split of that name.
    """
    import tensorflow_datasets as tfds  # takes a second

    if split not in SPLITS:
        raise InputError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    if _is_world(Path(directory)):
        raise InputError(
            f"{directory} is a drawn world: renderers and retargeting train on it (python -m pipelines.train renderer "
            "--config demo_renderer --data WORLD). A denoiser trains on what pipelines.extract makes of videos; "
            "python -m pipelines.train_demo trains all networks on drawn people."
        )
    if not (Path(directory) / STATISTICS_FILE).is_file():
        raise InputError(
            f"{directory} is not a data set (no {STATISTICS_FILE} in it): make one with pipelines.extract."
        )
    try:
        builder = tfds.builder_from_directory(Path(directory).resolve())
        return Clips(builder.as_data_source(split) if split in builder.info.splits else ())
    except Exception as error:  # TFDS and array_record raise many kinds
        raise InputError(
            f"{directory} is damaged ({error}): make the data set again with pipelines.extract."
        ) from error


def _is_world(directory: Path) -> bool:
    """Whether it is what pipelines.synthesize has made."""
    try:
        return read_json(directory / "dataset_info.json").get("name") == WORLD
    except (OSError, ValueError):
        return False


def decode_frame(jpeg: bytes) -> np.ndarray:
    """One of a clip's kept frames as uint8 RGB (H, W, 3): a square, as large as the data set keeps it."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def encode_frame(frame: np.ndarray, quality: int = 95) -> bytes:
    """uint8 RGB (H, W, 3) -> JPEG without subsampled colours."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    return cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)[1].tobytes()
