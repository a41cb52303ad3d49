"""Compiled programs: kept from run to run, and exported for machines that are to compute and not to trace."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxlib
from jax import export

from kdtalker_jax.diffusion.samplers import DEFAULT_STEPS, make_sampler
from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.errors import CheckpointError, InputError, OutputError
from kdtalker_jax.records import from_json, read_json
from kdtalker_jax.rendering import NETWORKS_OF_FRAMES
from kdtalker_jax.stages import SourceArrays, Stages
from kdtalker_jax.unfinished import unfinished_file, unfinished_folder

PLATFORMS = ("cpu", "cuda", "tpu")
FORMAT_VERSION = 1
ABOUT, FRAMES, MOTION = "export.json", "frames.jax", "motion.jax"


def cache_directory() -> Path:
    """Where this user's compiled programs are; another one for each set of versions and each backend."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    versions = f"{_version()}-jax{jax.__version__}-jaxlib{jaxlib.__version__}-{jax.default_backend()}"
    return base / "kdtalker_jax" / versions


def keep_compiled() -> Path | None:
    """Keep what is compiled from now on in `cache_directory`, and look there before compiling.

    For command lines, before anything is compiled. A folder that was chosen with JAX_COMPILATION_CACHE_DIR stays; where
    none can be written, or an entry cannot be used, programs are compiled as without.

    Returns:
        The folder in use, or None.
    """
    if jax.config.jax_compilation_cache_dir:
        return Path(jax.config.jax_compilation_cache_dir)
    try:
        directory = cache_directory()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # programs are run: nobody else may write here
    except (OSError, RuntimeError):  # read-only, or no home at all
        return None
    if not os.access(directory, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    return directory


def _version() -> str:
    try:
        return metadata.version("kdtalker_jax")
    except metadata.PackageNotFoundError:  # run from a clone
        return "source"


@dataclass(frozen=True)
class About:
    """What an export was made for."""

    model: str
    dtype: str
    batch_size: int
    sampler: str
    steps: int
    version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Exported:
    """The frame path and the denoiser's window as programs; weights are arguments, as in `Stages`.

    frames(params, SourceArrays, driving keypoints (B, K, 3)) -> uint8 frames (B, H, W, 3), finite (B,)
    motion(params, canonical (70,), reference (70,), audio (L, 512), x_T (L, 70)) -> motion (L, 70)
    """

    about: About
    frames: Callable
    motion: Callable


def check_export(directory: Path, sampler: str | None) -> None:
    """Whether an export for this sampler can be written there; makes the folder.

    Raises:
        InputError: the sampler adds noise. OutputError: the directory cannot be written to.
    """
    if sampler is not None and make_sampler(sampler, DEFAULT_STEPS.get(sampler, 50)).noise is not None:
        raise InputError(f"The sampler {sampler} adds noise at every step and cannot be exported; use another.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(directory / ABOUT):
            pass
    except OSError as error:
        raise OutputError(f"The export cannot be written to {directory} ({error.strerror}).") from error


def write_export(directory: Path, stages: Stages, params: dict, source: SourceArrays, about: About) -> None:
    """Export both programs for CPUs, NVIDIA GPUs and TPUs. `ABOUT` comes last: with it the export is whole.

    Args:
        directory: of any state; its own files are replaced.
        stages: with the dtype of `about`.
        params: of the model, as in `Stages`.
        source: any portrait of the model, for its shapes.

    Raises:
        InputError: the sampler adds noise. OutputError: the directory cannot be written to.
    """
    check_export(directory, about.sampler)
    rule = make_sampler(about.sampler, about.steps, schedule_of(stages.config.denoiser))

    def frames(params: dict, arrays: tuple, driving: jax.Array) -> tuple[jax.Array, jax.Array]:
        return stages.render(params, SourceArrays(*arrays), driving)

    def motion(params: dict, *window: jax.Array) -> jax.Array:
        return stages.sample_window(params, rule, *window, jax.random.key(0))  # of which no use is made

    config = stages.config.denoiser
    token = jnp.zeros(config.motion_size, jnp.float32)
    audio, x_T = (jnp.zeros((config.window, size), jnp.float32) for size in (config.audio_features, config.motion_size))
    driving = jnp.zeros((about.batch_size, *source.keypoints.shape[1:]), jnp.float32)
    programs = {
        FRAMES: _export(frames, _of_frames(params), tuple(source), driving),
        MOTION: _export(motion, {"denoiser": params["denoiser"]}, token, token, audio, x_T),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ABOUT).unlink(missing_ok=True)
        for name, data in (*programs.items(), (ABOUT, json.dumps(asdict(about), indent=2).encode())):
            with unfinished_file(directory / name) as unfinished:
                unfinished.write_bytes(data)
    except OSError as error:
        raise OutputError(f"The export cannot be written to {directory} ({error.strerror}).") from error


def _of_frames(params: dict) -> dict:
    """What rendering reads, without the kernels that were transformed for one kind of device."""
    return {name: {"params": params[name]["params"]} for name in NETWORKS_OF_FRAMES}


def _export(function: Callable, *arguments: object) -> bytes:
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), arguments)
    return bytes(export.export(jax.jit(function), platforms=PLATFORMS)(*shapes).serialize())


def load_export(directory: Path) -> Exported:
    """Read what `write_export` has written, to run on this machine. A program is code: load only what you trust.

    Raises:
        CheckpointError: not an export, incomplete, damaged, or made by a JAX too far from this one.
    """
    try:
        about = from_json(About, read_json(directory / ABOUT))
        if about.version > FORMAT_VERSION:
            raise ValueError(f"format {about.version}, newer than {FORMAT_VERSION}")
        programs = {name: export.deserialize(bytearray((directory / name).read_bytes())) for name in (FRAMES, MOTION)}
    except Exception as error:  # whatever flatbuffers and the compiler raise on bytes that they did not write
        raise CheckpointError(
            f"{directory} holds no programs that this version of JAX can read; write them with "
            "python -m pipelines.compile --export."
        ) from error
    frames, motion = (jax.jit(programs[name].call) for name in (FRAMES, MOTION))

    def paint(params: dict, source: SourceArrays, driving: jax.Array) -> tuple[jax.Array, jax.Array]:
        return frames(_of_frames(params), tuple(source), driving)

    return Exported(about, paint, partial(_with_denoiser, motion))


def _with_denoiser(motion: Callable, params: dict, *window: jax.Array) -> jax.Array:
    return motion({"denoiser": params["denoiser"]}, *window)
