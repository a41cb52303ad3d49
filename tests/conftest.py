"""Fixtures for all tests.

Recorded numbers and real media lie outside the repository; tests that need them skip by name.
"""

import gc
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from configs import SMALL
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.random_parts import random_variables
from tests.networks import REQUIRED

# Nearly all that tests wait for is compilation, and most programs are run once, on little: they are not made fast, and
# not by the fusion emitters, which take twice the time for that (a flag that later lines of JAX refuse). Processes that
# tests start inherit it.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
jax.config.update("jax_disable_most_optimizations", os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] in ("1", "true"))
_FLAGS = ["--xla_cpu_parallel_codegen_split_count=1", os.environ.get("XLA_FLAGS", "")]
if jax.__version_info__ < (0, 11):
    _FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ["XLA_FLAGS"] = " ".join(_FLAGS)

# Many tests build the same small model anew: each program is compiled once within a session, by all workers of
# pytest-xdist together; and once for all sessions where the environment names a folder for that.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _COMPILED = tempfile.TemporaryDirectory(prefix="compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _COMPILED.name  # also of the processes that tests start
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

_MODELS = tempfile.TemporaryDirectory(prefix="models-")  # whatever this user has fetched is none of the tests'
os.environ["KDTALKER_CACHE"] = _MODELS.name

# Nothing of ours leans on implicit promotion, which a program around it may have forbidden, and which hides mistakes.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# After a module. Linux gives a process 65,530 maps, and two processes of tests share the memory of small machines.
MOST_MAPS, MOST_MEMORY = 30_000, 6 << 30

SHARED = Path(os.environ.get("KDTALKER_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="module", autouse=True)
def forget_compiled() -> Iterator[None]:
    """Drops all programs when there are many: they hold memory and maps of it, without which a process dies."""
    yield
    if memory_maps() > MOST_MAPS or resident_memory() > MOST_MEMORY:
        jax.clear_caches()
        gc.collect()


def memory_maps() -> int:
    """That this process holds; more than anyone may have where the system does not tell."""
    maps = Path("/proc/self/maps")
    return len(maps.read_bytes().splitlines()) if maps.exists() else MOST_MAPS + 1


def resident_memory() -> int:
    """Bytes of this process; 0 where the system does not tell."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 0


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the folder {name}/ beside the repository (or KDTALKER_SHARED)")
    return folder


@pytest.fixture(scope="session")
def parity() -> Path:
    """Recorded behaviour of the published networks."""
    return _folder("parity")


@pytest.fixture(scope="session")
def media() -> Path:
    """Real portraits, recordings and videos."""
    return _folder("media")


@pytest.fixture(scope="session")
def small_variables() -> dict:
    """Variables of all networks at the small sizes, as trained: norms not folded."""
    return {name: random_variables(name, SMALL) for name in REQUIRED}


@pytest.fixture(scope="session")
def small_model(small_variables) -> TalkingPortrait:
    """The small model, with random weights."""
    return TalkingPortrait(SMALL, {name: fold(tree) for name, tree in small_variables.items()})


@pytest.fixture(scope="session")
def small_checkpoint(small_variables, tmp_path_factory) -> Path:
    """The same model as a directory."""
    directory = tmp_path_factory.mktemp("small") / "checkpoint"
    save_checkpoint(directory, small_variables, SMALL)
    return directory
