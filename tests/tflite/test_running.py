"""Operations compute what the reference interpreter does, recorded in every_kind.npz (ai-edge-litert 2.3.0)."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.tflite.graph import parse
from kdtalker_jax.tflite.running import run
from tests.tflite.writer import ADD, CONVOLUTION, NONE, PAD, RESHAPE, SAME, VALID, Network, every_kind, picture


def test_every_kind_of_operation_agrees_with_the_reference():
    graph = parse(every_kind())
    flat, final = jax.jit(partial(run, graph))(graph.constants, picture(21, 18))
    recorded = np.load(Path(__file__).with_name("every_kind.npz"))
    np.testing.assert_allclose(flat, recorded["flat"], atol=1e-5)
    np.testing.assert_allclose(final, recorded["map"], atol=1e-5)
    assert np.std(recorded["flat"]) > 0.1


def refused(net, *outputs):
    graph = parse(net.write(*outputs))
    with pytest.raises(ValueError, match=r"operation|nothing computes") as caught:
        jax.eval_shape(partial(run, graph), graph.constants, jnp.zeros((1, 4, 4, 1)))
    return str(caught.value)


def test_networks_that_cannot_be_are_refused_before_anything_is_allocated():
    net = Network(1, 4, 4, 1)
    assert "does not fit" in refused(net, net.add(CONVOLUTION, [0], (1, 4, 4, 1), SAME, 1, 1, NONE, 1, 1))
    net = Network(1, 4, 4, 1)
    kernel = net.constant(np.ones((1, 9, 9, 1), np.float32))
    assert "operation 0" in refused(net, net.add(CONVOLUTION, [0, kernel], (1, 4, 4, 1), VALID, 1, 1, NONE, 1, 1))
    net = Network(1, 4, 4, 1)
    assert "gives (1, 4, 4, 1)" in refused(net, net.add(ADD, [0, 0], (1, 4, 4, 2), NONE))
    net = Network(1, 4, 4, 1)
    amounts = net.constant(np.int32([[0, 0], [2**30, 2**30], [2**30, 2**30], [0, 0]]))
    assert "does not fit" in refused(net, net.add(PAD, [0, amounts], (1, 4, 4, 1)))
    net = Network(1, 4, 4, 1)
    assert "does not fit" in refused(net, net.add(RESHAPE, [0], (1, 17)))
    net = Network(1, 4, 4, 1)
    assert "does not fit" in refused(net, net.add(ADD, [0, 2], (1, 4, 4, 1), NONE), net.tensor((1, 4, 4, 1)))
    net = Network(1, 4, 4, 1)
    net.add(ADD, [0, 0], (1, 4, 4, 1), NONE)
    assert "nothing computes" in refused(net, net.tensor((1, 4, 4, 1)))
