"""The top-level packages beside this one have plain names, which other people's projects have too."""

import importlib.util
from pathlib import Path

from kdtalker_jax.errors import KDTalkerError

NEIGHBOURS = ("configs", "convert", "pipelines")


def check_neighbours() -> None:
    """Raises KDTalkerError where Python finds another package under the name of one that belongs to this one."""
    if sentence := clash():
        raise KDTalkerError(sentence)


def clash() -> str | None:
    """What stands in for one of the neighbours, in a sentence; None where each is our own."""
    home = Path(__file__).resolve().parents[1]
    for name in NEIGHBOURS:
        found = _places(name)
        if not found:
            return f"The package {name} is not installed beside kdtalker_jax: install kdtalker_jax again."
        if home / name not in found:
            return (
                f"Python finds another package {name} ({found[0]}) in place of the one that belongs to kdtalker_jax: "
                f"rename it, or run where it is not on Python's path (PYTHONPATH, the folder of `python -m`)."
            )
    return None


def _places(name: str) -> list[Path]:
    """Where Python would import a package from."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a module without a specification has taken the name
        return []
    if spec is None:
        return []
    found = spec.submodule_search_locations or [spec.origin]
    return [Path(place).resolve() for place in found if place]
