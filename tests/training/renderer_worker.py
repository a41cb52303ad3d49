"""Trains a tiny renderer for three steps on all devices: python -m tests.training.renderer_worker OUT"""

import sys
from dataclasses import replace

import jax
import numpy as np

from kdtalker_jax import parallel
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.training.input import FaceClips, RendererBatches
from kdtalker_jax.renderers.liveportrait.training.reenactment import NAMES
from kdtalker_jax.renderers.liveportrait.training.step import Landmarks, initial_state, make_train_step
from tests.training.faces import TINY_RENDERER, make_face_clips, model_of

CONFIG = replace(TINY_RENDERER, first=replace(TINY_RENDERER.first, adversarial=True))


def main(out: str) -> None:
    first = {name: random_variables(name, model_of(CONFIG)) for name in NAMES}
    state = parallel.replicate(initial_state(CONFIG, first))
    step = parallel.map_step(make_train_step(CONFIG, CONFIG.first, Landmarks((0, 1), (10, 11), ((0, 1),))))
    batches = RendererBatches(FaceClips(make_face_clips(), cache_gb=0.1), CONFIG)
    results = {"devices": parallel.device_count()}
    for number in range(CONFIG.first.steps):
        state, metrics, _ = step(state, next(batches).pictures)
        results |= {f"{number}/{name}": np.asarray(value) for name, value in metrics.items()}
        if number == 0:  # with learning rate 0: what batch norms have seen is not yet a matter of rounding
            statistics = parallel.to_host(state.weights.statistics)
            for path, leaf in jax.tree_util.tree_leaves_with_path(statistics):
                results[f"statistics/{jax.tree_util.keystr(path)}"] = leaf
    np.savez(out, **results)


if __name__ == "__main__":
    main(sys.argv[1])
