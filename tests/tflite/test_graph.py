"""TensorFlow Lite files are read as data: a damaged or hostile one gets one sentence, whatever its bytes are."""

import struct
import time

import numpy as np
import pytest

from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.tflite import graph
from kdtalker_jax.tflite.graph import parse, read_graph
from tests.tflite.writer import ADD, CONVOLUTION, MAX_POOL, NONE, SAME, Network, every_kind


def test_a_network_is_what_was_written():
    read = parse(every_kind())
    assert [operation.kind for operation in read.operations] == [
        *("convolution", "prelu", "depthwise convolution", "add", "dequantize", "convolution", "depthwise convolution"),
        *("max pool", "pad", "add", "depthwise convolution", "convolution", "reshape"),
    ]
    assert read.tensors[read.inputs[0]].shape == (1, 21, 18, 3)
    assert [read.tensors[number].shape for number in read.outputs] == [(1, 6), (1, 4, 5, 32)]
    assert read.operations[6].options == {
        "padding": "SAME", "strides": (3, 2), "activation": "none", "dilation": (1, 1)
    }  # fmt: skip
    assert read.operations[7].options["window"] == (3, 2)
    assert read.operations[10].options["dilation"] == (2, 2)
    kernel = read.tensors[read.operations[0].inputs[1]].value
    np.testing.assert_array_equal(kernel, np.random.RandomState(0).normal(size=(8, 3, 3, 3)).astype(np.float32) / 4)


def one_operation(code=ADD, inputs=(0, 0), shape=(1, 4, 4, 1), options=(NONE,)):
    net = Network(1, 4, 4, 1)
    return net.write(net.add(code, inputs, shape, *options))


def constant(value):
    net = Network(1, 4, 4, 1)
    return net.write(net.add(ADD, [0, net.constant(value)], (1, 4, 4, 1), NONE))


UNUSABLE = {
    "text": (b"a network, or so it says", "does not begin"),
    "a beginning": (b"\x10\0\0\0TFL3", "ends too early"),
    "an operation that is not known": (one_operation(code=99), "operation 99"),
    "an array that is not there": (one_operation(inputs=(0, 7)), "not there"),
    "an array of no size": (one_operation(shape=(1, 0, 4, 1)), r"shape \(1, 0, 4, 1\)"),
    "an array of 16 TB": (one_operation(shape=(1, 1 << 20, 1 << 20, 4)), "an array of shape"),
    "no stride": (one_operation(MAX_POOL, (0,), options=(SAME, 0, 1, 2, 2, NONE)), "strides"),
    "an activation that is not known": (one_operation(options=(4,)), "an option 4"),
    "values that are not finite": (constant(np.float32([np.nan])), "not finite"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_files_say_why(tmp_path, kind):
    content, why = UNUSABLE[kind]
    path = tmp_path / "network.tflite"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"network\.tflite is damaged or no .*{why}.*\)\.$"):
        read_graph(path)


def test_missing_and_huge_files(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="does not exist"):
        read_graph(tmp_path / "network.tflite")
    (tmp_path / "network.tflite").write_bytes(every_kind())
    monkeypatch.setattr(graph, "LARGEST_FILE", 1000)
    with pytest.raises(CheckpointError, match="more than"):
        read_graph(tmp_path / "network.tflite")


def test_no_damage_does_more_than_raise():
    """Cut short anywhere, and with bytes, offsets and lengths of all kinds in all places."""
    content, refused = every_kind(), 0
    rng, started = np.random.default_rng(0), time.process_time()
    damaged = [content[:end] for end in rng.integers(0, len(content), 100)]
    for place in rng.integers(0, len(content) - 4, 200):
        for other in (b"\xff", b"\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", struct.pack("<I", place)):
            damaged.append(content[:place] + other + content[place + len(other) :])
    for one in damaged:
        try:
            parse(one)
        except ValueError:
            refused += 1
    assert refused > 100
    assert time.process_time() - started < 30  # no small file takes long


def test_too_many_operations(monkeypatch):
    monkeypatch.setattr(graph, "MOST", 40)
    parse(every_kind())
    net = Network(1, 4, 4, 1)
    for _ in range(40):
        last = net.add(ADD, [0, 0], (1, 4, 4, 1), NONE)
    with pytest.raises(ValueError, match="a list of 41, where 40 are many"):
        parse(net.write(last))


def test_arrays_cannot_share_their_bytes_over_and_over():
    """Files are small and what is made of them is too."""
    net = Network(1, 4, 4, 1)
    value = np.ones((1, 64, 64, 1), np.float32)
    net.constant(value)
    assert len(parse(net.write(0)).constants) == 1
    for _ in range(20):
        net.constant(value)
    with pytest.raises(ValueError, match="the same bytes serve many arrays"):
        parse(net.write(0))


def test_options_have_defaults():
    """A file leaves them out: here dilations, which are 1 and not 0."""
    net = Network(1, 4, 4, 1)
    kernel = net.constant(np.ones((1, 3, 3, 1), np.float32))
    read = parse(net.write(net.add(CONVOLUTION, [0, kernel], (1, 4, 4, 1), SAME, 1, 1)))
    assert read.operations[0].options == {
        "padding": "SAME", "strides": (1, 1), "activation": "none", "dilation": (1, 1)
    }  # fmt: skip
