"""The data set on disk: a TFDS data set of array records, written without TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from kdtalker_jax.data.work import Outcome, read_clip


class KDTalkerClips(tfds.core.GeneratorBasedBuilder):
    """Talking heads: motion and sound of clips at 25 frames a second, in the terms of some system.

    Args:
        splits: the outcomes with clips, by split; no split is empty.
        beam: whether Beam reads and writes the clips, and not this process.
        data_dir, file_format: of TFDS.
    """

    name = "kdtalker_clips"
    code_path = None  # TFDS would look for texts beside the code, by means of a package that it does not install
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, splits: Mapping[str, Sequence[Outcome]], beam: bool = False, **arguments: Any) -> None:
        self._clips = splits
        self._beam = beam
        super().__init__(**arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        example = read_clip(next(iter(self._clips.values()))[0].file)
        return tfds.core.DatasetInfo(builder=self, features=_features(example))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {split: self._generate_examples(outcomes) for split, outcomes in self._clips.items()}

    def _generate_examples(self, outcomes: Sequence[Outcome]) -> Any:
        named = [(outcome.name, outcome.file) for outcome in outcomes]
        if not self._beam:
            return map(_example, named)
        beam = tfds.core.lazy_imports.apache_beam
        return beam.Create(named) | beam.Reshuffle() | beam.Map(_example)


def _example(named: tuple[str, Path]) -> tuple[str, dict[str, Any]]:
    name, file = named
    return name, {"name": name, **read_clip(file)}


def _features(example: Mapping[str, Any]) -> tfds.features.FeaturesDict:
    """As documented by `clips.Clips`: whatever arrays clips have, with as many numbers in a row as an example."""
    arrays = {name: value for name, value in example.items() if isinstance(value, np.ndarray)}
    rows = {name: (None, *value.shape[1:]) for name, value in arrays.items()}
    return tfds.features.FeaturesDict(
        {
            "name": tfds.features.Text(),
            **{name: tfds.features.Tensor(shape=rows[name], dtype=value.dtype) for name, value in arrays.items()},
            "frames": tfds.features.Scalar(np.int64),
            "source_rate": tfds.features.Scalar(np.float32),
            "jpeg": tfds.features.Sequence(tfds.features.Scalar(np.object_)),
        }
    )
