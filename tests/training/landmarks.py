"""Clips of faces that are drawn as their landmarks, and data sets of them on disk."""

import json
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from kdtalker_jax.data.clips import encode_frame
from kdtalker_jax.data.report import REPORT_FILE
from kdtalker_jax.data.statistics import STATISTICS_FILE
from kdtalker_jax.spaces.heads import rotation_of
from kdtalker_jax.spaces.landmarks.contours import CONTOUR_SET, CONTOURS, rows_of
from kdtalker_jax.spaces.landmarks.pictures import draw
from kdtalker_jax.spaces.landmarks.pose import Pose, placed
from tests.spaces.landmarks.faces import speaking

AUDIO_FEATURES = 8
SIZE = 32  # of pictures

# Middle, width and height of each line, in eye distances from between the eyes.
_PLACES = {
    "outer lips": (0, 0.85, 0.3, 0.1), "inner lips": (0, 0.85, 0.2, 0.0), "left eye": (-0.35, 0, 0.15, 0.06),
    "right eye": (0.35, 0, 0.15, 0.06), "left brow, lower edge": (-0.35, -0.2, 0.2, 0.02),
    "left brow, upper edge": (-0.35, -0.25, 0.2, 0.02), "right brow, lower edge": (0.35, -0.2, 0.2, 0.02),
    "right brow, upper edge": (0.35, -0.25, 0.2, 0.02), "oval": (0, 0.35, 0.75, 1.0),
    "nose, ridge": (0, 0.3, 0.02, 0.3), "nose, base": (0, 0.5, 0.12, 0.05), "left iris": (-0.35, 0, 0.05, 0.05),
    "left iris, centre": (-0.35, 0, 0, 0), "right iris": (0.35, 0, 0.05, 0.05), "right iris, centre": (0.35, 0, 0, 0),
}  # fmt: skip
_CLOCKWISE_FROM = {"oval": (-np.pi / 2, 1), "outer lips": (np.pi, -1), "inner lips": (np.pi, -1)}


def simple_face() -> np.ndarray:
    """(162, 3): ellipses where a face has its lines, in the canonical pose."""
    shape = np.zeros((len(CONTOUR_SET), 3))
    for contour in CONTOURS:
        x, y, width, height = _PLACES[contour.name]
        start, way = _CLOCKWISE_FROM.get(contour.name, (np.pi, 1))
        angles = start + way * np.arange(len(contour.indices)) / len(contour.indices) * 2 * np.pi
        across, down = x + width * np.cos(angles), y + height * np.sin(angles)
        depth = 0.5 - 0.6 * across**2 - 0.3 * (down - 0.35) ** 2
        shape[rows_of(contour.indices)] = np.stack([across, down, depth], axis=1)
    return shape


def make_clip(name: str, frames: int, seed: int = 0, *, pictures: bool = False) -> dict:
    """A person who turns a little and speaks, whose sound tells how far the mouth is open."""
    random = np.random.default_rng([seed, frames])
    person = simple_face() * (1 + 0.05 * random.normal(size=(1, 3)))
    loudness = np.clip(np.cumsum(random.normal(size=frames)) / 4 % 2 - 1, -1, 1) ** 2
    sway = np.sin(np.arange(frames) / 9 + random.uniform(0, 6))
    rotation = rotation_of(5 * sway, 10 * sway, 3 * sway)
    t = np.stack([0.05 * sway, np.full(frames, -0.2), np.zeros(frames)], axis=1)
    points = placed(speaking(person, 0.25 * loudness), Pose(np.full(frames, 0.7), rotation, t))
    audio = loudness[:, None] * np.linspace(-1, 1, AUDIO_FEATURES)[None] + 0.01 * random.normal(size=(frames, 1))
    jpeg = []
    if pictures:
        skin = random.uniform(0.5, 1, 3)
        drawn = np.uint8(np.rint((draw(np.float32(points), SIZE) + 1) * 127.5 * skin))
        jpeg = [encode_frame(picture) for picture in drawn]
    return {"name": name, "points": np.float32(points), "audio": np.float32(audio), "jpeg": jpeg, "frames": frames}


class LandmarkClips(tfds.core.GeneratorBasedBuilder):
    """As `pipelines.extract` writes them, as far as training looks at them."""

    code_path = None  # as in the builder of `kdtalker_jax.data`: TFDS would need a package that it does not install
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, splits: dict[str, list[dict]], **arguments) -> None:
        self._clips = splits
        super().__init__(**arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        def tensor(*shape: int | None) -> tfds.features.Tensor:
            return tfds.features.Tensor(shape=shape, dtype=np.float32)

        clip = next(clip for clips in self._clips.values() for clip in clips)
        arrays = {name: tensor(None, *clip[name].shape[1:]) for name in clip if isinstance(clip[name], np.ndarray)}
        others = {
            "name": tfds.features.Text(),
            "frames": tfds.features.Scalar(np.int64),
            "jpeg": tfds.features.Sequence(tfds.features.Scalar(np.object_)),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(arrays | others))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(clips) for split, clips in self._clips.items()}

    def _generate_examples(self, clips: list[dict]):
        return ((clip["name"], clip) for clip in clips)


def write_dataset(directory: Path, splits: dict[str, list[dict]], system: str = "dreamhead_wav2lip") -> Path:
    """A data set on disk; returns its folder."""
    builder = LandmarkClips(splits=splits, data_dir=directory, file_format="array_record")
    builder.download_and_prepare()
    folder = Path(builder.data_dir)
    (folder / STATISTICS_FILE).write_text("{}")
    (folder / REPORT_FILE).write_text(json.dumps({"system": system}))
    return folder
