"""Trains a small audio encoder for three steps on all devices: python -m tests.recipes.audio_worker OUT.npz"""

import sys
from dataclasses import replace

import jax
import numpy as np

from configs.audio import SMALL_AUDIO
from kdtalker_jax import parallel
from kdtalker_jax.recipes.audio import AudioBatches, initial_state, make_audio_step, speak

CONFIG = replace(SMALL_AUDIO, batch_size=8, frames=25)
STEPS = 3
MAPPINGS = ("pmap", "jit")


def main(out: str) -> None:
    spoken = [speak(CONFIG, number) for number in range(2)]
    results = {"devices": parallel.device_count()}
    for mapping in MAPPINGS:
        batches = AudioBatches(spoken, CONFIG)
        state = parallel.place(initial_state(CONFIG), mapping)
        step = parallel.map_step(make_audio_step(CONFIG), mapping)
        for number in range(STEPS):
            state, metrics, losses = step(state, next(batches).heard)
            results |= {f"{mapping}/{number}/{name}": np.asarray(value) for name, value in metrics.items()}
            results[f"{mapping}/{number}/losses"] = np.ravel(losses)
        for path, leaf in jax.tree_util.tree_leaves_with_path(parallel.to_host(state.weights.statistics)):
            results[f"{mapping}/statistics/{jax.tree_util.keystr(path)}"] = leaf
    np.savez(out, **results)


if __name__ == "__main__":
    main(sys.argv[1])
