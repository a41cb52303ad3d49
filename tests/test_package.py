"""What is installed: the same bytes each time it is built, and all that the commands need."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from kdtalker_jax.demo import MODELS

ROOT = Path(__file__).parents[1]


def build(source: Path, out: Path) -> dict[str, str]:
    """SHA-256 of wheel and sdist by name."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what belongs to the package, as a clone has it."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("package") / "source"
    folder.mkdir()
    for name in ("kdtalker_jax", "pipelines", "configs", "convert"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    return folder


def check_installed(wheel: Path, folder: Path) -> None:
    """What is in a wheel works where nothing of the clone is in reach: commands, and the models that come along."""
    site, empty = folder / "site", folder / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, cwd=empty)
    environment = os.environ | {"PYTHONPATH": str(site)}
    listed = [sys.executable, "-m", "kdtalker_jax", "models", "list", "--json"]
    told = subprocess.run(listed, check=True, cwd=empty, env=environment, capture_output=True, text=True).stdout
    bundled = [model["directory"] for model in json.loads(told)["models"] if model["name"].startswith("demo")]
    assert len(bundled) == len(MODELS) and all(Path(place).is_relative_to(site) for place in bundled)


def test_builds_are_the_same_to_the_byte(source, tmp_path):
    """Also where files lie elsewhere and are younger."""
    first = build(source, tmp_path / "first")
    shutil.copytree(source, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    assert build(tmp_path / "elsewhere", tmp_path / "second") == first
    assert len(first) == 2


def test_wheel_and_sdist_are_whole(source, tmp_path):
    build(source, tmp_path / "out")
    wheel, sdist = (next((tmp_path / "out").glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    files = {
        path.relative_to(source).as_posix()
        for name in ("kdtalker_jax", "pipelines", "configs", "convert")
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        scripts = next(name for name in names if name.endswith("entry_points.txt"))
        assert "kdtalker = kdtalker_jax.__main__:main" in archive.read(scripts).decode()
    assert files <= names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "kdtalker_jax",
        "pipelines",
        "configs",
        "convert",
    }
    check_installed(wheel, tmp_path)
    with tarfile.open(sdist) as archive:
        assert files <= {name.partition("/")[2] for name in archive.getnames()}
