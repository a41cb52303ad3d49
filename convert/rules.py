"""What a rule table is made of: a published key, the leaf that it becomes, and how its axes change.

In both, `{i}` stands for a number and `{i:0|1|s}` for one of the alternatives; `*` in an unused key is a wildcard.
'module.', which data-parallel training puts into keys or not, is ignored when keys are compared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([^}]*))?\}")


class Transform(Enum):
    """From PyTorch's axes to those here: (leading axes of size 1 to drop, order of the others or None to keep it)."""

    IDENTITY = (0, None)
    LINEAR = (0, (1, 0))  # (O, I) -> (I, O)
    CONV1D = (0, (2, 1, 0))  # (O, I, K) -> (K, I, O)
    CONV2D = (0, (2, 3, 1, 0))  # (O, I, KH, KW) -> (KH, KW, I, O)
    CONV3D = (0, (2, 3, 4, 1, 0))  # (O, I, KD, KH, KW) -> (KD, KH, KW, I, O)
    TOKENS = (2, None)  # (1, 1, C) -> (C,)
    PICTURE = (3, None)  # (1, 1, 1, C) -> (C,)

    def apply(self, tensor: np.ndarray) -> np.ndarray:
        """PyTorch's layout -> channels last."""
        ones, order = self.value
        tensor = tensor.reshape(tensor.shape[ones:])
        return tensor.transpose(order) if order else tensor

    def undo(self, array: np.ndarray) -> np.ndarray:
        """Channels last -> PyTorch's layout."""
        ones, order = self.value
        array = array.transpose(np.argsort(order)) if order else array
        return array.reshape((1,) * ones + array.shape)

    def torch_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in PyTorch's layout of an array of this shape."""
        return self.undo(np.broadcast_to(np.float32(0), shape)).shape


@dataclass(frozen=True)
class Rule:
    """`key` as published becomes the leaf `path`, which begins with its collection."""

    key: str
    path: str
    transform: Transform = Transform.IDENTITY

    def target(self, key: str) -> str | None:
        """The leaf that a key without 'module.' becomes, if the rule is about it."""
        return _translate(self._key_pattern, key, self.path)

    def published_key(self, path: str) -> str | None:
        """The inverse of `target`, 'module.' included."""
        return _translate(self._path_pattern, path, self.key)

    @cached_property
    def _key_pattern(self) -> re.Pattern:
        return _compile(without_module(self.key))

    @cached_property
    def _path_pattern(self) -> re.Pattern:
        return _compile(self.path)


@dataclass(frozen=True)
class Table:
    """Everything that is known about one published file. `file` is its path in the download, without the suffix."""

    file: str
    rules: tuple[Rule, ...]
    unused: tuple[str, ...] = ()
    suffix: str = ".pth"  # of the published file

    def matches(self, key: str) -> list[tuple[str, Rule]]:
        """Leaf and rule of every rule that is about the key; there has to be exactly one."""
        key = without_module(key)
        return [(path, rule) for rule in self.rules if (path := rule.target(key)) is not None]

    def is_unused(self, key: str) -> str | None:
        """The entry of `unused` that lists the key."""
        key = without_module(key)
        return next((pattern for pattern in self.unused if _compile(pattern).fullmatch(key)), None)

    def published(self, path: str) -> tuple[str, Rule]:
        """The published key of a leaf, and its rule."""
        ((key, rule),) = [(key, rule) for rule in self.rules if (key := rule.published_key(path)) is not None]
        return key, rule


def without_module(key: str) -> str:
    return re.sub(r"(^|\.)(module\.)+", r"\1", key)


def as_wildcard(template: str) -> str:
    """A template as people write it: 'layers.{i}.norm' -> 'layers.*.norm'."""
    return _PLACEHOLDER.sub("*", template)


def flatten(tree: Mapping, prefix: str = "") -> dict[str, object]:
    """Leaves by path: {'params': {'fc': {'bias': x}}} -> {'params/fc/bias': x}."""
    leaves = {}
    for name, child in tree.items():
        leaves |= flatten(child, f"{prefix}{name}/") if isinstance(child, Mapping) else {prefix + name: child}
    return leaves


def unflatten(leaves: Mapping[str, object]) -> dict:
    """The inverse of `flatten`."""
    tree: dict = {}
    for path, leaf in leaves.items():
        *scopes, name = path.split("/")
        scope = tree
        for step in scopes:
            scope = scope.setdefault(step, {})
        scope[name] = leaf
    return tree


def _compile(template: str) -> re.Pattern:
    pattern = ""
    for text, name, choices in _pieces(template):
        pattern += re.escape(text).replace(r"\*", ".*")
        if name:
            pattern += f"(?P<{name}>{choices or '[0-9]+'})"
    return re.compile(pattern)


def _pieces(template: str) -> list[tuple[str, str | None, str | None]]:
    parts = _PLACEHOLDER.split(template)
    return list(zip(parts[::3], [*parts[1::3], None], [*parts[2::3], None], strict=True))


def _translate(pattern: re.Pattern, text: str, template: str) -> str | None:
    match = pattern.fullmatch(text)
    return match and _PLACEHOLDER.sub(lambda placeholder: match[placeholder[1]], template)
