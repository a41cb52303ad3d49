"""The rules of imports that docs/architecture.md gives, read from the source without importing it.

They keep a system a folder of its own: what one family needs no other has to install, read or change.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = ("kdtalker_jax", "pipelines", "configs", "convert", "benchmarks")
KINDS = ("motion_models", "renderers", "features")  # a folder in one of them is a family
SHARED = ("spaces", "nn", "diffusion", "edits", "media", "faces", "features", "motion_models", "renderers")
ASKS_DEVICES = {"devices", "local_devices", "device_count", "local_device_count", "default_backend", "process_index"}
MAY_ASK = {"kdtalker_jax.parallel", "kdtalker_jax.backend"}
# In a process that has JAX, Flax, NumPy and what these bring, and no other package of third parties.
ALONE = """
import importlib, importlib.abc, sys
import jax, flax.linen, numpy
brought = {name.partition(".")[0] for name in sys.modules} | {"scipy", "ml_dtypes", "opt_einsum"}  # JAX's own needs

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in brought | sys.stdlib_module_names | {"kdtalker_jax", "configs"}:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)

sys.meta_path.insert(0, Absent())
for absent in ("chex", "optax", "orbax", "cv2", "librosa", "click"):
    try:
        importlib.import_module(absent)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{absent} is there: this shows nothing")
for module in sys.argv[1:]:
    importlib.import_module(module)

from configs import SMALL
from kdtalker_jax.motion_models.kdtalker.parts import DENOISER
from kdtalker_jax.renderers.liveportrait.parts import GENERATOR, WARPING
for part in (DENOISER, WARPING, GENERATOR):
    arguments, keywords = part.inputs(SMALL)
    jax.eval_shape(lambda: part.build(SMALL).init(jax.random.key(0), *arguments, **keywords))
"""


class Import(NamedTuple):
    importer: str  # module
    imported: str  # module, or module.NAME

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    files = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def imports_in(module: str, tree: ast.Module) -> Iterator[Import]:
    """Those within functions and for type checkers alone as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import: write the whole name"
            yield from (Import(module, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(found for module, tree in trees().items() for found in imports_in(module, tree))


def within(module: str, *places: str) -> bool:
    """Whether it is one of these modules or packages, or below one."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


@cache
def families() -> tuple[str, ...]:
    """Packages, such as kdtalker_jax.renderers.liveportrait."""
    folders = (folder for kind in KINDS for folder in sorted((ROOT / "kdtalker_jax" / kind).iterdir()))
    return tuple(module_of(folder / "__init__.py") for folder in folders if (folder / "__init__.py").is_file())


def family_of(module: str) -> str | None:
    return next((family for family in families() if within(module, family)), None)


def breaches(rule) -> list[str]:
    return [str(found) for found in all_imports() if rule(found)]


def test_the_rules_see_the_package():
    """A rule about nothing holds."""
    assert len(families()) >= 3
    assert len(all_imports()) > 1000
    assert {"kdtalker_jax.portrait", "kdtalker_jax", "pipelines.sample"} <= set(trees())


def test_what_families_share_knows_no_family():
    shared = tuple(f"kdtalker_jax.{name}" for name in SHARED)
    assert not breaches(
        lambda found: (
            within(found.importer, *shared) and not family_of(found.importer) and family_of(found.imported) is not None
        )
    )


def test_families_do_not_know_each_other():
    assert not breaches(
        lambda found: family_of(found.importer) and family_of(found.imported) not in (None, family_of(found.importer))
    )


def test_all_others_reach_families_through_the_registry():
    """But recipes and benchmarks, which are about certain ones, and configs, which need their dataclasses."""

    def breaks(found: Import) -> bool:
        family = family_of(found.imported)
        if family is None or family_of(found.importer) or within(found.importer, "kdtalker_jax.recipes", "benchmarks"):
            return False
        return not (within(found.importer, "configs") and within(found.imported, f"{family}.config"))

    assert not breaches(breaks)


def test_recipes_are_at_the_top():
    """Only command lines call them."""
    assert not breaches(
        lambda found: (
            within(found.imported, "kdtalker_jax.recipes")
            and not within(found.importer, "kdtalker_jax.recipes", "pipelines", "benchmarks")
        )
    )


def test_the_library_knows_neither_converters_nor_command_lines():
    assert not breaches(
        lambda found: (
            within(found.importer, "kdtalker_jax") and within(found.imported, "convert", "pipelines", "benchmarks")
        )
    )


def test_the_drawn_world_is_for_recipes_the_demo_and_benchmarks():
    allowed = ("synthetic", "recipes", "demo")
    assert not breaches(
        lambda found: (
            within(found.imported, "kdtalker_jax.synthetic")
            and not within(found.importer, *(f"kdtalker_jax.{name}" for name in allowed))
            and not within(found.importer, "benchmarks", "pipelines.synthesize")
        )
    )


def questions_in(tree: ast.Module) -> Iterator[str]:
    """Uses of jax.devices and the like, also where they are imported by their own names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "jax":
            yield from {node.attr} & ASKS_DEVICES
        elif isinstance(node, ast.ImportFrom) and node.module == "jax":
            yield from {alias.name for alias in node.names} & ASKS_DEVICES


def test_devices_are_asked_about_in_one_place():
    found = {
        module: names
        for module, tree in trees().items()
        if not within(module, "benchmarks") and (names := set(questions_in(tree)))
    }
    assert set(found) == MAY_ASK, found


def what_renders() -> list[str]:
    """Networks and models of all families, the layers and samplers under them, and what runs them."""
    folders = [ROOT / "kdtalker_jax" / name for name in ("nn", "diffusion", "spaces")]
    files = [file for folder in folders for file in folder.glob("*.py")]
    for family in families():
        folder = ROOT.joinpath(*family.split("."))
        files += [*folder.glob("*.py"), *folder.glob("networks/*.py")]
    running = [f"kdtalker_jax.{name}" for name in ("parts", "rendering", "motion_models.windows")]
    return sorted(map(module_of, files)) + running


def test_networks_need_jax_flax_and_numpy_alone():
    """Whoever wants a network, the sampling or the rendering has not to install what reads sounds and pictures."""
    modules = what_renders()
    assert {"kdtalker_jax.renderers.liveportrait.networks.generator", "kdtalker_jax.diffusion.samplers"} <= set(modules)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, filter(None, [ROOT, *sys.path])))}
    answer = subprocess.run([sys.executable, "-c", ALONE, *modules], capture_output=True, text=True, env=environment)
    assert answer.returncode == 0, answer.stderr
