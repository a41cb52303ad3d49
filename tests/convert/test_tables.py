"""The rule tables cover the published files: each key by one rule or listed as unused, each leaf from one key."""

import json

import pytest

from benchmarks.published_layout import random_state_dict
from configs import PUBLISHED, SMALL
from convert.rules import Table, flatten
from convert.tables import table_of
from tests.networks import PARTS, REQUIRED

EACH_NETWORK = pytest.mark.parametrize("name", PARTS)


def check(name: str, shapes: dict[str, tuple[int, ...]], config) -> None:
    table = table_of(PARTS[name])
    leaves = flatten(PARTS[name].shapes(config))
    reached = {}
    for key, shape in shapes.items():
        matches = table.matches(key)
        assert len(matches) + bool(table.is_unused(key)) == 1, key
        for leaf, rule in matches:
            assert rule.transform.torch_shape(leaves[leaf].shape) == shape, key
            assert table.published(leaf) == (key, rule)
            assert reached.setdefault(leaf, key) == key
    assert set(reached) == set(leaves)


def test_there_is_a_table_for_every_network():
    assert all(isinstance(table_of(part), Table) for part in PARTS.values())


@EACH_NETWORK
def test_the_published_files_are_covered(parity, name):
    manifest = json.loads((parity / "manifest.json").read_text())
    file = manifest[table_of(PARTS[name]).file.rsplit("/")[-1] + table_of(PARTS[name]).suffix]
    groups = file["groups"].items() if "groups" in file else [("", file["tensors"])]
    shapes = {f"{group}.{key}".lstrip("."): tuple(shape) for group, keys in groups for key, shape, _ in keys}
    check(name, shapes, PUBLISHED)


@pytest.mark.parametrize("name", REQUIRED)
def test_other_sizes_are_covered(name):
    check(name, {key: tensor.shape for key, tensor in random_state_dict(name, SMALL).items()}, SMALL)
