"""Training of stitching and retargeting on a renderer that stays as it is (LivePortrait, section 3.3).

Stitching moves the driving keypoints so that the rendered picture's lower border is the portrait's own. Retargeting is
learnt from keypoints alone: two frames of one head have eyes and mouth opened differently, the motion extractor finds
the expression of both, and a ratio of distances between landmarks says how far open the second is. The offsets that
turn the first frame's lids or lips into the second's are the answer to that ratio; all other keypoints stay.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.serialization
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from configs.renderer import RendererConfig, renderer_config
from configs.retargeting import RetargetingTrainingConfig
from kdtalker_jax import parallel
from kdtalker_jax.batching import in_batches
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.liveportrait.parts import RETARGETING
from kdtalker_jax.renderers.liveportrait.training.input import (
    NO_DATA,
    FaceClips,
    RendererBatch,
    RendererBatches,
    any_moving,
    fixed_choices,
    open_faces,
    stack_pictures,
)
from kdtalker_jax.renderers.liveportrait.training.loss import pooled
from kdtalker_jax.renderers.liveportrait.training.reenactment import NAMES, FaceMotion, Networks
from kdtalker_jax.renderers.liveportrait.training.step import Pictures
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.logs import Logs
from kdtalker_jax.training.loop import Outcome, Report, announce, is_validated, open_run, run_task
from kdtalker_jax.training.optimizer import chain, global_norm, lenient
from kdtalker_jax.training.settings import check_positive
from kdtalker_jax.training.tail import mean_over, unless_not_finite
from kdtalker_jax.training.weights import Weights

NAME = RETARGETING.name
BORDER = 0.2  # part of the picture's height that is its lower border
ROWS = 8  # judged at once on each device

Tree = Any


class RetargetingState(flax.struct.PyTreeNode):
    """All that changes in training, and what it rests on."""

    step: jax.Array  # () int32
    weights: Weights  # of the MLPs
    opt_state: optax.OptState
    renderer: Weights  # never changed


def train_retargeting(
    config: RetargetingTrainingConfig,
    data: str | Path,
    workdir: str | Path,
    *,
    init: str | Path | None,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains S and R, or goes on where the run in `workdir` stopped.

    Args:
        config: of the run.
        data: a synthetic data set.
        workdir: of this run alone. `checkpoints.load_networks` reads the result from it.
        init: model with F, M, W and G, which stay as they are.
        report, progress: as in `train_renderer`.

    Raises:
        InputError: settings or data that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check_retargeting(config, parallel.device_count())
    if data is None:
        raise InputError(NO_DATA)
    if init is None:
        raise InputError("Retargeting is trained on a renderer: name a model that has one as init.")

    def make_task() -> RetargetingTask:
        return RetargetingTask(config, Path(data), str(init), Path(workdir), report, progress)

    return run_task(make_task, Path(workdir), report, progress)


def check_retargeting(config: RetargetingTrainingConfig, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    check_positive(config, ("phase.steps", "phase.batch_size", "frames.threads", "frames.prefetch"))
    if config.phase.batch_size % devices:
        raise InputError(f"phase.batch_size must be a multiple of the {devices} devices.")


class RetargetingTask:
    """A `loop.Task`: the MLPs, on pairs of frames."""

    def __init__(
        self,
        config: RetargetingTrainingConfig,
        data: Path,
        checkpoint: str,
        workdir: Path,
        report: Report,
        progress: bool,
    ) -> None:
        self.config, self._report = config, report
        self._model, self._renderer = _load_renderer(config, checkpoint)
        clips, validation_clips = (
            open_faces(data, split, config.frames.cache_gb, progress=progress)
            for split in ("train", config.validation.split)
        )
        if not clips or clips[0].landmarks.shape[1] != len(LANDMARKS):
            raise InputError(f"{data} does not know how far eyes and mouths are open: name a synthetic data set.")
        open_run(workdir, NAME, config, checkpoint, len(clips))
        announce(config, report)
        self.batches = RendererBatches(
            clips, self._model, process=parallel.process_index(), processes=parallel.process_count()
        )
        self._step = parallel.map_step(make_retargeting_step(config, self._model), config.devices.mapping)
        validated = is_validated(data, config.validation.split, any_moving(validation_clips), config.validation.pairs)
        self._validation = _validation(config, self._model, validation_clips) if validated else None

    def initial_state(self) -> RetargetingState:
        return initial_state(self.config, self._model, self._renderer)

    def trees(self, state: RetargetingState) -> dict[str, Any]:
        return {
            name: flax.serialization.to_state_dict(tree)
            for name, tree in (("weights", state.weights), ("optimizer", state.opt_state))
        }

    def from_trees(self, step: int, trees: dict[str, Any]) -> RetargetingState:
        state = self.initial_state()
        return state.replace(
            step=np.int32(step),
            weights=flax.serialization.from_state_dict(state.weights, trees["weights"]),
            opt_state=flax.serialization.from_state_dict(state.opt_state, trees["optimizer"]),
        )

    def step(
        self, state: RetargetingState, batch: RendererBatch
    ) -> tuple[RetargetingState, dict[str, jax.Array], jax.Array]:
        return self._step(state, batch.pictures)

    def validate(self, state: RetargetingState, step: int, logs: Logs) -> float | None:
        """Logs the losses on pairs of frames that were not trained on."""
        if self._validation is None:
            return None
        losses = self._validation(state)
        logs.numbers(step, {f"validation/{name}": value for name, value in losses.items()})
        self._report(f"Step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in losses.items()))
        return losses["loss"] if np.isfinite(losses["loss"]) else None


def initial_state(config: RetargetingTrainingConfig, model: RendererConfig, renderer: Weights) -> RetargetingState:
    """The state before the first step. The last layers begin with zeros: at first nothing is moved."""
    variables = jax.jit(lambda key: RETARGETING.initialise(model, key))(random_key(config.seed))
    for mlp in variables["params"].values():
        last = max(mlp, key=lambda name: int(name.rpartition("_")[2]))
        mlp[last]["kernel"] = jnp.zeros_like(mlp[last]["kernel"])
    weights = Weights.of({NAME: variables})
    return RetargetingState(jnp.int32(0), weights, _optimizer(config).init(weights.params), renderer)


def make_retargeting_step(config: RetargetingTrainingConfig, model: RendererConfig) -> Any:
    """train_step(state, pictures, *, axis_name=None) -> (state, metrics, losses), as `step.make_train_step`."""
    optimizer, rate = _optimizer(config), _learning_rate(config)
    losses_of = make_losses(config, model)

    def train_step(
        state: RetargetingState, pictures: Pictures, *, axis_name: str | None = None
    ) -> tuple[RetargetingState, dict[str, jax.Array], jax.Array]:
        def objective(params: Tree) -> tuple[jax.Array, dict[str, jax.Array]]:
            losses = losses_of(params[NAME], state.renderer, pictures)
            return losses["loss"].mean(), losses

        gradients, losses = jax.grad(objective, has_aux=True)(state.weights.params)
        gradients = mean_over(gradients, axis_name)
        means = mean_over(jax.tree.map(jnp.mean, losses), axis_name)
        updates, opt_state = optimizer.update(gradients, state.opt_state)
        weights = state.weights.replace(params=optax.apply_updates(state.weights.params, updates))
        grad_norm = global_norm(gradients)
        updated = state.replace(step=state.step + 1, weights=weights, opt_state=opt_state)
        after, finite = unless_not_finite(updated, state, means["loss"], grad_norm)
        metrics = {**means, "grad_norm": grad_norm, "learning_rate": rate(state.step), "finite": finite}
        return after, metrics, losses["loss"]

    return train_step


def make_losses(config: RetargetingTrainingConfig, model: RendererConfig) -> Any:
    """(params of the MLPs, renderer, pictures) -> losses (B,) by name, among them the weighted sum `loss`."""
    networks = Networks(model, model.first, train=False)
    module = RETARGETING.build(model)

    def losses_of(params: Tree, renderer: Weights, pictures: Pictures) -> dict[str, jax.Array]:
        def mlp(method: str, *arguments: jax.Array) -> jax.Array:
            return module.apply({"params": params}, *arguments, method=method)

        source = pictures.source.astype(jnp.float32) / 255
        motion = networks.motion(renderer, pictures.motion.astype(jnp.float32) / 255)  # (B, 2, ...)
        motion = jax.lax.stop_gradient(motion)
        own, other = (jax.tree.map(lambda x, i=i: x[:, i], motion) for i in range(2))
        start, driving = own.keypoints(own.kp), other.keypoints(own.kp)  # (B, K, 3)

        stitched = mlp("stitch", start, driving)
        output = networks.render(renderer, source, start, stitched)
        losses = {
            "shoulders": border_difference(output, source),
            "stitching": jnp.abs(stitched - driving).mean(axis=(1, 2)),
        }
        wanted = expressed(own, other) - start  # (B, K, 3): the other frame's expression on this frame's pose
        before, after = pictures.landmarks[:, 0], pictures.landmarks[:, 1]
        mouth = jnp.stack([lip_ratio(before), lip_ratio(after)], axis=-1)  # (B, 2)
        eyes = jnp.concatenate([eye_ratios(before), eye_ratios(after).mean(axis=-1, keepdims=True)], axis=-1)  # (B, 3)
        offsets = {"lip": mlp("lip_delta", start, mouth), "eye": mlp("eye_delta", start, eyes)}
        moving = {"lip": jnp.array(config.lips), "eye": jnp.array(config.lids)}
        losses["others"] = jnp.zeros(len(source), jnp.float32)
        for name, offset in offsets.items():
            places = moving[name]
            losses[name] = jnp.abs((offset - wanted)[:, places]).mean(axis=(1, 2))
            losses["others"] += jnp.abs(offset.at[:, places].set(0)).mean(axis=(1, 2))
        losses["loss"] = sum(getattr(config.loss, name) * value for name, value in losses.items())
        return losses

    return losses_of


def expressed(own: FaceMotion, other: FaceMotion) -> jax.Array:
    """Keypoints (B, K, 3) of a head in its own pose with the expression of another frame."""
    return own._replace(exp=other.exp).keypoints(own.kp)


def border_difference(output: jax.Array, source: jax.Array) -> jax.Array:
    """L1 between the lower borders of a rendered picture and of a smaller one, (B,)."""
    output = pooled(output, output.shape[1] // source.shape[1])
    rows = slice(round((1 - BORDER) * source.shape[1]), None)
    return jnp.abs(output[:, rows] - source[:, rows]).mean(axis=(1, 2, 3))


def lip_ratio(landmarks: jax.Array) -> jax.Array:
    """How far the mouth is open, of its width: landmarks (..., L, 2) -> (...,)."""
    return _distance(landmarks, "inner upper lip", "inner lower lip") / _distance(
        landmarks, "mouth left", "mouth right"
    )


def eye_ratios(landmarks: jax.Array) -> jax.Array:
    """How far the left and the right eye are open, of the distance between the pupils: (..., L, 2) -> (..., 2)."""
    between = _distance(landmarks, "left pupil", "right pupil")
    return jnp.stack(
        [_distance(landmarks, f"{side} upper lid", f"{side} lower lid") / between for side in ("left", "right")],
        axis=-1,
    )


def _distance(landmarks: jax.Array, a: str, b: str) -> jax.Array:
    difference = landmarks[..., LANDMARKS.index(a), :] - landmarks[..., LANDMARKS.index(b), :]
    return jnp.linalg.norm(difference, axis=-1)


def _learning_rate(config: RetargetingTrainingConfig) -> optax.Schedule:
    return lenient(optax.cosine_decay_schedule(config.learning_rate, config.steps))


def _optimizer(config: RetargetingTrainingConfig) -> optax.GradientTransformation:
    return chain(optax.clip_by_global_norm(1.0), optax.adam(_learning_rate(config)))


def _load_renderer(config: RetargetingTrainingConfig, path: str) -> tuple[RendererConfig, Weights]:
    """The networks of a checkpoint, and a configuration that cuts pictures for them."""
    checkpoint = load_checkpoint(path)
    checkpoint.require(*NAMES)
    variables: Mapping[str, Tree] = {name: checkpoint.variables(name) for name in NAMES}
    model = renderer_config(
        checkpoint.config, name=checkpoint.config.name, seed=config.seed, first=config.phase, frames=config.frames
    )
    return model, Weights.of(variables)


def _validation(config: RetargetingTrainingConfig, model: RendererConfig, clips: FaceClips) -> Any:
    """state -> mean losses by name."""
    choices = fixed_choices(clips, config.validation.pairs, cross=False)
    pictures = stack_pictures(clips, choices, model, model.first, np.arange(len(choices), dtype=np.int32))
    losses_of = make_losses(config, model)
    mapped = parallel.map_rows(lambda weights, rows: losses_of(weights[0][NAME], weights[1], rows))
    size = ROWS * parallel.local_device_count()

    def judge(state: RetargetingState) -> dict[str, float]:
        weights = parallel.on_own_devices((state.weights.params, state.renderer))
        losses = in_batches(lambda *rows: mapped(weights, Pictures(*rows)), size, *pictures)
        return {name: float(values.mean()) for name, values in losses.items()}

    return judge
