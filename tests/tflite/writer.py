"""Small TensorFlow Lite files for tests, by the schema's numbers."""

import flatbuffers
import numpy as np

ADD, CONVOLUTION, DEPTHWISE, DEQUANTIZE, MAX_POOL, RESHAPE, PAD, PRELU = 0, 3, 4, 6, 17, 22, 34, 54
AVERAGE_POOL, LOGISTIC, MULTIPLY, ONLY_RELU, RESIZE, CUSTOM, MEAN, HARD_SWISH = 1, 14, 18, 19, 23, 32, 40, 117
SOFTMAX = 25
TRANSPOSED = b"Convolution2DTransposeBias"  # MediaPipe's name of the one custom operation
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3

# Of the options, by slot of the table: kind of the number.
_BYTES, _INTS, _FLOATS = "Int8", "Int32", "Float32"
_OPTIONS = {
    ADD: [_BYTES],
    CONVOLUTION: [_BYTES, _INTS, _INTS, _BYTES, _INTS, _INTS],  # padding, strides w h, activation, dilation w h
    DEPTHWISE: [_BYTES, _INTS, _INTS, _INTS, _BYTES, _INTS, _INTS],  # with the multiplier after the strides
    MAX_POOL: [_BYTES, _INTS, _INTS, _INTS, _INTS, _BYTES],  # padding, strides w h, window w h, activation
    MULTIPLY: [_BYTES],
    SOFTMAX: [_FLOATS],
    MEAN: [_BYTES],  # whether axes stay
    RESIZE: [_INTS, _INTS, _BYTES, _BYTES],  # two of old, whether corners meet, whether pixels' centres do
}
_OPTIONS[AVERAGE_POOL] = _OPTIONS[MAX_POOL]
# Members of the schema's union of options.
_UNION = {ADD: 11, CONVOLUTION: 1, DEPTHWISE: 2, MAX_POOL: 5, AVERAGE_POOL: 5, MULTIPLY: 21, MEAN: 27, RESIZE: 15}
_UNION[SOFTMAX] = 9
_VERSIONS = {DEPTHWISE: 2, DEQUANTIZE: 3, RESIZE: 3}  # the reference interpreter asks; others are 1
_TYPES = {"float32": 0, "float16": 1, "int32": 2, "int8": 9}


class Network:
    """A file in the making: tensors and operations are numbered as they are added."""

    def __init__(self, *shape):
        self.tensors, self.operations, self.scales = [], [], {}
        self.inputs = [self.tensor(shape)]

    def tensor(self, shape, value=None, dtype="float32"):
        self.tensors.append((tuple(shape), value, dtype))
        return len(self.tensors) - 1

    def constant(self, value):
        value = np.asarray(value)
        return self.tensor(value.shape, value, value.dtype.name)

    def quantised(self, value, scale, zero, axis=0):
        """int8 that stand for (value - zero) scale, `scale` and `zero` for each place along the axis or for all."""
        number = self.constant(np.int8(value))
        self.scales[number] = np.atleast_1d(np.float32(scale)), np.atleast_1d(np.int64(zero)), axis
        return number

    def add(self, code, inputs, shape, *options):
        """Options in the order of the schema's table. Returns the tensor that comes out."""
        output = self.tensor(shape)
        self.operations.append((code, list(inputs), [output], options))
        return output

    def write(self, *outputs):
        """The file's bytes."""
        b = flatbuffers.Builder(1024)
        buffers, written = [_table(b, [])], {}
        tensors = []
        for index, (shape, value, dtype) in enumerate(self.tensors):
            if value is not None and id(value) not in written:
                written[id(value)] = len(buffers)
                content = b.CreateNumpyVector(np.frombuffer(value.tobytes(), np.uint8))
                buffers.append(_table(b, [(0, "offset", content)]))
            number = 0 if value is None else written[id(value)]
            sizes = _ints(b, shape)
            fields = [(0, "offset", sizes), (1, "Int8", _TYPES[dtype]), (2, "Uint32", number)]
            if index in self.scales:
                scale, zero, axis = self.scales[index]
                parts = [(2, "offset", b.CreateNumpyVector(scale)), (3, "offset", b.CreateNumpyVector(zero))]
                fields.append((4, "offset", _table(b, [*parts, (6, "Int32", axis)])))
            tensors.append(_table(b, fields))
        codes = sorted({code for code, *_ in self.operations})
        operations = []
        for code, inputs, results, options in self.operations:
            fields = [
                (0, "Uint32", codes.index(code)),
                (1, "offset", _ints(b, inputs)),
                (2, "offset", _ints(b, results)),
            ]
            if code in _UNION:
                kinds = zip(range(len(options)), _OPTIONS[code], options, strict=False)
                fields += [(3, "Uint8", _UNION[code]), (4, "offset", _table(b, kinds))]
            elif code == CUSTOM:
                fields.append((5, "offset", b.CreateNumpyVector(np.frombuffer(bytes(options), np.uint8))))
            operations.append(_table(b, fields))
        lists = [_offsets(b, tensors), _ints(b, self.inputs), _ints(b, outputs), _offsets(b, operations)]
        graph = _table(b, [(slot, "offset", place) for slot, place in enumerate(lists)])
        custom = b.CreateString(TRANSPOSED) if CUSTOM in codes else None
        kinds = [
            _table(
                b,
                [(0, "Int8", min(code, 127)), (2, "Int32", _VERSIONS.get(code, 1)), (3, "Int32", code)]
                + [(1, "offset", custom)] * (code == CUSTOM),
            )
            for code in codes
        ]
        lists = [(1, _offsets(b, kinds)), (2, _offsets(b, [graph])), (4, _offsets(b, buffers))]
        model = _table(b, [(0, "Uint32", 3), *((slot, "offset", place) for slot, place in lists)])
        b.Finish(model, file_identifier=b"TFL3")
        return bytes(b.Output())


def _table(b, fields):
    fields = list(fields)
    b.StartObject(max([slot for slot, *_ in fields], default=-1) + 1)
    for slot, kind, value in fields:
        if kind == "offset":
            b.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            getattr(b, f"Prepend{kind}Slot")(slot, value, 0)
    return b.EndObject()


def _ints(b, numbers):
    return b.CreateNumpyVector(np.array(numbers, np.int32))


def _offsets(b, places):
    b.StartVector(4, len(places), 4)
    for place in reversed(places):
        b.PrependUOffsetTRelative(place)
    return b.EndVector()


def every_kind():
    """A network of all kinds of operations, with strides, sizes and windows that do not divide each other."""
    rng = np.random.RandomState(0)  # whose numbers never change

    def weights(*shape, dtype=np.float32):
        return net.constant(rng.normal(size=shape).astype(dtype) / 4)

    net = Network(1, 21, 18, 3)
    x = net.add(CONVOLUTION, [0, weights(8, 3, 3, 3), weights(8)], (1, 11, 9, 8), SAME, 2, 2, NONE, 1, 1)
    x = net.add(PRELU, [x, weights(1, 1, 8)], (1, 11, 9, 8))
    y = net.add(DEPTHWISE, [x, weights(1, 3, 5, 8), weights(8)], (1, 11, 9, 8), SAME, 1, 1, 1, RELU, 1, 1)
    x = net.add(ADD, [x, y], (1, 11, 9, 8), NONE)
    half = net.add(DEQUANTIZE, [weights(16, 1, 1, 8, dtype=np.float16)], (16, 1, 1, 8))
    y = net.add(CONVOLUTION, [x, half, weights(16)], (1, 11, 9, 16), VALID, 1, 1, RELU6, 1, 1)
    y = net.add(DEPTHWISE, [y, weights(1, 3, 3, 32), weights(32)], (1, 4, 5, 32), SAME, 2, 3, 2, NONE, 1, 1)
    x = net.add(MAX_POOL, [x], (1, 4, 5, 8), SAME, 2, 3, 2, 3, NONE)
    x = net.add(PAD, [x, net.constant(np.int32([[0, 0], [0, 0], [0, 0], [8, 16]]))], (1, 4, 5, 32))
    x = net.add(ADD, [x, y], (1, 4, 5, 32), RELU)
    y = net.add(DEPTHWISE, [x, weights(1, 2, 2, 32), weights(32)], (1, 2, 3, 32), VALID, 1, 1, 1, NONE, 2, 2)
    points = net.add(CONVOLUTION, [y, weights(6, 2, 3, 32), weights(6)], (1, 1, 1, 6), VALID, 1, 1, NONE, 1, 1)
    flat = net.add(RESHAPE, [points, net.constant(np.int32([1, 6]))], (1, 6))
    return net.write(flat, x)


def more_kinds():
    """The same of what segmentation needs beside: squeeze and excitation, and a way back to the picture's size."""
    rng = np.random.RandomState(1)

    def weights(*shape):
        return net.constant(rng.normal(size=shape).astype(np.float32))

    net = Network(1, 21, 18, 3)
    x = net.add(CONVOLUTION, [0, weights(8, 3, 3, 3), weights(8)], (1, 11, 9, 8), SAME, 2, 2, NONE, 1, 1)
    x = net.add(HARD_SWISH, [x], (1, 11, 9, 8))
    y = net.add(AVERAGE_POOL, [x], (1, 4, 5, 8), SAME, 2, 3, 3, 4, NONE)
    y = net.add(RESIZE, [y, net.constant(np.int32([11, 9]))], (1, 11, 9, 8), 0, 0, 0, 1)
    z = net.add(MEAN, [y, net.constant(np.int32([1, 2]))], (1, 1, 1, 8), 1)
    z = net.add(CONVOLUTION, [z, weights(8, 1, 1, 8), weights(8)], (1, 1, 1, 8), SAME, 1, 1, NONE, 1, 1)
    z = net.add(ONLY_RELU, [z], (1, 1, 1, 8))
    z = net.add(LOGISTIC, [z], (1, 1, 1, 8))
    x = net.add(ADD, [net.add(MULTIPLY, [x, z], (1, 11, 9, 8), NONE), y], (1, 11, 9, 8), NONE)
    mean = net.add(MEAN, [x, net.constant(np.int32([1, 2]))], (1, 8), 0)
    return net.write(x, mean)


def picture(height, width):
    """(1, H, W, 3) from 0 to 1, by a formula."""
    y, x = (np.mgrid[:height, :width] + 0.5) / [[[height]], [[width]]]
    channels = [0.5 + 0.4 * np.sin(9 * x + 2 * y * y + k) * np.cos(7 * y - 3 * x * y + 2 * k) for k in range(3)]
    return np.stack(channels, axis=-1)[None].astype(np.float32)
