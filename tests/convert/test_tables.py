"""The rule tables cover the published files: each key by one rule or listed as unused, each leaf from one key."""

import json

import pytest

from benchmarks.published_layout import random_state_dict
from configs import PUBLISHED, SMALL
from convert.rules import flatten
from convert.tables import TABLES
from kdtalker_jax.parts import JUDGES, NETWORKS, variable_shapes

EACH_NETWORK = pytest.mark.parametrize("name", TABLES)


def check(name: str, shapes: dict[str, tuple[int, ...]], config) -> None:
    table = TABLES[name]
    leaves = flatten(variable_shapes(name, config))
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
    assert set(TABLES) == set(NETWORKS | JUDGES)


@EACH_NETWORK
def test_the_published_files_are_covered(parity, name):
    manifest = json.loads((parity / "manifest.json").read_text())
    file = manifest[TABLES[name].file.rsplit("/")[-1] + TABLES[name].suffix]
    groups = file["groups"].items() if "groups" in file else [("", file["tensors"])]
    shapes = {f"{group}.{key}".lstrip("."): tuple(shape) for group, keys in groups for key, shape, _ in keys}
    check(name, shapes, PUBLISHED)


@pytest.mark.parametrize("name", NETWORKS)
def test_other_sizes_are_covered(name):
    check(name, {key: tensor.shape for key, tensor in random_state_dict(name, SMALL).items()}, SMALL)
