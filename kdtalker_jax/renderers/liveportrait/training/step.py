"""One step of training the renderer, as a pure function."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from configs.renderer import PhaseConfig, RendererConfig, RendererOptimizerConfig
from kdtalker_jax.renderers.liveportrait.training import loss as terms
from kdtalker_jax.renderers.liveportrait.training.discriminator import (
    MultiScaleDiscriminator,
    adversarial_loss,
    discriminator_loss,
    matching_loss,
)
from kdtalker_jax.renderers.liveportrait.training.equivariance import equivariance_loss
from kdtalker_jax.renderers.liveportrait.training.perceptual import (
    Classifiers,
    identity_loss,
    load_classifiers,
    perceptual_loss,
)
from kdtalker_jax.renderers.liveportrait.training.reenactment import FaceMotion, Networks, Reenacted, fresh_weights
from kdtalker_jax.renderers.liveportrait.training.transfer import both_ways, of_size
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.muon import muon
from kdtalker_jax.training.optimizer import chain, global_norm, lenient
from kdtalker_jax.training.tail import in_parts, mean_over, unless_not_finite
from kdtalker_jax.training.weights import Weights

Tree = Any
Array = np.ndarray | jax.Array

MOTION = "motion_extractor"
TRUE_KEYPOINTS = 1  # of a step's random numbers: which samples have them


class Pictures(NamedTuple):
    """Sources with J driving pictures each. What is not known of a picture is NaN."""

    source: Array  # (B, S, S, 3) uint8
    motion: Array  # (B, 1 + J, M, M, 3) uint8: source and driving pictures for the motion extractor
    target: Array  # (B, J, T, T, 3) uint8: the source's head in the driving pictures' state
    state: Array  # (B, 1 + J, 6): yaw, pitch, roll in degrees, x, y, size; of the source, then of the targets
    landmarks: Array  # (B, 1 + J, L, 2)
    position: Array  # (B,) int32: place in the batch over all devices, which decides a sample's random numbers


class Landmarks(NamedTuple):
    """Which landmarks the losses look at, by their places in `Pictures.landmarks`."""

    keypoints: tuple[int, ...] = ()  # guided keypoints ...
    guides: tuple[int, ...] = ()  # ... and the landmark of each
    regions: tuple[tuple[int, ...], ...] = ()  # landmarks of the parts of the face that count more
    openings: tuple[tuple[int, int], ...] = ()  # pairs of `keypoints`, by their places there: lips, and lids


class Adversary(flax.struct.PyTreeNode):
    """The discriminator and its optimiser."""

    weights: Weights
    opt_state: optax.OptState


class RendererState(flax.struct.PyTreeNode):
    """All that changes in training."""

    step: jax.Array  # () int32: how many have been made
    weights: Weights
    ema: Weights
    opt_state: optax.OptState
    adversary: Adversary | None  # None: no phase has one
    classifiers: Classifiers  # never changed, and not part of checkpoints


def initial_state(config: RendererConfig, first: Mapping[str, Mapping[str, Tree]] | None = None) -> RendererState:
    """The state before the first step, from fresh variables or from given ones, by name of the network."""

    def create(first: Mapping[str, Mapping[str, Tree]] | None) -> RendererState:
        weights = Weights.of(first) if first else fresh_weights(config)
        opt_state = make_optimizer(config).init(weights.params)
        adversary = None
        if any(phase.adversarial for phase in config.phases):
            picture = jnp.zeros((1, 64, 64, 3), jnp.float32)
            variables = make_discriminator(config).init(random_key((config.seed + 1) % 2**64, "unsafe_rbg"), picture)
            judge = Weights.of({"discriminator": variables})
            adversary = Adversary(judge, make_judge_optimizer(config).init(judge.params))
        return RendererState(jnp.int32(0), weights, weights, opt_state, adversary, Classifiers(None, None))

    return jax.jit(create)(first).replace(classifiers=load_classifiers(config))


def make_discriminator(config: RendererConfig) -> MultiScaleDiscriminator:
    return MultiScaleDiscriminator(config.discriminator_width, config.discriminator_scales)


def learning_rate_schedule(config: RendererConfig) -> optax.Schedule:
    """Up in a line, level, then half a cosine down to 0 at the last step."""
    settings, steps = config.optimizer, config.steps
    warmup = settings.warmup_steps
    cooldown = min(max(1, round(settings.cooldown * steps)), steps - warmup)
    parts = [
        optax.linear_schedule(0.0, settings.learning_rate, warmup),
        optax.constant_schedule(settings.learning_rate),
        optax.cosine_decay_schedule(settings.learning_rate, cooldown),
    ]
    return lenient(optax.join_schedules(parts, [warmup, steps - cooldown]))


def make_optimizer(config: RendererConfig) -> optax.GradientTransformation:
    """Clipping by the norm over all parameters, then Adam or Muon."""
    settings, rate = config.optimizer, learning_rate_schedule(config)
    if settings.kind == "adam":
        return _clipped_adam(settings, rate)
    update = muon(rate, beta1=settings.beta1, beta2=settings.beta2, networks=True)
    return chain(optax.clip_by_global_norm(settings.clip_norm), update)


def make_judge_optimizer(config: RendererConfig) -> optax.GradientTransformation:
    """The discriminator's."""
    return _clipped_adam(config.optimizer, config.optimizer.discriminator_rate)


def _clipped_adam(settings: RendererOptimizerConfig, rate: optax.ScalarOrSchedule) -> optax.GradientTransformation:
    adam = optax.adam(rate, b1=settings.beta1, b2=settings.beta2)
    return chain(optax.clip_by_global_norm(settings.clip_norm), adam)


def make_train_step(config: RendererConfig, phase: PhaseConfig, landmarks: Landmarks) -> Any:
    """The step of a phase: train_step(state, pictures, *, axis_name=None) -> (state, metrics, losses).

    As in `step.make_train_step`: metrics are scalars over the whole batch, among them `finite`: where it is False, the
    state is the one that came in. `losses` (B,) are those of this device's samples.
    """
    optimizer, judge_optimizer = make_optimizer(config), make_judge_optimizer(config)
    learning_rate = learning_rate_schedule(config)

    def train_step(
        state: RendererState, pictures: Pictures, *, axis_name: str | None = None
    ) -> tuple[RendererState, dict[str, jax.Array], jax.Array]:
        objective = Objective(config, phase, landmarks, state, axis_name)
        gradients, weights, judge, losses = objective.gradients(state, pictures)
        gradients = mean_over(gradients, axis_name)
        means = mean_over(jax.tree.map(jnp.mean, losses), axis_name)

        updates, opt_state = optimizer.update(gradients["renderer"], state.opt_state, state.weights.params)
        params = optax.apply_updates(state.weights.params, updates)
        # Also what is left of the momentum of earlier phases moves nothing else.
        if phase.motion_frozen:
            params = {**params, MOTION: state.weights.params[MOTION]}
        if phase.motion_only or phase.rest_frozen:
            params = {**state.weights.params, MOTION: params[MOTION]}
        weights = weights.replace(params=params)
        step = state.step + 1
        adversary = state.adversary
        if phase.adversarial:
            updates, judge_state = judge_optimizer.update(
                gradients["discriminator"], adversary.opt_state, adversary.weights.params
            )
            judge = judge.replace(params=optax.apply_updates(adversary.weights.params, updates))
            adversary = Adversary(judge, judge_state)
        ema = update_ema(state.ema, weights, step, config.optimizer)
        updated = state.replace(step=step, weights=weights, ema=ema, opt_state=opt_state, adversary=adversary)

        grad_norm = global_norm(gradients["renderer"])
        after, finite = unless_not_finite(updated, state, means["loss"], global_norm(gradients))
        metrics = {**means, "grad_norm": grad_norm, "learning_rate": learning_rate(state.step), "finite": finite}
        return after, metrics, losses["loss"]

    return train_step


def update_ema(ema: Weights, weights: Weights, step: jax.Array, settings: RendererOptimizerConfig) -> Weights:
    """The moving average after `step` steps, of the last few at first. Singular vectors are those of now: a mean of
    unit vectors is none."""
    made = step.astype(jnp.float32)
    decay = jnp.minimum(settings.ema, (1.0 + made) / (10.0 + made))
    averaged = optax.incremental_update(weights, ema, 1 - decay)
    return averaged.replace(
        statistics={
            name: {
                kind: tree if kind == "spectral" else averaged.statistics[name][kind] for kind, tree in trees.items()
            }
            for name, trees in weights.statistics.items()
        }
    )


class Objective:
    """What one step minimises."""

    def __init__(
        self,
        config: RendererConfig,
        phase: PhaseConfig,
        landmarks: Landmarks,
        state: RendererState,
        axis_name: str | None,
    ) -> None:
        self._config, self._phase, self._landmarks = config, phase, landmarks
        self._classifiers = state.classifiers
        self._key = jax.random.fold_in(random_key(config.seed), state.step)
        self._networks = Networks(config, phase, train=True, axis_name=axis_name)
        self._discriminator = make_discriminator(config)

    def gradients(
        self, state: RendererState, pictures: Pictures
    ) -> tuple[dict[str, Tree], Weights, Weights | None, dict[str, jax.Array]]:
        """Gradients of renderer and discriminator, both's statistics after the step, losses (B,) by name.

        The batch is worked through in `accumulate` parts; batch norms see a part at a time.
        """
        parts = self._config.accumulate
        judge = state.adversary.weights if self._phase.adversarial else None

        def gradient(
            carried: tuple[Weights, Weights | None], part: Pictures
        ) -> tuple[dict[str, Tree], tuple[Weights, Weights | None], dict[str, jax.Array]]:
            gradients, *carried, losses = self._part(*carried, part)
            return gradients, tuple(carried), losses

        if parts == 1:  # a loop around it would keep CPUs from their fast convolutions
            return self._part(state.weights, judge, pictures)
        params = {"renderer": state.weights.params} | ({"discriminator": judge.params} if judge else {})
        gradients, (weights, judge), losses = in_parts(gradient, parts, params, (state.weights, judge), pictures)
        return gradients, weights, judge, losses

    def _part(
        self, weights: Weights, judge: Weights | None, pictures: Pictures
    ) -> tuple[dict[str, Tree], Weights, Weights | None, dict[str, jax.Array]]:
        objective = jax.grad(self._renderer, has_aux=True)
        gradient, (losses, statistics, output) = objective(weights.params, weights, judge, pictures)
        gradients = {"renderer": gradient}
        if judge:
            objective = jax.grad(self._judge, has_aux=True)
            gradient, (loss, judge_statistics) = objective(judge.params, judge, output, _target_colours(pictures))
            gradients["discriminator"] = gradient
            judge = judge.replace(statistics={"discriminator": judge_statistics})
            losses["discriminator"] = loss.reshape(len(pictures.source), -1).mean(axis=1)
        return gradients, weights.replace(statistics=statistics), judge, losses

    def _renderer(
        self, params: Tree, weights: Weights, judge: Weights | None, pictures: Pictures
    ) -> tuple[jax.Array, tuple]:
        if self._phase.motion_frozen:
            params = {**params, MOTION: jax.lax.stop_gradient(params[MOTION])}
        if self._phase.rest_frozen:
            params = {**jax.lax.stop_gradient(params), MOTION: params[MOTION]}
        weights = weights.replace(params=params)
        motion_pictures = _colours(pictures.motion)
        if self._phase.motion_only:
            motion, keypoints = self._networks.moved(weights, motion_pictures)
            losses, statistics, output = {}, weights.statistics, None
        else:
            true = self._true_keypoints(pictures)
            reenacted, statistics = self._networks.reenact(weights, _colours(pictures.source), motion_pictures, true)
            output, motion, keypoints = reenacted.pictures, reenacted.motion, reenacted.keypoints
            losses = self._picture_terms(reenacted, judge, pictures)
            if self._config.loss.transfer:
                losses["transfer"] = self._transfer(weights, reenacted, pictures)
        losses |= self._motion_terms(motion, keypoints, pictures)
        if self._config.loss.equivariance:
            losses["equivariance"] = equivariance_loss(
                self._key, pictures.position, motion_pictures, lambda moved: self._networks.motion(weights, moved)
            )
        losses["loss"] = self._weighed(losses)
        return losses["loss"].mean(), (losses, statistics, output)

    def _true_keypoints(self, pictures: Pictures) -> jax.Array | None:
        """(B, 1 + J, K, 2): landmarks of guided keypoints, in as many samples as the phase says; else NaN."""
        share, used = self._phase.true_keypoints, self._landmarks
        if not share or not used.keypoints:
            return None
        key = jax.random.fold_in(self._key, TRUE_KEYPOINTS)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, pictures.position)
        chosen = jax.vmap(jax.random.uniform)(keys) < share  # (B,)
        shape = (*pictures.landmarks.shape[:2], self._config.motion_extractor.keypoints, 2)
        known = jnp.asarray(pictures.landmarks)[:, :, jnp.array(used.guides)]
        placed = jnp.full(shape, jnp.nan).at[:, :, jnp.array(used.keypoints)].set(known)
        return jnp.where(chosen[:, None, None, None], placed, jnp.nan)

    def _picture_terms(self, reenacted: Reenacted, judge: Weights | None, pictures: Pictures) -> dict[str, jax.Array]:
        """(B,) each: mean over a source's driving pictures."""
        output, target, settings = reenacted.pictures, _target_colours(pictures), self._config.loss
        landmarks = pictures.landmarks[:, 1:].reshape(len(output), *pictures.landmarks.shape[2:])  # (B J, L, 2)
        weight = terms.detail_weight(landmarks, self._landmarks.regions, output.shape[1], settings.details)
        losses = terms.picture_losses(output, target, weight)
        if reenacted.painted is not None and settings.painted:
            painted = terms.picture_losses(reenacted.painted, target, weight)
            losses["painted"] = self._weighed(painted)
        if reenacted.carried is not None and settings.carried:
            losses["carried"] = terms.pixel_loss(reenacted.carried, target, weight)
        if judge:
            real = self._discriminator.apply(judge.variables("discriminator"), target)
            fake = self._discriminator.apply(judge.variables("discriminator"), output)
            losses |= {"adversarial": adversarial_loss(fake), "features": matching_loss(real, fake)}
        if self._classifiers.perceptual:
            losses["perceptual"] = perceptual_loss(self._classifiers.perceptual, output, target)
        if self._classifiers.identity:
            losses["identity"] = identity_loss(self._classifiers.identity, output, target)
        return {name: values.reshape(len(pictures.source), -1).mean(axis=1) for name, values in losses.items()}

    def _transfer(self, weights: Weights, reenacted: Reenacted, pictures: Pictures) -> jax.Array:
        """(B,): how far the two ways to the first target's pose with the source's expression are apart."""
        source, target = _colours(pictures.source), _colours(pictures.target[:, 0])
        seen = of_size(target, pictures.motion.shape[3])[:, None]  # the driving picture may show another head
        found = FaceMotion(*(values[:, 0] for values in reenacted.motion))
        other = FaceMotion(*(values[:, 0] for values in self._networks.motion(weights, seen)))
        ways = (source, found), (of_size(target, source.shape[2]), other)
        first, second = both_ways(self._networks, weights, *ways)
        if self._classifiers.perceptual:
            return perceptual_loss(self._classifiers.perceptual, first, second)
        landmarks, settings = pictures.landmarks[:, 1], self._config.loss  # those of the target's pose
        weight = terms.detail_weight(landmarks, self._landmarks.regions, first.shape[1], settings.details)
        return self._weighed(terms.picture_losses(first, second, weight))

    def _weighed(self, losses: Mapping[str, jax.Array]) -> jax.Array:
        """Their sum, each by the weight of its name."""
        return sum(getattr(self._config.loss, name) * value for name, value in losses.items())

    def _motion_terms(self, motion: FaceMotion, keypoints: jax.Array, pictures: Pictures) -> dict[str, jax.Array]:
        """(B,) each: mean over a source and its driving pictures."""
        config = self._config.loss
        rows = motion.scale.size

        def flat(x: Array) -> jax.Array:
            return jnp.reshape(x, (rows, *x.shape[2:]))

        points, state, known = flat(keypoints), flat(pictures.state), flat(pictures.landmarks)
        losses = {
            "spread": terms.spread_loss(points, config.spread_distance),
            "depth": terms.depth_loss(points),
            "deformation": jnp.abs(flat(motion.exp)).mean(axis=-1),
            "pose": terms.masked_l1(flat(motion.angles), state[:, :3]),
            "placement": terms.masked_l1(
                jnp.concatenate([flat(motion.t)[:, :2], flat(motion.scale)[:, None]], axis=-1), state[:, 3:]
            ),
        }
        if self._landmarks.keypoints:
            found, wanted = (
                points[:, jnp.array(self._landmarks.keypoints), :2],
                known[:, jnp.array(self._landmarks.guides)],
            )
            losses["landmarks"] = terms.wing_loss(found, wanted)
            if config.openings and self._landmarks.openings:
                losses["openings"] = terms.opening_loss(found, wanted, self._landmarks.openings)
        return {name: values.reshape(len(pictures.source), -1).mean(axis=1) for name, values in losses.items()}

    def _judge(self, params: Tree, judge: Weights, output: jax.Array, target: jax.Array) -> tuple[jax.Array, tuple]:
        """The discriminator's loss on pictures that it had no say in."""
        variables = judge.replace(params=params).variables("discriminator")
        both = jnp.concatenate([target, jax.lax.stop_gradient(output)])
        verdicts, after = self._discriminator.apply(variables, both, True, mutable=["spectral"])
        real, fake = (jax.tree.map(lambda x, half=half: jnp.split(x, 2)[half], verdicts) for half in range(2))
        loss = discriminator_loss(real, fake)
        return loss.mean(), (loss, after)


def _colours(pictures: Array) -> jax.Array:
    """From 0 to 1."""
    return pictures.astype(jnp.float32) / 255


def _target_colours(pictures: Pictures) -> jax.Array:
    """(B J, T, T, 3) in [0, 1]."""
    return _colours(pictures.target.reshape(-1, *pictures.target.shape[2:]))


def guided_landmarks(config: RendererConfig, names: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Keypoints that a landmark guides, and the place of each one's landmark among `names`."""
    pairs = [(keypoint, names.index(name)) for keypoint, name in enumerate(config.guided) if name in names]
    return tuple(keypoint for keypoint, _ in pairs), tuple(place for _, place in pairs)
