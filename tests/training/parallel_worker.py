"""One process of trainings on some devices, for tests/test_parallel.py: writes the parameters they end with.

python -m tests.training.parallel_worker OUT.npz MAPPINGS [COORDINATOR PROCESSES PROCESS]

MAPPINGS are those of `parallel`, with commas between; the names of results begin with theirs.
"""

import sys
from dataclasses import replace

import jax
import numpy as np
import optax

from configs import PUBLISHED_STATISTICS, SMALL
from configs.training import DevicesConfig
from kdtalker_jax import parallel
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.optimizer import make_optimizer
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state, make_train_step
from kdtalker_jax.motion_models.kdtalker.training.validation import Validation
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.parts import GENERATOR
from tests.training.synthetic import TINY, make_clips

# In two parts, and with so few numbers a parameter that fsdp would leave all of them whole.
CONFIG = replace(TINY, batch_size=8, accumulate=2, audio_noise=1.0)
OPTIMIZERS = {"sgd": optax.sgd(0.02), "adamw": make_optimizer(CONFIG)}
STEPS = 5
Results = dict[str, np.ndarray]


def main(out: str, mappings: str, coordinator: str | None = None, processes: str = "1", process: str = "0") -> None:
    if coordinator:
        parallel.initialise(coordinator, int(processes), int(process))
    parallel.SMALLEST_SPLIT = 1
    results = {"devices": parallel.device_count(), "processes": parallel.process_count()}
    for mapping in mappings.split(","):
        found = train_denoiser(mapping) | spread_rows(mapping)
        results |= {f"{mapping}/{name}": value for name, value in found.items()}
    asked = parallel.anywhere(parallel.process_index() == parallel.process_count() - 1)
    results["someone asked"], results["nobody asked"] = asked(), parallel.anywhere(False)()
    if parallel.is_main():
        np.savez(out, **results)
    parallel.wait_for_all("written")


def train_denoiser(mapping: parallel.Mapping) -> Results:
    """Parameters after some steps with each optimiser, the metrics of the last, and a validation."""
    config = replace(CONFIG, devices=DevicesConfig(mapping))
    clips = UsableClips(make_clips(), config.denoiser.window, config.input)
    results = {}
    for name, optimizer in OPTIMIZERS.items():
        state = initial_state(config)
        state = parallel.place(state.replace(opt_state=optimizer.init(state.params)), mapping)
        step = parallel.map_step(make_train_step(config, PUBLISHED_STATISTICS, optimizer), mapping)
        batches = Batches(clips, config, process=parallel.process_index(), processes=parallel.process_count())
        for _ in range(STEPS):
            state, metrics, losses = step(state, next(batches).windows)
        results |= {f"{name}/metrics/{key}": np.asarray(value) for key, value in metrics.items()}
        results[f"{name}/metrics/first"] = np.ravel(losses)[0]  # of this process's samples
        params = parallel.to_host(state.params)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            results[f"{name}/params/{jax.tree_util.keystr(path)}"] = leaf
    results["split"] = sum(not leaf.is_fully_replicated for leaf in jax.tree.leaves(state))
    validation = Validation(config, PUBLISHED_STATISTICS, clips)(state.params)
    return results | {f"validation/{key}": value for key, value in validation.items()}


def spread_rows(mapping: parallel.Mapping) -> Results:
    """Rows of pictures over the devices of this process, with parameters that training has placed."""
    config, random = SMALL.generator, np.random.default_rng(0)
    generator = GENERATOR.build(SMALL)
    params = parallel.place(fold(random_variables("generator", SMALL)), mapping)
    features = random.standard_normal((4, 8, 8, config.input_channels)).astype(np.float32)
    spread = parallel.map_rows(generator.apply, "pmap" if mapping == "pmap" else "jit")
    return {"rows": spread(parallel.on_own_devices(params), features)}


if __name__ == "__main__":
    main(*sys.argv[1:])
