"""Tell what is installed here and what is missing."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kdtalker_jax.cli import Command, result
from kdtalker_jax.errors import KDTalkerError
from kdtalker_jax.neighbours import NEIGHBOURS, clash

if TYPE_CHECKING:
    from kdtalker_jax.tflite.user_files import UserFile

EPILOG = """
\b
Examples:
  kdtalker doctor
  kdtalker doctor --json
"""
ROOT = Path(__file__).resolve().parents[1]
BROUGHT = ("jaxlib", "hf-xet")  # by packages that are asked for, of versions of their own
SETTINGS = re.compile(r"(JAX|XLA|TF_CPP|KDTALKER|HF|CUDA)_\w+|XDG_CACHE_HOME|PYTHONPATH")
SECRET = re.compile("TOKEN|KEY|SECRET|PASSWORD")
ENVIRONMENT = dict(os.environ)  # before JAX adds to it


@click.command(cls=Command, epilog=EPILOG)
def main() -> None:
    """Tell what is installed here and what is missing, as a bug report wants it.

    What is missing comes last, each with the command that adds it. Nothing is changed and nothing is sent.
    """
    found: dict[str, Any] = {}
    missing: list[str] = []
    for name, look in LOOKS.items():
        try:
            found[name] = look(missing)
        except Exception as error:  # whatever is broken here is what people want to know
            found[name] = f"fails: {type(error).__name__}: {error}".splitlines()[0]
            missing.append(f"{name}: {found[name]}")
    lines = [f"{name:12} {_text(value)}" for name, value in found.items()]
    lines += [f"missing      {sentence}" for sentence in missing] or ["missing      nothing that everybody needs"]
    result(_without_home("\n".join(lines)), **_without_home({**found, "missing": missing}))


def _program(missing: list[str]) -> str:
    try:
        version = metadata.version("kdtalker_jax")
    except metadata.PackageNotFoundError:
        version = "a clone"
    if sentence := clash():
        missing.append(sentence)
    owners = metadata.packages_distributions()
    for name in NEIGHBOURS:
        others = {owner for owner in owners.get(name, ()) if owner.replace("-", "_") != "kdtalker_jax"}
        if others:
            missing.append(f"The package {name} is also one of {', '.join(others)}: use separate environments.")
    return f"{version} in {ROOT}"


def _python(missing: list[str]) -> str:
    return f"{platform.python_version()} in {sys.prefix}, {platform.platform()}, {os.cpu_count()} processors"


def _packages(missing: list[str]) -> dict[str, str]:
    versions = {}
    for name in (*_requirements(), *BROUGHT):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name not in BROUGHT:
                missing.append(f"{name}: pip install {name}")
    return versions


def _requirements() -> list[str]:
    """The packages that this one asks for; where it is a clone that was not installed, by its own file."""
    try:
        asked = metadata.requires("kdtalker_jax") or []
    except metadata.PackageNotFoundError:
        asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return [re.match(r"[\w.-]+", line)[0] for line in asked if "extra ==" not in line]


def _devices(missing: list[str]) -> str:
    from kdtalker_jax.backend import on_cpu
    from kdtalker_jax.parallel import check_platform, describe

    check_platform()
    if on_cpu() and shutil.which("nvidia-smi"):
        missing.append('JAX does not use the GPU that is here: pip install "kdtalker_jax[gpu]"')
    return describe()


def _ffmpeg(missing: list[str]) -> str:
    from kdtalker_jax.media.ffmpeg import executable

    path = executable()
    told = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=60).stdout
    return f"{told.split(' Copyright')[0]} in {path}"


def _faces(missing: list[str]) -> dict[str, str]:
    from kdtalker_jax.compositing.segmentation import SEGMENTATION
    from kdtalker_jax.faces.detector import find_predictor
    from kdtalker_jax.faces.mesh import MESH
    from kdtalker_jax.metrics.emotion import JUDGE

    if importlib.util.find_spec("dlib") is None:
        missing.append("dlib: pip install dlib-bin")
    found = {}
    try:
        found["68 landmarks"] = f"in {find_predictor()}"
    except KDTalkerError as error:
        missing.append(str(error).replace('`crop="none"`', "--crop none"))
        found["68 landmarks"] = "not here, but for models that carry them"
    found["face mesh"] = _optional(MESH, missing)
    found["segmentation"] = _optional(SEGMENTATION, missing)
    found["emotions"] = _optional(JUDGE, missing)
    return found


def _optional(wanted: "UserFile", missing: list[str]) -> str:
    """What not everybody needs: only a file that is named has to be there, and a network."""
    from kdtalker_jax.tflite.graph import read_graph

    try:
        if not wanted.is_there():
            return f"not installed: {wanted.command}"
        read_graph(wanted.find())
    except KDTalkerError as error:
        missing.append(str(error))
        return "none that can be used"
    return f"in {wanted.find()}"


def _extras(missing: list[str]) -> dict[str, str]:
    """What not everybody needs."""
    names = {
        "apache_beam": "beam",
        "torch": "torch",
        "espeakng_loader": "speech",
        "matplotlib": "benchmarks",
        "pytest": "test",
    }
    installed = {name: importlib.util.find_spec(name) is not None for name in names}
    return {
        extra: "installed" if installed[name] else f'not installed: pip install "kdtalker_jax[{extra}]"'
        for name, extra in names.items()
    }


def _cache(missing: list[str]) -> str:
    from kdtalker_jax.compilation import keep_compiled

    folder = keep_compiled()
    if folder is None:
        missing.append("No folder for compiled programs can be written: set JAX_COMPILATION_CACHE_DIR to one.")
        return "none"
    return _content(folder)


def _downloads(missing: list[str]) -> str:
    """What models were made of, in huggingface_hub's cache."""
    from huggingface_hub import constants

    return _content(Path(constants.HF_HUB_CACHE))


def _content(folder: Path) -> str:
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return f"{len(files)} files, {sum(files) / 1e6:.0f} MB in {folder}"


def _models(missing: list[str]) -> dict[str, str]:
    from kdtalker_jax.checkpoints import load_checkpoint
    from kdtalker_jax.hub.listing import entries, with_remedy

    models = {}
    for model in entries():
        if model.directory is None:
            continue
        try:
            lacking = load_checkpoint(model.directory).lacking
        except KDTalkerError as error:
            models[model.name] = "damaged"
            missing.append(with_remedy(model.name, error))
            continue
        models[model.name] = f"{model.directory}" + (f", lacks {', '.join(lacking)}" if lacking else "")
    return models


def _settings(missing: list[str]) -> dict[str, str]:
    """Of the environment, what changes how programs here run."""
    names = [name for name in sorted(ENVIRONMENT) if SETTINGS.fullmatch(name)]
    return {name: "(set)" if SECRET.search(name) else ENVIRONMENT[name] for name in names}


LOOKS: dict[str, Callable[[list[str]], Any]] = {
    "kdtalker_jax": _program,
    "Python": _python,
    "packages": _packages,
    "devices": _devices,
    "ffmpeg": _ffmpeg,
    "faces": _faces,
    "cache": _cache,
    "downloads": _downloads,
    "models": _models,
    "extras": _extras,
    "environment": _settings,
}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items()) or "-"
    return str(value)


def _without_home(found: Any) -> Any:
    """Reports are shown to others: whose home it is they need not know. Of a text, or of all that lie in lists."""
    if isinstance(found, dict):
        return {name: _without_home(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_without_home(value) for value in found]
    if isinstance(found, Path):
        found = str(found)
    home = str(Path.home())
    return found.replace(home, "~") if isinstance(found, str) and len(home) > 1 else found


if __name__ == "__main__":
    main()
