"""Compiled programs: kept from run to run, and exported for machines that are to compute and not to trace."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np
from jax import export

from kdtalker_jax.backend import backend_name
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.motion_models.windows import rows_of
from kdtalker_jax.parts import Part
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.records import from_json, read_json
from kdtalker_jax.seeds import random_key
from kdtalker_jax.source import Source
from kdtalker_jax.systems import find_system
from kdtalker_jax.unfinished import unfinished_file, unfinished_folder

PLATFORMS = ("cpu", "cuda", "tpu")
FORMAT_VERSION = 2
ABOUT, FRAMES, MOTION = "export.json", "frames.jax", "motion.jax"

Tree = Any


def cache_directory() -> Path:
    """Where this user's compiled programs are; another one for each set of versions and each backend."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    versions = f"{_version()}-jax{jax.__version__}-jaxlib{jaxlib.__version__}-{backend_name()}"
    return base / "kdtalker_jax" / versions


SHORTEST = "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"  # what compiles faster is not kept


def keep_compiled() -> Path | None:
    """Keep what is compiled from now on in `cache_directory`, and look there before compiling.

    For command lines, before anything is compiled. A folder that was chosen with JAX_COMPILATION_CACHE_DIR stays, and
    what is worth keeping by `SHORTEST`; where none can be written, or an entry cannot be used, programs are compiled as
    without.

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
    if SHORTEST not in os.environ:
        jax.config.update(SHORTEST.lower(), 0.3)
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
    system: str
    dtype: str
    batch_size: int
    sampler: str
    steps: int
    version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Exported:
    """The frame path and the motion model's window as programs; weights are arguments, by the names of parts.

    frames(params, portrait, state, driving arrays (B, ...)) -> state, uint8 frames (B, H, W, 3), finite (B,)
    motion(params, state, features (1, L, width), noise) -> state, motion (1, L, D) in the motion model's units

    Arguments are those of `renderers.protocol.Renderer.frames` and `motion_models.protocol.MotionModel.window`, whose
    `begin`, `noise` and `in_units` go with them: a window's random key is among its noise.
    """

    about: About
    frames: Callable
    motion: Callable


def check_export(directory: Path) -> None:
    """Whether an export can be written there; makes the folder.

    Raises:
        OutputError: the directory cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(directory / ABOUT):
            pass
    except OSError as error:
        raise OutputError(f"The export cannot be written to {directory} ({error.strerror}).") from error


def write_export(directory: Path, model: TalkingPortrait, source: Source, about: About) -> None:
    """Export both programs for CPUs, NVIDIA GPUs and TPUs. `ABOUT` comes last: with it the export is whole.

    Args:
        directory: of any state; its own files are replaced.
        model: of the dtype of `about`.
        source: any portrait of the model, for its shapes.

    Raises:
        OutputError: the directory cannot be written to.
    """
    check_export(directory)
    renderer, mover = model.renderer, model.motion_model
    rule, controls = mover.rule(about.sampler, about.steps), mover.Controls()

    def frames(params: Tree, portrait: Tree, state: Tree, driving: Tree) -> tuple:
        return renderer.frames(params, portrait, state, driving)

    def motion(params: Tree, state: Tree, features: jax.Array, noise: Tree) -> tuple:
        return mover.window(params, rule, state, features, controls, noise)

    driven = model.space.driving(model.drive(source, source.motion))
    driving = jax.tree.map(lambda rows: np.repeat(rows[:1], about.batch_size, axis=0), driven)
    features, noise = np.zeros((1, rows_of(mover), mover.hears.width), np.float32), mover.noise(random_key(0)[None], 0)
    portrait = source.arrays
    programs = {
        FRAMES: _export(
            frames, untransformed(model.params, renderer.rendered), portrait, renderer.begin(portrait), driving
        ),
        MOTION: _export(motion, untransformed(model.params, mover.parts), mover.begin([source.own]), features, noise),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ABOUT).unlink(missing_ok=True)
        for name, data in (*programs.items(), (ABOUT, json.dumps(asdict(about), indent=2).encode())):
            with unfinished_file(directory / name) as unfinished:
                unfinished.write_bytes(data)
    except OSError as error:
        raise OutputError(f"The export cannot be written to {directory} ({error.strerror}).") from error


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
    renderer, _, mover = find_system(about.system).families
    run_frames, run_motion = (jax.jit(programs[name].call) for name in (FRAMES, MOTION))

    def frames(params: Tree, portrait: Tree, state: Tree, driving: Tree) -> tuple:
        used = untransformed(params, renderer.rendered)
        *after, pictures, finite = run_frames(*jax.tree.leaves((used, portrait, state, driving)))
        return jax.tree.unflatten(jax.tree.structure(state), after), pictures, finite

    def motion(params: Tree, state: Tree, features: Tree, noise: Tree) -> tuple:
        *after, window = run_motion(*jax.tree.leaves((untransformed(params, mover.parts), state, features, noise)))
        return jax.tree.unflatten(jax.tree.structure(state), after), window

    return Exported(about, frames, motion)


def untransformed(params: Tree, parts: tuple[Part, ...]) -> Tree:
    """Parameters of some parts, without the kernels that were transformed for one kind of device."""
    return {part.name: {"params": params[part.name]["params"]} for part in parts if part.name in params}


def _export(function: Callable, *arguments: Tree) -> bytes:
    """A program of the arguments' leaves to the results' leaves: another process knows nothing of their types."""
    leaves, structure = jax.tree.flatten(arguments)
    flat = jax.jit(lambda *leaves: jax.tree.leaves(function(*structure.unflatten(leaves))))
    shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
    return bytes(export.export(flat, platforms=PLATFORMS)(*shapes).serialize())
