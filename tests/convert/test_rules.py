"""The language of the rule tables translates both ways, and only moves axes."""

import numpy as np
import pytest

from convert.rules import Rule, Table, Transform, as_wildcard, flatten, unflatten, without_module

SHAPES = {
    Transform.IDENTITY: [(3,), (32, 12)],
    Transform.LINEAR: [(5, 3)],
    Transform.CONV1D: [(5, 3, 2)],
    Transform.CONV2D: [(5, 3, 1, 2), (5, 1, 7, 7)],
    Transform.CONV3D: [(5, 3, 1, 2, 4)],
    Transform.TOKENS: [(1, 1, 6)],
    Transform.PICTURE: [(1, 1, 1, 6)],
}


@pytest.mark.parametrize(("transform", "shape"), [(t, shape) for t, shapes in SHAPES.items() for shape in shapes])
def test_transforms_can_be_undone(transform, shape):
    tensor = np.arange(np.prod(shape)).reshape(shape)
    array = transform.apply(tensor)
    assert np.array_equal(transform.undo(array), tensor)
    assert transform.torch_shape(array.shape) == shape


def test_transforms_put_the_axes_where_flax_has_them():
    assert Transform.IDENTITY.apply(np.zeros((32, 12))).shape == (32, 12)
    assert Transform.LINEAR.apply(np.zeros((5, 3))).shape == (3, 5)
    assert Transform.CONV1D.apply(np.zeros((5, 3, 7))).shape == (7, 3, 5)
    assert Transform.CONV2D.apply(np.zeros((5, 3, 7, 8))).shape == (7, 8, 3, 5)
    assert Transform.CONV3D.apply(np.zeros((5, 3, 6, 7, 8))).shape == (6, 7, 8, 3, 5)
    assert Transform.TOKENS.apply(np.zeros((1, 1, 4))).shape == (4,)
    assert Transform.PICTURE.apply(np.zeros((1, 1, 1, 4))).shape == (4,)


def test_a_rule_translates_both_ways():
    rule = Rule("blocks.{i}.module.conv_{n:0|s}.weight", "params/block_{i}/conv_{n:0|s}/kernel")
    assert rule.target("blocks.12.conv_s.weight") == "params/block_12/conv_s/kernel"
    assert rule.published_key("params/block_12/conv_s/kernel") == "blocks.12.module.conv_s.weight"
    for other in (
        "blocks.x.conv_s.weight",
        "blocks.1.conv_1.weight",
        "ablocks.1.conv_s.weight",
        "blocks.1.conv_sxweight",
    ):
        assert rule.target(other) is None


def test_module_is_ignored_wherever_training_put_it():
    table = Table("file", (Rule("module.net.{i}.weight", "params/layer_{i}/kernel"),), unused=("face.*",))
    for key in ("module.net.0.weight", "net.0.weight", "net.module.0.weight", "module.module.net.0.weight"):
        assert [path for path, _ in table.matches(key)] == ["params/layer_0/kernel"]
    assert table.is_unused("module.face.conv.bias") == "face.*"
    assert table.is_unused("net.0.weight") is None
    assert without_module("submodule.x") == "submodule.x"


def test_trees_and_paths():
    tree = {"params": {"a": {"kernel": 1}, "b": 2}, "batch_stats": {"a": {"mean": 3}}}
    assert flatten(tree) == {"params/a/kernel": 1, "params/b": 2, "batch_stats/a/mean": 3}
    assert unflatten(flatten(tree)) == tree
    assert as_wildcard("layers.{i}.{j:0|1}.norm") == "layers.*.*.norm"
