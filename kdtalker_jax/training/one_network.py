"""Trainings of one network by AdamW or Muon with a moving average: the state, the step and the task that they share.

What differs is a function of losses, and batches that know where each of their samples comes from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from kdtalker_jax import parallel
from kdtalker_jax.errors import InputError
from kdtalker_jax.training.logs import Logs
from kdtalker_jax.training.loop import Report, TaskBatches
from kdtalker_jax.training.muon import muon
from kdtalker_jax.training.optimizer import chain, global_norm, lenient, update_ema
from kdtalker_jax.training.settings import check_run
from kdtalker_jax.training.tail import in_parts, mean_over, unless_not_finite

Params = Any
Tree = Any
Losses = Callable[[Params, Params | None, Tree, jax.Array], dict[str, jax.Array]]
"""(params, frozen ones of other networks, rows of a batch (B, ...), step) -> (B,) by name: "loss" is made small."""


class State(flax.struct.PyTreeNode):
    """All that there is of a run. With the seed and the data set it determines everything that follows."""

    step: jax.Array  # () int32: how many have been made
    params: Params
    opt_state: optax.OptState
    ema: Params | None  # None: switched off
    frozen: Params | None  # of networks that are used and not trained


class Rows(NamedTuple):
    """One process's share of a batch: arrays (B, ...), and where each of its samples comes from."""

    rows: Tree
    sources: list[str]


def check(config: Any, devices: int, probabilities: Sequence[str] = (), positive: Sequence[str] = ()) -> None:
    """`settings.check_run`, and that the learning rate does not rise after its peak."""
    check_run(config, devices, probabilities, positive)
    peak, final = config.optimizer.learning_rate, config.optimizer.final_rate
    if final is not None and final > peak:
        raise InputError(f"optimizer.final_rate={final} must be no more than optimizer.learning_rate={peak}.")


def rate_schedule(config: Any) -> optax.Schedule:
    """Learning rate of each step, counted from 0: up from 0 in a line, then half a cosine to the final rate."""
    settings = config.optimizer
    peak, final = settings.learning_rate, settings.final_rate
    end = peak if final is None else final
    return lenient(optax.warmup_cosine_decay_schedule(0.0, peak, settings.warmup_steps, config.steps, end))


def make_optimizer(config: Any) -> optax.GradientTransformation:
    """Clipping by the norm over all parameters, then AdamW (arXiv 1711.05101) or Muon."""
    settings, rate = config.optimizer, rate_schedule(config)
    beta1, beta2, decay = settings.beta1, settings.beta2, settings.weight_decay
    if settings.kind == "muon":
        update = muon(rate, beta1=beta1, beta2=beta2, weight_decay=decay)
    else:
        update = optax.adamw(rate, b1=beta1, b2=beta2, eps=settings.epsilon, weight_decay=decay)
    return chain(optax.clip_by_global_norm(settings.clip_norm), update)


def initial_state(config: Any, params: Params, frozen: Params | None = None) -> State:
    """The state before the first step."""

    def create(params: Params, frozen: Params | None) -> State:
        ema = params if config.ema.enabled else None
        return State(jnp.int32(0), params, make_optimizer(config).init(params), ema, frozen)

    return jax.jit(create)(params, frozen)


def make_train_step(config: Any, losses: Losses) -> Callable[..., tuple]:
    """The step of a run, for `parallel.map_step`.

    Returns:
        train_step(state, rows, *, axis_name=None) -> (state, metrics, losses). `metrics` are means over the whole batch
        of all that `losses` gives, grad_norm (before clipping), learning_rate, and finite: where it is False, the state
        is the one that came in. `losses` (B,) are those of this device's samples.
    """
    optimizer, rate = make_optimizer(config), rate_schedule(config)

    def train_step(
        state: State, rows: Tree, *, axis_name: str | None = None
    ) -> tuple[State, dict[str, jax.Array], jax.Array]:
        def objective(params: Params, part: Tree) -> tuple[jax.Array, dict[str, jax.Array]]:
            values = losses(params, state.frozen, part, state.step)
            return values["loss"].mean(), values

        def gradient(carried: None, part: Tree) -> tuple[Params, None, dict[str, jax.Array]]:
            gradients, values = jax.grad(objective, has_aux=True)(state.params, part)
            return gradients, carried, values

        gradients, _, values = in_parts(gradient, config.accumulate, state.params, None, rows)
        gradients, means = mean_over((gradients, jax.tree.map(jnp.mean, values)), axis_name)
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params, step = optax.apply_updates(state.params, updates), state.step + 1
        ema = update_ema(state.ema, params, step, config.ema)
        updated = state.replace(step=step, params=params, opt_state=opt_state, ema=ema)
        norm = global_norm(gradients)
        after, finite = unless_not_finite(updated, state, means["loss"], norm)
        learning_rate = jnp.asarray(rate(state.step), jnp.float32)
        return after, {**means, "grad_norm": norm, "learning_rate": learning_rate, "finite": finite}, values["loss"]

    return train_step


def counted_batches(rows: Tree, largest: int) -> list[tuple[Tree, np.ndarray]]:
    """This process's share of arrays (N, ...), in batches of one size, and which of their rows (B,) count.

    The last batch is filled up with rows that count 0, all others count 1.
    """
    count, devices = len(jax.tree.leaves(rows)[0]), parallel.device_count()
    size = min(largest, -(-count // devices) * devices)
    padding = -count % size
    rows = jax.tree.map(lambda array: np.concatenate([array, np.repeat(array[-1:], padding, axis=0)]), rows)
    counts = np.float32(np.arange(count + padding) < count)
    mine = slice(parallel.process_index(), None, parallel.process_count())
    starts = range(0, count + padding, size)
    return [
        jax.tree.map(lambda array, start=start: array[start : start + size][mine], (rows, counts)) for start in starts
    ]


class FixedLosses:
    """Losses of a fixed set of samples with fixed random numbers: comparable between steps, runs and machines.

    All processes make the same calls.

    Args:
        losses: of the training.
        rows: arrays (N, ...) of all samples.
        largest: batch.
    """

    def __init__(self, config: Any, losses: Losses, rows: Tree, largest: int) -> None:
        def sums(trees: tuple[Params, Params | None], asked: tuple[Tree, jax.Array]) -> dict[str, jax.Array]:
            rows, counts = asked
            return jax.tree.map(lambda values: jnp.sum(values * counts), losses(*trees, rows, jnp.int32(0)))

        self._sums = parallel.map_sums(sums, config.devices.mapping)
        self._count, self._batches = len(jax.tree.leaves(rows)[0]), counted_batches(rows, largest)

    def __call__(self, params: Params, frozen: Params | None) -> dict[str, float]:
        """Mean losses of placed parameters, by name."""
        totals = [self._sums((params, frozen), batch) for batch in self._batches]
        return {name: sum(float(total[name]) for total in totals) / self._count for name in totals[0]}


class OneNetworkTask:
    """What every `loop.Task` of a `State` shares. `validation` and `report` are as of `NetworkTask`."""

    def __init__(self, validation: Callable[[Params, Params | None], dict[str, float]] | None, report: Report) -> None:
        self._validation, self._report = validation, report

    def trees(self, state: State) -> dict[str, Tree]:
        trees = {"params": state.params, "optimizer": state.opt_state, "ema": state.ema, "frozen": state.frozen}
        return {name: tree for name, tree in trees.items() if tree is not None}

    def from_trees(self, step: int, trees: Mapping[str, Tree]) -> State:
        return State(np.int32(step), trees["params"], trees["optimizer"], trees.get("ema"), trees.get("frozen"))

    def validate(self, state: State, step: int, logs: Logs) -> float | None:
        """Logs the losses of the parameters and of their average; returns the one that sampling would use."""
        if self._validation is None:
            return None
        candidates = {"validation": state.params, "validation/ema": state.ema}
        losses = {
            name: self._validation(params, state.frozen) for name, params in candidates.items() if params is not None
        }
        logs.numbers(step, {f"{name}/{part}": value for name, parts in losses.items() for part, value in parts.items()})
        best = "validation/ema" if "validation/ema" in losses else "validation"
        loss = losses[best]["loss"]
        self._report(f"Step {step}: {best}/loss {loss:.4f}")
        return loss if math.isfinite(loss) else None


class NetworkTask(OneNetworkTask):
    """A `loop.Task`.

    Args:
        config: of the run.
        batches: of `Rows`.
        losses: what is made small.
        first: the parameters before the first step. frozen: those of networks that are not trained.
        validation: of held-out samples; None: there are none.
    """

    def __init__(
        self,
        config: Any,
        batches: TaskBatches,
        losses: Losses,
        first: Callable[[], Params],
        frozen: Params | None,
        validation: FixedLosses | None,
        report: Report,
    ) -> None:
        super().__init__(validation, report)
        self.config, self.batches = config, batches
        self._first, self._frozen = first, frozen
        self._step = parallel.map_step(make_train_step(config, losses), config.devices.mapping)

    def initial_state(self) -> State:
        return initial_state(self.config, self._first(), self._frozen)

    def step(self, state: State, batch: Rows) -> tuple[State, dict[str, jax.Array], jax.Array]:
        return self._step(state, batch.rows)
