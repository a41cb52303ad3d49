"""A download in the published layout, at the small sizes, in the containers that the published files have."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.published_layout import FILES, file_content, random_state_dict
from configs import SMALL
from convert.network import to_published
from kdtalker_jax.metrics.syncnet import SYNCNET
from kdtalker_jax.random_parts import random_variables
from tests.convert.torch_writer import instance, legacy_file, write, zip_file

LEGACY = ("audio_encoder",)


@pytest.fixture(scope="session")
def small_states() -> dict[str, dict[str, np.ndarray]]:
    """The published state dict of each network, by the network's name."""
    states = {name: random_state_dict(name, SMALL) for name in FILES}
    states["syncnet"] = to_published(SYNCNET, random_variables("syncnet", SMALL))
    states["audio_encoder"]["module.output_block.1.bias"] = np.zeros(3, np.float32)  # the rest of Wav2Lip
    return states


@pytest.fixture
def download(tmp_path, small_states) -> Path:
    """A folder as the published download unpacks. SyncNet is published elsewhere."""
    return write_download(tmp_path / "download", small_states)


def write_download(folder: Path, states: dict[str, dict[str, np.ndarray]]) -> Path:
    for name in FILES:
        state = states[name]
        content = file_content(name, state)
        if name == "denoiser":
            content["cfg"] = instance("omegaconf.dictconfig", "DictConfig", {"lr": 2e-6})
        write(folder / FILES[name], (legacy_file if name in LEGACY else zip_file)(content))
    return folder
