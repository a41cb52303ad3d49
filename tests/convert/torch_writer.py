"""Writes what `torch.save` writes, in both containers, without PyTorch. Also what no `torch.save` would ever write."""

import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from convert.torch_file import LEGACY_MAGIC, LEGACY_PROTOCOL

STORAGES = {
    np.dtype(np.float32): "FloatStorage",
    np.dtype(np.float64): "DoubleStorage",
    np.dtype(np.float16): "HalfStorage",
    np.dtype(ml_dtypes.bfloat16): "BFloat16Storage",
    np.dtype(np.int64): "LongStorage",
    np.dtype(np.int32): "IntStorage",
    np.dtype(np.uint8): "ByteStorage",
    np.dtype(np.bool_): "BoolStorage",
}


@dataclass(frozen=True)
class Raw:
    """Opcodes that are written as they are."""

    opcodes: bytes


@dataclass(frozen=True, eq=False)
class View:
    """A tensor over an array's flat values, whatever it claims about them."""

    values: np.ndarray
    offset: Any = 0
    shape: Any = ()
    strides: Any = ()
    claimed_size: Any = None
    claimed_key: Any = None
    part: tuple[str, int, int] | None = None  # (key, start, size) of a part of a storage, in files of PyTorch < 0.4


@dataclass(frozen=True, eq=False)
class Call:
    """What `__reduce__` returning (module.name, arguments) is written as."""

    module: str
    name: str
    arguments: tuple


def call(module: str, name: str, *arguments: Any) -> Call:
    return Call(module, name, arguments)


def global_(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def instance(module: str, name: str, state: Any) -> Raw:
    """An object of a class that is known by name only."""
    return Raw(global_(module, name) + b")\x81" + _encode(state, []) + b"b")


def pickled(value: Any, storages: list[np.ndarray] | None = None, legacy: bool = False) -> bytes:
    """A protocol 2 pickle; the values of tensors are appended to `storages`, each array once."""
    return b"\x80\x02" + _encode(value, [] if storages is None else storages, legacy) + b"."


def zip_file(value: Any, *, pickle: bytes | None = None, folder: str = "archive", **options: Any) -> bytes:
    """The container since PyTorch 1.6. `pickle` replaces the pickle; options go to `zipfile.ZipFile`."""
    storages: list[np.ndarray] = []
    stream = pickled(value, storages)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(f"{folder}/data.pkl", stream if pickle is None else pickle)
        archive.writestr(f"{folder}/byteorder", "little")
        for key, values in enumerate(storages):
            archive.writestr(f"{folder}/data/{key}", values.tobytes())
        archive.writestr(f"{folder}/version", "3\n")
    return file.getvalue()


def legacy_file(value: Any, *, little_endian: bool = True) -> bytes:
    """The container before PyTorch 1.6."""
    storages: list[np.ndarray] = []
    stream = pickled(value, storages, legacy=True)
    system = {"protocol_version": LEGACY_PROTOCOL, "little_endian": little_endian, "type_sizes": {"int": 4}}
    head = [pickled(LEGACY_MAGIC), pickled(LEGACY_PROTOCOL), pickled(system), stream]
    head.append(pickled([str(key) for key in range(len(storages))]))
    return b"".join(head) + b"".join(struct.pack("<q", values.size) + values.tobytes() for values in storages)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _encode(value: Any, storages: list[np.ndarray], legacy: bool = False) -> bytes:
    def encode(item: Any) -> bytes:
        return _encode(item, storages, legacy)

    match value:
        case Raw():
            return value.opcodes
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            if -(2**31) <= value < 2**31:
                return b"J" + struct.pack("<i", value)
            size = value.bit_length() // 8 + 1
            return b"\x8a" + struct.pack("<B", size) + value.to_bytes(size, "little", signed=True)
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case tuple():
            return b"(" + b"".join(map(encode, value)) + b"t"
        case list():
            return b"](" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"}(" + b"".join(encode(key) + encode(item) for key, item in value.items()) + b"u"
        case Call():
            return global_(value.module, value.name) + encode(value.arguments) + b"R"
        case View():
            return encode(_rebuild(value, storages, legacy))
        case np.ndarray():
            flat = np.array(value, order="C")
            strides = tuple(stride // flat.itemsize for stride in flat.strides)
            return encode(View(flat, 0, flat.shape, strides))
    raise TypeError(type(value))


def _rebuild(view: View, storages: list[np.ndarray], legacy: bool) -> Call:
    keys = [i for i, values in enumerate(storages) if values is view.values]
    if not keys:
        keys = [len(storages)]
        storages.append(view.values)
    key = str(keys[0]) if view.claimed_key is None else view.claimed_key
    size = view.values.size if view.claimed_size is None else view.claimed_size
    kind = Raw(global_("torch", STORAGES[view.values.dtype]))
    identity = ("storage", kind, key, "cpu", size, *((view.part,) if legacy else ()))
    storage = Raw(_encode(identity, []) + b"Q")
    hooks = call("collections", "OrderedDict")
    return call("torch._utils", "_rebuild_tensor_v2", storage, view.offset, view.shape, view.strides, False, hooks)
