"""Speed of the published system in PyTorch: `python -m benchmarks.torch_baseline --dtype float16 --compile`."""

import time
from collections.abc import Callable
from typing import Any

import click
import torch

from benchmarks.torch_baseline import (
    Networks,
    audio_features,
    ddim,
    keypoint_info,
    load_published,
    motion_tokens,
    random_networks,
    render,
    to_uint8,
    tune,
)
from configs import MODELS, ModelConfig

DTYPES = {name: getattr(torch, name) for name in ("float32", "bfloat16", "float16")}


def seconds(function: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Median wall time of a call; the first call, which compiles and warms up, does not count."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[repeats // 2]


@torch.inference_mode()
def measure(
    networks: Networks,
    config: ModelConfig,
    device: torch.device,
    dtype: torch.dtype,
    batch: int,
    steps: int,
    repeats: int,
) -> dict[str, float]:
    """Seconds per stage: a portrait, the audio features and the motion of one window, a batch of frames (to uint8)."""
    size, audio, window = config.appearance.image_size, config.audio_encoder, config.denoiser.window
    image = torch.rand(1, 3, size, size, device=device, dtype=dtype)
    mel = torch.rand(window, audio.mel_bands, audio.mel_columns, device=device, dtype=dtype)
    noise = torch.randn(1, window, config.denoiser.motion_size, device=device)

    feature, info = networks.appearance(image), keypoint_info(networks.motion_extractor, image)
    features = audio_features(networks.audio_encoder, mel)[None]
    tokens = motion_tokens(info, config.statistics)
    volumes, x_s = feature.repeat(batch, 1, 1, 1, 1), info["x_s"].repeat(batch, 1, 1)
    x_d = x_s + 0.05
    stages = {
        "portrait": lambda: (networks.appearance(image), keypoint_info(networks.motion_extractor, image)),
        "audio features, one window": lambda: audio_features(networks.audio_encoder, mel),
        f"motion, one window, {steps} steps": lambda: ddim(networks.denoiser, noise, *tokens, features, steps),
        f"frames, {batch} at once": lambda: to_uint8(
            render(networks.warping, networks.generator, volumes, x_s, x_d)
        ).cpu(),
    }
    return {name: seconds(stage, device, repeats) for name, stage in stages.items()}


@click.command(context_settings={"show_default": True})
@click.option(
    "--source", type=click.Path(exists=True, file_okay=False), help="Folder of published files; else any values."
)
@click.option("--model", type=click.Choice(list(MODELS)), default="published", help="Sizes of the networks.")
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu")
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", help="Type the networks compute in.")
@click.option("--compile", "compiled", is_flag=True, help="torch.compile every network.")
@click.option("--channels-last", is_flag=True, help="Memory format of convolutions, meant for GPUs in half precision.")
@click.option("--tf32", is_flag=True, help="Let float32 products on a GPU round their factors to TF32.")
@click.option("--batch", type=click.IntRange(1), default=1, help="Frames rendered at once.")
@click.option("--steps", type=click.IntRange(1, 1000), default=50, help="DDIM steps.")
@click.option("--repeats", type=click.IntRange(1), default=5, help="Timed calls per stage, of which the median counts.")
def main(
    source: str | None, model: str, device: str, dtype: str, compiled: bool, channels_last: bool, tf32: bool,
    batch: int, steps: int, repeats: int,
) -> None:  # fmt: skip
    """Measure each stage of the published system, from a portrait to frames."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    config, place = MODELS[model], (torch.device(device), DTYPES[dtype])
    networks = load_published(source, *place, config) if source else random_networks(config, *place)
    tune(networks, channels_last, compiled)
    for stage, duration in measure(networks, config, *place, batch, steps, repeats).items():
        click.echo(f"{stage:32} {1000 * duration:10.1f} ms")


if __name__ == "__main__":
    main()
