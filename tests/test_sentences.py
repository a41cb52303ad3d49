"""Sentences of the library name its arguments: whoever calls it from Python has no options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "kdtalker_jax"
OPTION = re.compile(r"(?<![\w-])--[a-z]")
ELSEWHERE = {
    "cli.py": "is the command line",
    "data/beam.py": "hands options to Beam",
    "checkpoints/converted.py": "builds a whole command of convert.official",
    "synthetic/readers.py": "runs flite",
}


def texts(tree: ast.Module) -> Iterator[str]:
    """Strings that are no docstrings; pieces of one sentence together."""
    docstrings, within = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            docstrings.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            within.update(node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings | within:
            yield node.value


def test_the_library_knows_no_options():
    """But those of a command that a sentence gives whole, to be run."""
    found = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).as_posix() not in ELSEWHERE
        for text in texts(ast.parse(path.read_text(encoding="utf-8")))
        if OPTION.search(text) and "python -m " not in text
    ]
    assert not found


def test_options_are_seen():
    tree = ast.parse("'--in a docstring'\nraise E(f'use --crop {x}' ' or --loud')")
    assert list(texts(tree)) == ["use --crop  or --loud"]
