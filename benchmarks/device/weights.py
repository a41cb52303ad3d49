"""The random weights of the published layout, made once for all pieces, on all cores."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from benchmarks.published_layout import FILES, random_state_dict
from configs import MODELS


def keep(model: str) -> None:
    """In the folder that KDTALKER_RANDOM_WEIGHTS names. By new processes: JAX and CUDA do not survive a fork."""
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_keep, FILES, [model] * len(FILES)))


def _keep(network: str, model: str) -> None:
    random_state_dict(network, MODELS[model])
