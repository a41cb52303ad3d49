"""Clips of simple drawn faces with all truths, and data sets of them on disk."""

from pathlib import Path

import cv2
import numpy as np
import tensorflow_datasets as tfds

from configs.kdtalker import SMALL
from configs.renderer import (
    FramesConfig,
    LossConfig,
    PhaseConfig,
    RendererConfig,
    RendererOptimizerConfig,
    RendererValidationConfig,
)
from configs.training import CheckpointConfig
from kdtalker_jax.data.clips import encode_frame
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.renderers.liveportrait.config import (
    AppearanceConfig,
    GeneratorConfig,
    MotionExtractorConfig,
    RetargetingConfig,
    WarpingConfig,
)
from kdtalker_jax.renderers.liveportrait.parts import PARTS
from kdtalker_jax.synthetic.state import FaceState

SIZE = 64
LANDMARK_COUNT = len(LANDMARKS)


def make_face_clip(name: str, frames: int = 6, person: int = 0, performance: int = 0, size: int = SIZE) -> dict:
    """A head that turns, moves and opens its mouth: as the synthetic data set has it."""
    random = np.random.default_rng([1, performance])
    curves = random.uniform(-1, 1, (len(FaceState._fields), 3)) @ np.sin(
        np.arange(1, 4)[:, None] * np.linspace(0, 3, frames) + random.uniform(0, 6, (3, 1))
    )  # (14, F)
    state = dict(zip(FaceState._fields, curves.astype(np.float32) * 0.4, strict=True))
    for angle in ("yaw", "pitch", "roll"):
        state[angle] = state[angle] * 30
    state["size"] = 1 + 0.1 * state["size"]
    state["x"], state["y"] = 0.2 * state["x"], 0.2 * state["y"]
    state["jaw"] = np.abs(state["jaw"])
    pictures, landmarks = zip(
        *(draw_face(person, {k: v[i] for k, v in state.items()}, size) for i in range(frames)), strict=True
    )
    return {
        "name": name,
        "jpeg": [encode_frame(picture) for picture in pictures],
        "performance": performance,
        **state,
        "landmarks": np.stack(landmarks),
    }


def draw_face(person: int, state: dict, size: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 RGB picture and its landmarks."""
    colours = np.random.default_rng([2, person]).integers(40, 255, (3, 3)).tolist()
    picture = np.full((size * 4, size * 4, 3), colours[0], np.uint8)
    turn, nod = state["yaw"] / 60, state["pitch"] / 60
    angle = np.radians(state["roll"])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(x: float, y: float) -> np.ndarray:
        return rotation @ np.array([x + turn * 0.3, y + nod * 0.3]) * state["size"] + (state["x"], state["y"])

    def ellipse(centre: np.ndarray, axes: tuple, colour: list) -> None:
        pixel = ((centre + 1) * size * 2).round().astype(int).tolist()
        radius = [max(1, round(float(a * state["size"] * size * 2))) for a in axes]
        cv2.ellipse(picture, pixel, radius, float(state["roll"]), 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(np.array([state["x"], state["y"]]), (0.5, 0.65), colours[1])
    left, right = place(-0.2, -0.15), place(0.2, -0.15)
    upper, lower = place(0, 0.25 - 0.15 * state["jaw"]), place(0, 0.3 + 0.15 * state["jaw"])
    for eye in (left, right):
        ellipse(eye, (0.08, 0.05), [255, 255, 255])
    ellipse((upper + lower) / 2, (0.16, 0.03 + 0.15 * state["jaw"]), colours[2])
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    middle = (upper + lower) / 2
    places = {"inner upper lip": upper, "inner lower lip": lower, "left pupil": left, "right pupil": right}
    places |= {"mouth left": place(-0.16, 0.28), "mouth right": place(0.16, 0.28)}
    return small, np.stack([places.get(name, middle) for name in LANDMARKS]).astype(np.float32)


def make_face_clips(count: int = 4, size: int = SIZE, frames: int = 6) -> list[dict]:
    """Every two of them with the same motion."""
    return [make_face_clip(f"face {i}", frames, person=i, performance=i // 2, size=size) for i in range(count)]


class DrawnFaces(tfds.core.GeneratorBasedBuilder):
    """As the synthetic data set, as far as training the renderer looks at it."""

    code_path = None
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, splits: dict[str, list[dict]], **arguments) -> None:
        self._clips = splits
        super().__init__(**arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "name": tfds.features.Text(),
            "performance": tfds.features.Scalar(np.int64),
            "jpeg": tfds.features.Sequence(tfds.features.Scalar(np.object_)),
            "landmarks": tfds.features.Tensor(shape=(None, LANDMARK_COUNT, 2), dtype=np.float32),
            **{name: tfds.features.Tensor(shape=(None,), dtype=np.float32) for name in FaceState._fields},
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(clips) for split, clips in self._clips.items()}

    def _generate_examples(self, clips: list[dict]):
        return ((clip["name"], clip) for clip in clips)


def write_faces(directory: Path, splits: dict[str, list[dict]]) -> Path:
    """A data set on disk; returns its folder."""
    builder = DrawnFaces(splits=splits, data_dir=directory, file_format="array_record")
    builder.download_and_prepare()
    return Path(builder.data_dir)


# Three steps at each of two sizes, the second with an adversary.
TINY_RENDERER = RendererConfig(
    name="tiny_renderer",
    first=PhaseConfig(steps=3, batch_size=4, image_size=16),
    second=PhaseConfig(steps=3, batch_size=4, image_size=32, adversarial=True),
    log_every=1,
    appearance=AppearanceConfig(image_size=32, widths=(4, 8), volume_channels=4, volume_depth=2, residual_blocks=1),
    motion_extractor=MotionExtractorConfig(image_size=32, depths=(1,), widths=(8,)),
    warping=WarpingConfig(
        volume_channels=4,
        volume_depth=2,
        feature_size=16,
        compressed_channels=1,
        hourglass_width=2,
        hourglass_max_width=4,
        hourglass_blocks=1,
        wide_kernel=3,
        output_channels=8,
    ),
    generator=GeneratorConfig(
        input_channels=8, width=8, middle_blocks=1, up_widths=(8,), modulation_width=4, pixel_shuffle=2
    ),
    retargeting=RetargetingConfig(stitching=(8,), lip=(8,), eye=(8,)),
    guided=("left pupil", "right pupil", "", "inner lower lip"),
    discriminator_width=4,
    discriminator_scales=1,
    optimizer=RendererOptimizerConfig(learning_rate=1e-3, warmup_steps=1, ema=0.9),
    frames=FramesConfig(drivings=2, cross=0.5, threads=1, prefetch=1),
    validation=RendererValidationConfig(every=3, pairs=3, pictures=2),
    checkpoints=CheckpointConfig(every=2, keep_last=9, keep_every=0),
    loss=LossConfig(openings=1.0),
)


def model_of(config: RendererConfig) -> ModelConfig:
    """A whole model with a run's renderer."""
    return SMALL.replace(config.name, **{part.name: getattr(config, part.name) for part in PARTS})
