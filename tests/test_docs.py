"""What the documentation names is there."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FILE = re.compile(r"`((?:[\w.]+/)*[\w.]+\.(?:py|md))(?::[^`]*)?`")
COMMAND = re.compile(r"python -m ((?:pipelines|convert|benchmarks)[\w.]*)")
IMPORT = re.compile(r"^from (kdtalker_jax[\w.]*) import ([\w, ]+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([\w./]*)(#[\w-]+)?\)")


def anchors(document: Path) -> Iterator[str]:
    """Of its headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE):
        yield "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_files_commands_and_names_are_there(document):
    text = document.read_text(encoding="utf-8")
    gone = [
        name
        for name in FILE.findall(text)
        if not any((folder / name).exists() for folder in (ROOT, ROOT / "kdtalker_jax", ROOT / "docs"))
        and not any(ROOT.glob(f"kdtalker_jax/**/{name}"))
        and not (ROOT / "tests/systems/toy" / name).exists()
    ]
    gone += [
        command
        for command in set(COMMAND.findall(text))
        if not (ROOT / f"{command.replace('.', '/')}.py").exists()
        and not (ROOT / command.replace(".", "/") / "__main__.py").exists()
    ]
    for module, names in IMPORT.findall(text):
        found = importlib.import_module(module)
        gone += [f"{module}.{name}" for name in names.split(", ") if not hasattr(found, name)]
    for place, anchor in LINK.findall(text):
        target = document.parent / place if place else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            gone.append(f"{place}{anchor}")
    assert not gone
