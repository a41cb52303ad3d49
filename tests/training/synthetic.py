"""Synthetic clips, data sets of them on disk, and a recipe that is over in seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from configs import PUBLISHED_STATISTICS
from configs.training import SMALL_RUN, CheckpointConfig, InputConfig, OptimizerConfig, ValidationConfig
from kdtalker_jax.data.statistics import STATISTICS_FILE, save_statistics
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.spaces.keypoints import denormalise, split

AUDIO_FEATURES = 8

# Twelve steps of a denoiser of one layer, saved and validated on the way.
TINY = replace(
    SMALL_RUN,
    steps=12,
    batch_size=4,
    log_every=1,
    denoiser=DenoiserConfig(
        audio_features=AUDIO_FEATURES, width=16, time_features=8, layers=1, heads=2, head_size=8, rotary_size=4
    ),
    optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=2),
    input=InputConfig(threads=1, prefetch=1, cache_gb=0.1),
    validation=ValidationConfig(every=6, windows=6, sampling_steps=2),
    checkpoints=CheckpointConfig(every=4, keep_every=0),
)


def make_clip(name: str, frames: int, seed: int = 0, audio_frames: int | None = None) -> dict:
    """Smooth motion with the published statistics, whose sound tells what the mouth does."""
    random = np.random.default_rng([seed, frames])
    waves = np.cumsum(random.standard_normal((frames, 70)), axis=0) / np.sqrt(frames)  # (F, 70)
    motion = split(denormalise(waves, PUBLISHED_STATISTICS).astype(np.float32))._asdict()
    audio = np.resize(waves[:, 7 : 7 + AUDIO_FEATURES], (audio_frames or frames, AUDIO_FEATURES)).astype(np.float32)
    kp = np.tile(np.float32(PUBLISHED_STATISTICS.kp_mean), (frames, 1))
    return {"name": name, **motion, "kp": kp, "audio": audio}


def make_clips() -> list[dict]:
    """Seven clips, the last too short for a window."""
    return [make_clip(f"clip {i}", frames) for i, frames in enumerate((70, 80, 90, 100, 140, 75, 65))]


class SyntheticClips(tfds.core.GeneratorBasedBuilder):
    """As `pipelines.extract` writes them, as far as training looks at them."""

    code_path = None  # as in the builder of `kdtalker_jax.data`: TFDS would need a package that it does not install
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, splits: dict[str, list[dict]], **arguments) -> None:
        self._clips = splits
        super().__init__(**arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        def tensor(*shape: int | None) -> tfds.features.Tensor:
            return tfds.features.Tensor(shape=shape, dtype=np.float32)

        sizes = {"t": 3, "exp": 63, "kp": 63, "audio": AUDIO_FEATURES}
        features = {
            "name": tfds.features.Text(),
            **{name: tensor(None) for name in ("yaw", "pitch", "roll", "scale")},
            **{name: tensor(None, size) for name, size in sizes.items()},
            "jpeg": tfds.features.Sequence(tfds.features.Scalar(np.object_)),
        }
        example = next(clip for clips in self._clips.values() for clip in clips)
        if "emotion" in example:
            features["emotion"] = tfds.features.Tensor(shape=(None,), dtype=np.int8)
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(clips) for split, clips in self._clips.items()}

    def _generate_examples(self, clips: list[dict]):
        return ((clip["name"], {**clip, "jpeg": []}) for clip in clips)


def write_dataset(directory: Path, splits: dict[str, list[dict]]) -> Path:
    """A data set on disk; returns its folder."""
    builder = SyntheticClips(splits=splits, data_dir=directory, file_format="array_record")
    builder.download_and_prepare()
    save_statistics(Path(builder.data_dir) / STATISTICS_FILE, PUBLISHED_STATISTICS)
    return Path(builder.data_dir)
