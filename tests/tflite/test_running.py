"""Operations compute what the reference interpreter does, recorded in *_kinds.npz (ai-edge-litert 2.3.0)."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.tflite.graph import parse
from kdtalker_jax.tflite.running import run
from tests.tflite.writer import (
    ADD,
    CONVOLUTION,
    CUSTOM,
    NONE,
    PAD,
    RESHAPE,
    SAME,
    SOFTMAX,
    VALID,
    Network,
    every_kind,
    more_kinds,
    picture,
)


def test_every_kind_of_operation_agrees_with_the_reference():
    graph = parse(every_kind())
    flat, final = jax.jit(partial(run, graph))(graph.constants, picture(21, 18))
    recorded = np.load(Path(__file__).with_name("every_kind.npz"))
    np.testing.assert_allclose(flat, recorded["flat"], atol=1e-5)
    np.testing.assert_allclose(final, recorded["map"], atol=1e-5)
    assert np.std(recorded["flat"]) > 0.1


def test_what_segmentation_needs_agrees_with_the_reference():
    graph = parse(more_kinds())
    found = jax.jit(partial(run, graph))(graph.constants, picture(21, 18))
    recorded = np.load(Path(__file__).with_name("more_kinds.npz"))
    np.testing.assert_allclose(found[0], recorded["map"], atol=1e-5)
    np.testing.assert_allclose(found[1], recorded["mean"], atol=1e-5)
    assert np.std(recorded["map"]) > 0.1


@pytest.mark.parametrize(
    ("scale", "zero"), [(0.5, 3), ([0.5, 2.0, 0.25], [0, 0, 0]), ([0.5, 2.0, 0.25], [1, -2, 3])], ids=str
)
def test_bytes_stand_for_steps_along_an_axis(scale, zero):
    kernel = np.random.default_rng(0).integers(-128, 128, (3, 1, 1, 2))
    net = Network(1, 2, 2, 2)
    y = net.add(CONVOLUTION, [0, net.quantised(kernel, scale, zero)], (1, 2, 2, 3), SAME, 1, 1, NONE, 1, 1)
    graph = parse(net.write(y))
    x = np.random.default_rng(1).normal(size=(1, 2, 2, 2)).astype(np.float32)
    (found,) = jax.jit(partial(run, graph))(graph.constants, x)
    expected = x @ ((kernel[:, 0, 0] - np.reshape(zero, (-1, 1))) * np.reshape(scale, (-1, 1))).T
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "zero", "axis"), [([], [], 0), ([1.0, 1.0], [0, 0], 0), ([1.0] * 3, [0] * 3, 7), ([1.0] * 3, [0] * 2, 0)]
)
def test_bytes_whose_scales_do_not_fit_are_refused(scale, zero, axis):
    net = Network(1, 2, 2, 2)
    kernel = net.quantised(np.ones((3, 1, 1, 2)), scale, zero, axis)
    y = net.add(CONVOLUTION, [0, kernel], (1, 2, 2, 3), SAME, 1, 1, NONE, 1, 1)
    with pytest.raises(ValueError, match="scale"):
        parse(net.write(y))


def test_a_softmax_adds_up_to_one():
    net = Network(1, 4)
    graph = parse(net.write(net.add(SOFTMAX, [0], (1, 4), 1.0)))
    (found,) = run(graph, graph.constants, jnp.float32([[0, 1, 2, 3]]))
    np.testing.assert_allclose(found, np.exp([[0, 1, 2, 3]]) / np.exp([0, 1, 2, 3]).sum(), rtol=1e-5)
    net = Network(1, 4)
    with pytest.raises(ValueError, match="scaled"):
        parse(net.write(net.add(SOFTMAX, [0], (1, 4), 2.0)))


def transposing(*options, kernel=(2, 2, 3, 1), bias=2):
    """A file with the custom operation, and its kernel (O, KH, KW, I) and bias."""
    kernel = np.arange(np.prod(kernel), dtype=np.float32).reshape(kernel)
    net, bias = Network(1, 4, 4, 1), np.arange(bias, dtype=np.float32)
    inputs = [0, net.constant(kernel), net.constant(bias)]
    numbers = np.array(options, "<i4").tobytes()
    return net.write(net.add(CUSTOM, inputs, (1, 8, 12, 2), *numbers)), kernel, bias


def test_a_transposed_convolution_puts_the_kernel_at_every_pixel():
    data, kernel, bias = transposing(1, 3, 2)  # padding, strides across and down
    graph = parse(data)
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    (found,) = jax.jit(partial(run, graph))(graph.constants, x)
    for row, column in np.ndindex(4, 4):
        part = found[0, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        np.testing.assert_allclose(part, x[0, row, column] * np.moveaxis(kernel[..., 0], 0, -1) + bias)


def test_other_transposed_convolutions_are_refused():
    for options in [(2, 3, 2), (1, 0, 2), (1, 3), (1, 3, 2, 1)]:
        with pytest.raises(ValueError, match=r"transposed convolution with options|a list of 16"):
            parse(transposing(*options)[0])
    graph = parse(transposing(1, 2, 2)[0])  # its parts would overlap
    with pytest.raises(ValueError, match="does not fit"):
        jax.eval_shape(partial(run, graph), graph.constants, jnp.zeros((1, 4, 4, 1)))


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
