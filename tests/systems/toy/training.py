"""A training of the toy's motion model, on windows that it invents: by the loop of all trainings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from configs.training import CheckpointConfig, DevicesConfig
from kdtalker_jax import parallel
from kdtalker_jax.checkpoints import load_checkpoint, load_item, write_model
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.batches import NumberedBatches
from kdtalker_jax.training.kinds import Kind
from kdtalker_jax.training.loop import Outcome, open_run, run_task
from kdtalker_jax.training.optimizer import chain
from kdtalker_jax.training.tail import mean_over, unless_not_finite
from tests.systems.toy.model import CONFIG
from tests.systems.toy.networks import MOVER

_DEVICES = DevicesConfig()
_CHECKPOINTS = CheckpointConfig(every=5, keep_every=0)


@dataclass(frozen=True)
class ToyValidation:
    every: int = 5


@dataclass(frozen=True)
class ToyConfig:
    """One run."""

    name: str = "toy"
    seed: int = 0
    steps: int = 10
    batch_size: int = 4
    log_every: int = 1
    devices: DevicesConfig = _DEVICES
    validation: ToyValidation = ToyValidation()
    checkpoints: CheckpointConfig = _CHECKPOINTS


CONFIGS = {"toy": ToyConfig()}


class ToyBatch(NamedTuple):
    given: np.ndarray  # (B, inputs)
    wanted: np.ndarray  # (B, 2)
    sources: list[str]


class ToyState(flax.struct.PyTreeNode):
    step: jax.Array
    params: Any
    opt_state: Any


class ToyTask:
    """A `loop.Task`: the sum of what is heard is the motion."""

    def __init__(self, config: ToyConfig, workdir: Path) -> None:
        self.config = config
        open_run(workdir, KIND.name, config, None, 1)
        self.batches = NumberedBatches(self._batch, config.steps, threads=1, prefetch=1)
        self._optimizer = chain(optax.adam(1e-2))
        self._step = parallel.map_step(self._train_step, config.devices.mapping)

    def _batch(self, number: int) -> ToyBatch:
        given = np.random.default_rng(number).standard_normal((self.config.batch_size, CONFIG.mover.inputs))
        wanted = np.float32(given[:, -2:])
        return ToyBatch(np.float32(given), wanted, [f"window {i}" for i in range(self.config.batch_size)])

    def initial_state(self) -> ToyState:
        params = MOVER.initialise(CONFIG, random_key(self.config.seed))["params"]
        return ToyState(jnp.int32(0), params, self._optimizer.init(params))

    def trees(self, state: ToyState) -> dict[str, Any]:
        return {"params": state.params, "optimizer": state.opt_state}

    def from_trees(self, step: int, trees: dict[str, Any]) -> ToyState:
        return ToyState(np.int32(step), trees["params"], trees["optimizer"])

    def step(self, state: ToyState, batch: ToyBatch) -> tuple:
        return self._step(state, (batch.given, batch.wanted))

    def _train_step(self, state: ToyState, batch: tuple, *, axis_name: str | None = None) -> tuple:
        given, wanted = batch
        network = MOVER.build(CONFIG)

        def objective(params: Any) -> tuple[jax.Array, jax.Array]:
            losses = jnp.square(network.apply({"params": params}, given) - wanted).mean(axis=-1)
            return losses.mean(), losses

        gradients, losses = jax.grad(objective, has_aux=True)(state.params)
        gradients, loss = mean_over((gradients, losses.mean()), axis_name)
        updates, opt_state = self._optimizer.update(gradients, state.opt_state)
        updated = ToyState(state.step + 1, optax.apply_updates(state.params, updates), opt_state)
        norm = optax.tree.norm(gradients)
        state, finite = unless_not_finite(updated, state, loss, norm)
        return state, {"loss": loss, "grad_norm": norm, "finite": finite}, losses

    def validate(self, state: ToyState, step: int, logs: Any) -> float | None:
        return None


def train_toy(
    config: ToyConfig, data: Path | None, workdir: Path, *, init: str | None = None, report: Any, progress: bool
) -> Outcome:
    return run_task(lambda: ToyTask(config, workdir), workdir, report, progress)


def export_toy(run: Path, base: Path, out: Path, *, which: Any, raw: bool, overwrite: bool) -> str:
    _, params, step = load_item(run, ("params",), which)
    others = load_checkpoint(base)
    write_model(out, others.config, {"mover": {"params": params}}, others, overwrite=overwrite)
    return f"{out}: toy_mover after {step} steps"


KIND = Kind(
    "toy_mover",
    ToyConfig,
    recipes="tests.systems.toy.training:CONFIGS",
    train="tests.systems.toy.training:train_toy",
    export="tests.systems.toy.training:export_toy",
)
