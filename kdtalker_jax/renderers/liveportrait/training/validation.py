"""Reenactment of fixed pairs of frames that were not trained on: numbers, and pictures to look at."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from configs.renderer import PhaseConfig, RendererConfig
from kdtalker_jax import parallel
from kdtalker_jax.batching import in_batches
from kdtalker_jax.metrics.similarity import compare
from kdtalker_jax.renderers.liveportrait.training.input import Choice, FaceClips, fixed_choices, resized, stack_pictures
from kdtalker_jax.renderers.liveportrait.training.reenactment import Networks
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks, Pictures
from kdtalker_jax.training.weights import Weights

ROWS = 8  # rendered at once on each device


class RendererValidation:
    """The pairs of one phase. Every process judges all of them, so that all come to the same result."""

    def __init__(self, config: RendererConfig, phase: PhaseConfig, clips: FaceClips, landmarks: Landmarks) -> None:
        settings = config.validation
        self._kinds = {
            kind: self._stack(clips, choices, config, phase)
            for kind, cross in (("self", False), ("cross", True))
            if (choices := fixed_choices(clips, settings.pairs, cross=cross))
        }
        self._drawn, self._landmarks = settings.pictures, landmarks
        networks = Networks(config, phase, train=False)

        def render(weights: Weights, pictures: Pictures) -> dict[str, jax.Array]:
            source, motion = (x.astype(jnp.float32) / 255 for x in (pictures.source, pictures.motion))
            reenacted, _ = networks.reenact(weights, source, motion)
            return {
                "pictures": jnp.round(reenacted.pictures * 255).astype(jnp.uint8),
                "angles": reenacted.motion.angles,
                "keypoints": reenacted.keypoints,
            }

        self._render = parallel.map_rows(render)
        self._rows = ROWS * parallel.local_device_count()

    @staticmethod
    def _stack(clips: FaceClips, choices: Sequence[Choice], config: RendererConfig, phase: PhaseConfig) -> Pictures:
        return stack_pictures(clips, choices, config, phase, np.arange(len(choices), dtype=np.int32))

    def __call__(self, weights: Weights) -> tuple[dict[str, float], np.ndarray | None]:
        """Numbers by name, and a sheet with a row for each drawn pair, if any is: source, driving, output, target.

        psnr (dB), ssim, l1 (levels) of each kind of pair; yaw, pitch, roll (degrees) and landmarks (of the picture's
        half width) mean absolute errors, where the truth is known; loss: the mean l1 of all kinds.
        """
        numbers, sheets = {}, []
        for kind, pictures in self._kinds.items():
            found = in_batches(lambda *rows: self._render(weights, Pictures(*rows)), self._rows, *pictures)
            targets = pictures.target[:, 0]
            similarity = compare(found["pictures"], targets)
            numbers |= {f"{kind}/{name}": value for name, value in similarity._asdict().items()}
            if kind == "self":
                numbers |= self._motion_errors(found, pictures)
            sheets += _rows(pictures, found["pictures"], self._drawn)
        numbers["loss"] = float(np.mean([value for name, value in numbers.items() if name.endswith("/l1")]))
        return numbers, np.concatenate(sheets) if sheets else None

    def _motion_errors(self, found: dict[str, np.ndarray], pictures: Pictures) -> dict[str, float]:
        """Of what the truth is known for."""
        errors = np.abs(found["angles"] - pictures.state[..., :3]).reshape(-1, 3)  # (2 P, 3)
        errors = dict(zip(("yaw", "pitch", "roll"), errors[np.isfinite(errors).all(axis=1)].T, strict=True))
        if self._landmarks.keypoints:
            guided = found["keypoints"][:, :, list(self._landmarks.keypoints), :2]
            wanted = pictures.landmarks[:, :, list(self._landmarks.guides)]
            distance = np.linalg.norm(guided - wanted, axis=-1)
            errors["landmarks"] = distance[np.isfinite(distance)]
        return {name: float(values.mean()) for name, values in errors.items() if values.size}


def _rows(pictures: Pictures, outputs: np.ndarray, count: int) -> list[np.ndarray]:
    """Source, driving, output and target side by side, uint8 RGB (H, 4 H, 3) each."""
    size = outputs.shape[1]

    def enlarged(picture: np.ndarray) -> np.ndarray:
        return resized(picture, size)

    return [
        np.concatenate(
            [enlarged(pictures.source[i]), enlarged(pictures.motion[i, 1]), outputs[i], pictures.target[i, 0]], axis=1
        )
        for i in range(min(count, len(outputs)))
    ]
