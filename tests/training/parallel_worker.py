"""One process of a training on some devices, for tests/test_parallel.py: writes the parameters it ends with.

python -m tests.training.parallel_worker OUT.npz [COORDINATOR PROCESSES PROCESS]
"""

import sys
from dataclasses import replace

import jax
import numpy as np
import optax

from configs import PUBLISHED_STATISTICS
from kdtalker_jax import parallel
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state, make_train_step
from kdtalker_jax.motion_models.kdtalker.training.validation import Validation
from kdtalker_jax.training.optimizer import make_optimizer
from tests.training.synthetic import TINY, make_clips

CONFIG = replace(TINY, batch_size=8, audio_noise=1.0)
OPTIMIZERS = {"sgd": optax.sgd(0.02), "adamw": make_optimizer(CONFIG)}


def main(out: str, coordinator: str | None = None, processes: str = "1", process: str = "0") -> None:
    if coordinator:
        parallel.initialise(coordinator, int(processes), int(process))
    clips = UsableClips(make_clips(), CONFIG.denoiser.window, CONFIG.input)
    results = {"devices": parallel.device_count(), "processes": parallel.process_count()}
    for name, optimizer in OPTIMIZERS.items():
        state = initial_state(CONFIG)
        state = parallel.replicate(state.replace(opt_state=optimizer.init(state.params)))
        step = parallel.map_step(make_train_step(CONFIG, PUBLISHED_STATISTICS, optimizer))
        batches = Batches(clips, CONFIG, process=parallel.process_index(), processes=parallel.process_count())
        for _ in range(5):
            state, metrics, _ = step(state, next(batches).windows)
        results |= {f"{name}/metrics/{key}": np.asarray(value) for key, value in metrics.items()}
        params = parallel.to_host(state.params)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            results[f"{name}/params/{jax.tree_util.keystr(path)}"] = leaf
    validation = Validation(CONFIG, PUBLISHED_STATISTICS, clips)(state.params)
    results |= {f"validation/{key}": value for key, value in validation.items()}
    asked = parallel.anywhere(parallel.process_index() == parallel.process_count() - 1)
    results["someone asked"], results["nobody asked"] = asked(), parallel.anywhere(False)()
    if parallel.is_main():
        np.savez(out, **results)
    parallel.wait_for_all("written")


if __name__ == "__main__":
    main(*sys.argv[1:])
