"""Whether the device computes what was recorded, or else what a CPU computes; and what bfloat16 changes in frames."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.device.pieces import Report, Settings
from benchmarks.precision import psnr
from benchmarks.random_params import random_params
from configs import MODELS
from convert.official import convert
from kdtalker_jax import demo
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.systems import find_system

PARTS = find_system("kdtalker").parts
NETWORKS = find_system("kdtalker").required
SHOWN = 4  # frames


def measure(settings: Settings, report: Report) -> None:
    """Rows are the largest differences in float32, in standard deviations of what is expected; then decibels."""
    with jax.default_matmul_precision("highest"):
        if settings.recorded:
            against_recorded(settings.recorded, report)
        else:
            against_cpu(settings, report)
    exact, low = (_model_that_shows(settings, dtype) for dtype in ("float32", "bfloat16"))
    source = exact.prepare(demo.PORTRAITS[0], crop="none")
    vectors = np.repeat(source.motion.to_vector(), SHOWN, axis=0)  # (T, 70)
    vectors += np.random.default_rng(0).normal(0, 0.02, vectors.shape).astype(np.float32)
    motion = exact.drive(source, Motion.from_vector(vectors))
    with jax.default_matmul_precision("highest"):
        expected = next(exact.render(source, motion, batch_size=SHOWN))
    frames = next(low.render(source, motion, batch_size=SHOWN))
    report("bfloat16, dB of float32", psnr(frames, expected))


def _model_that_shows(settings: Settings, dtype: str) -> TalkingPortrait:
    """The trained one of the package: random weights say little of what bfloat16 does to pictures."""
    if not settings.tiny:
        return TalkingPortrait.load(demo.MODEL, dtype=dtype)
    config = MODELS[settings.model]
    return TalkingPortrait(config, random_params(config), dtype=dtype)


def against_cpu(settings: Settings, report: Report) -> None:
    """Every network with random weights and inputs."""
    config = MODELS[settings.model]
    params, here, cpu = random_params(config), jax.local_devices()[0], jax.local_devices(backend="cpu")[0]
    for name in NETWORKS:
        arguments, keywords = PARTS[name].inputs(config)
        random = np.random.default_rng(0)
        arguments, keywords = jax.tree.map(
            lambda leaf, random=random: (0.3 * random.standard_normal(np.shape(leaf))).astype(np.asarray(leaf).dtype),
            (arguments, keywords),
        )
        apply = jax.jit(partial(_apply, PARTS[name].build(config)))
        found, expected = (
            jax.device_get(apply(*jax.device_put((params[name], arguments, keywords), device)))
            for device in (here, cpu)
        )
        pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
        report(f"{name}, of a CPU's", max(difference(a, b) for a, b in pairs))


def _apply(network: Any, params: Any, arguments: tuple, keywords: dict) -> Any:
    return network.apply(params, *arguments, **keywords)


def against_recorded(folder: Path, report: Report) -> None:
    """The networks at the published sizes with the weights that the recorded numbers are of."""
    with np.load(folder / "expected_seed0.npz") as file:
        recorded = dict(file)
    with tempfile.TemporaryDirectory() as scratch:
        published, converted = Path(scratch) / "published", Path(scratch) / "converted"
        script = [sys.executable, folder / "make_checkpoints.py", "--out", published, "--format", "pth"]
        subprocess.run(script, check=True)
        convert(published, converted, NETWORKS, "published")
        model = TalkingPortrait.load(converted, dtype="float32")

    def apply(name: str, *arguments: Any, method: str | None = None, **keywords: Any) -> Any:
        run = jax.jit(partial(PARTS[name].build(model.config).apply, method=method))
        return jax.device_get(run(model.params[name], *arguments, **keywords))

    def compare(row: str, found: np.ndarray) -> None:
        report(f"{row}, of the recorded", difference(found, recorded[row]))

    heads = apply("motion_extractor", recorded["crop/input_256"][None].astype(np.float32) / 255)
    for head in ("pitch", "yaw", "roll", "t", "exp", "kp"):
        compare(f"motion_extractor/{head}", heads[head])
    arrays, _ = model.renderer.describe(model.params, recorded["crop/input_256"][None])
    compare("appearance/feature_strided", np.moveaxis(np.asarray(arrays.volume)[0], -1, 0)[::4, ::4, ::8, ::8])
    keypoints = {"source": arrays.keypoints, "driving": recorded["render/x_d"]}
    warp = apply("warping", arrays.volume, arrays.compressed, method="warp", **keypoints)
    compare("render/deformation", warp.deformation[0, ::4, ::8, ::8])
    compare("render/warped", np.moveaxis(warp.features[0], -1, 0)[::16, ::8, ::8])
    image = apply("generator", warp.features)[0]
    compare("render/image_strided", np.moveaxis(image, -1, 0)[:, ::4, ::4])
    audio = apply("audio_encoder", recorded["audio/mel_windows"])
    report("audio/features, of the recorded", difference(audio, recorded["audio/features"][::5]))
    compare("denoiser/eps", apply("denoiser", *(recorded[f"denoiser/{name}"] for name in ("x", "t", "context"))))


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest, in standard deviations; of single numbers in their size."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    scale = expected.std() if expected.size > 1 else np.abs(expected).max()
    return float(np.abs(found - expected).max() / scale)
