"""Latents as large as the noise that is mixed with them, of an autoencoder that was trained to other sizes."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET

Params = Mapping[str, Any]


def with_latents_scaled(params: Params, by: float) -> dict[str, Any]:
    """The same autoencoder, whose latents and codes are `by` times as large, and a U-Net that is told the same.

    Codes and pictures stay what they are. Where the U-Net is there too, it makes of conditions what it made of them;
    noisy latents are others for it.

    Args:
        params: of the autoencoder, and perhaps of the U-Net, by name.
    """
    scaled = dict(params)
    autoencoder = scaled[AUTOENCODER.name]
    before, after = (autoencoder[name] for name in ("quant_conv", "post_quant_conv"))
    scaled[AUTOENCODER.name] = {
        **autoencoder,
        "codebook": autoencoder["codebook"] * by,
        "quant_conv": {name: leaf * by for name, leaf in before.items()},
        "post_quant_conv": {**after, "kernel": after["kernel"] / by},
    }
    if UNET.name in scaled:
        first = scaled[UNET.name]["input_0"]
        channels = autoencoder["codebook"].shape[1]  # noisy latents come before the conditions
        factors = np.where(np.arange(first["kernel"].shape[2]) < channels, 1, 1 / by)[:, None]
        kernel = (first["kernel"] * factors).astype(np.float32)
        scaled[UNET.name] = {**scaled[UNET.name], "input_0": {**first, "kernel": kernel}}
    return scaled


def deviation(latents: np.ndarray) -> float:
    """Of latents (B, h, w, C) about the mean of their channel."""
    return float(np.sqrt(latents.var(axis=(0, 1, 2)).mean()))


def factor_to_noise(found: float) -> float:
    """What brings this deviation near 1, that of noise: a power of two, so rounded weights stay so."""
    return 2.0 ** -round(math.log2(found))
