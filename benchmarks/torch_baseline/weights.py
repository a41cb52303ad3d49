"""Building the networks and filling them from published files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from benchmarks.published_layout import FILES, file_content, random_state_dict
from benchmarks.torch_baseline.portrait import AppearanceExtractor, MotionExtractor
from benchmarks.torch_baseline.renderer import Retargeting, SpadeGenerator, WarpingModule
from benchmarks.torch_baseline.speech import AudioEncoder, Denoiser, RotaryEmbedding
from configs.kdtalker import PUBLISHED
from kdtalker_jax.model_config import ModelConfig


class Networks(NamedTuple):
    """One module per published file, in evaluation mode."""

    appearance: AppearanceExtractor
    motion_extractor: MotionExtractor
    warping: WarpingModule
    generator: SpadeGenerator
    retargeting: Retargeting
    audio_encoder: AudioEncoder
    denoiser: Denoiser


PREFIXES = {
    "motion_extractor": "detector.",
    "audio_encoder": "module.audio_encoder.",
    "denoiser": "point_model.model.",
}


class Inert:
    """Stands in for every class that a checkpoint names and this program does not know."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


def read_file(path: Path) -> Any:
    """The content of a .pth file in either container; nothing that it names is imported or run."""
    # KDTalker.pth carries the configuration object of a class that readers do not have.
    unknown = get_unsafe_globals_in_checkpoint(path) if zipfile.is_zipfile(path) else []
    with safe_globals([(Inert, name) for name in unknown]):
        return torch.load(path, map_location="cpu", weights_only=True)


def build(network: str, config: ModelConfig, state: Mapping[str, Any]) -> nn.Module:
    """A network from its published state dict of tensors or arrays, float32 on the CPU; raises where one key is amiss.

    network: a field of `config`; state: keys as `published_layout.random_state_dict` has them.
    """
    module = Networks.__annotations__[network](getattr(config, network)).eval().requires_grad_(False)
    prefix = PREFIXES.get(network, "")
    names = {key: key.removeprefix(prefix).replace(".module.", ".") for key in state}
    module.load_state_dict({names[key]: torch.as_tensor(value) for key, value in state.items()}, strict=True)
    if network == "generator":
        module.fold_spectral_norm()
    return module


def load_network(source_dir: str | Path, network: str, config: ModelConfig = PUBLISHED) -> nn.Module:
    """One network from a folder in the published layout, float32 on the CPU."""
    content = read_file(Path(source_dir) / FILES[network])
    if network == "denoiser":
        content = content["model"]
    elif network == "audio_encoder":  # the file holds the rest of Wav2Lip too
        content = {key: value for key, value in content["state_dict"].items() if key.startswith(PREFIXES[network])}
    elif network == "retargeting":
        content = {f"{group}.{key}": value for group, state in content.items() for key, value in state.items()}
    return build(network, config, content)


def load_published(
    source_dir: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    config: ModelConfig = PUBLISHED,
) -> Networks:
    """All networks from a folder in the published layout, ready for inference; any missing or extra tensor raises."""
    modules = (load_network(source_dir, network, config) for network in Networks._fields)
    return place(Networks(*modules), device, dtype)


def random_networks(
    config: ModelConfig, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0
) -> Networks:
    """All networks at any size with reproducible values."""
    modules = (build(network, config, random_state_dict(network, config, seed)) for network in Networks._fields)
    return place(Networks(*modules), device, dtype)


def place(networks: Networks, device: torch.device | str, dtype: torch.dtype) -> Networks:
    """Move the networks and set the type they compute in; they take their inputs in it, keypoints excepted."""
    for module in networks:
        module.to(device, dtype)
    networks.retargeting.float()  # maps keypoints to keypoints and costs nothing
    for part in networks.denoiser.modules():
        if isinstance(part, RotaryEmbedding):
            part.float()  # angles of late tokens need more digits than half precision has
    return networks


def tune(networks: Networks, channels_last: bool = False, compiled: bool = False) -> Networks:
    """Choices that change speed and nothing else. Channels last is for GPUs: on a CPU in float32 it costs time."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for name, module in networks._asdict().items():
        for parameter in module.parameters():
            if channels_last and parameter.ndim in formats:
                parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])
        if compiled and name != "retargeting":  # three tiny networks without a forward of their own
            module.compile()
    return networks


def save_published(folder: str | Path, config: ModelConfig, seed: int = 0) -> None:
    """Write reproducible networks of any size as the published files, each in its own container."""
    for network, file in FILES.items():
        state = {key: torch.as_tensor(value) for key, value in random_state_dict(network, config, seed).items()}
        path = Path(folder) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        zipped = network != "audio_encoder"  # published from a PyTorch older than 1.6
        torch.save(file_content(network, state), path, _use_new_zipfile_serialization=zipped)
