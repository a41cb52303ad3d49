"""Pickles are read as data: nothing in them is imported or run, and none makes the reader crash or hang."""

import os
import pickle
import struct
import sys
import types
from collections import OrderedDict, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdtalker_jax import pickles as pickle_reader
from kdtalker_jax.pickles import PickleReader, RefusedPickleError, Stub
from tests.convert.torch_writer import Raw, call, global_, instance, pickled

PLAIN = {
    "numbers": [0, 1, -1, 255, 256, 70_000, -(2**40), 2**70, 0.5, float("inf")],
    "text": ("", "a", "\u00e9\u4e2d", "x" * 300),
    "others": [None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "nested": {"a": {"b": [{}, [], {"c": ()}]}, 3: "three", (1, "x"): "tuple", None: 0.0},
    "sets": [{1, 2}, set(), frozenset({"a"})],
}


def read(stream: bytes) -> object:
    return PickleReader().read(stream)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_come_back_in_every_protocol(protocol):
    assert read(pickle.dumps(PLAIN, protocol)) == PLAIN


def test_objects_that_refer_to_one_another_share_what_they_shared():
    shared = [1]
    first, second = read(pickle.dumps([shared, shared]))
    assert first is second


def test_ordered_dictionaries_are_read_as_python_2_and_as_python_3_wrote_them():
    python_2 = pickled(call("collections", "OrderedDict", [["a", 1], ["b", 2]]))
    assert read(python_2) == read(pickle.dumps(OrderedDict(a=1, b=2))) == {"a": 1, "b": 2}


class Metadata:
    """Stands for a class of another package; see the fixture below."""


@pytest.fixture
def absent_class(monkeypatch):
    """A class that pickles by the name of a module that can be taken away before the pickle is read."""
    module = types.ModuleType("omegaconf_absent")
    module.Metadata = Metadata
    monkeypatch.setattr(Metadata, "__module__", module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Metadata


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_of_unknown_classes_become_stubs_beside_the_data(absent_class, monkeypatch, protocol):
    config = absent_class()
    config.flags = defaultdict(dict, {"a": {"lr": 2e-6}})
    config.kind = list[int]
    stream = pickle.dumps({"cfg": config, "epoch": 3}, protocol)
    monkeypatch.delitem(sys.modules, "omegaconf_absent")
    content = read(stream)
    assert isinstance(content["cfg"], Stub)
    assert content["epoch"] == 3


def test_a_stub_swallows_whatever_fills_it():
    stub = instance("package", "ListLike", {"a": 1}).opcodes
    filled = stub + b"(K\x01K\x02e" + b"K\x03a" + b"(X\x01\x00\x00\x00kK\x04u" + b"X\x01\x00\x00\x00kK\x04s"
    assert isinstance(read(b"\x80\x02" + filled + b"."), Stub)


DANGEROUS = [
    ("os", "system", ("touch {canary}",)),
    ("posix", "system", ("touch {canary}",)),
    ("nt", "system", ("touch {canary}",)),
    ("builtins", "eval", ("open('{canary}', 'w')",)),
    ("__builtin__", "eval", ("open('{canary}', 'w')",)),
    ("builtins", "exec", ("open('{canary}', 'w')",)),
    ("builtins", "open", ("{canary}", "w")),
    ("builtins", "getattr", ("x", "y")),
    ("builtins", "type", ("X", (), {})),
    ("io", "open", ("{canary}", "w")),
    ("subprocess", "Popen", (["touch", "{canary}"],)),
    ("commands", "getoutput", ("touch {canary}",)),
    ("sys", "modules", ()),
    ("importlib", "import_module", ("antigravity",)),
    ("runpy", "run_path", ("{canary}",)),
    ("pty", "spawn", ("touch {canary}",)),
    ("pickle", "loads", (b"x".decode(),)),
    ("functools", "partial", ("x",)),
    ("operator", "attrgetter", ("system",)),
    ("types", "FunctionType", ("x",)),
    ("pathlib", "Path.unlink", ("{canary}",)),
    ("pathlib", "os.system", ("touch {canary}",)),
    ("torch", "serialization.os.system", ("touch {canary}",)),
    ("torch.hub", "load", ("repository", "model")),
    ("numpy.testing._private.utils", "runstring", ("open('{canary}', 'w')", {})),
    ("os.path", "join", ("a", "b")),
    ("collections", "_sys.exit", ()),
    ("typing", "sys.exit", ()),
]


def _spellings(module: str, name: str, arguments: tuple) -> dict[str, bytes]:
    """The same call by every opcode that can make one."""
    values = b"".join(pickled(value)[2:-1] for value in arguments)
    short = b"".join(b"\x8c" + struct.pack("B", len(text)) + text.encode() for text in (module, name))
    return {
        "REDUCE": global_(module, name) + b"(" + values + b"tR",
        "STACK_GLOBAL": short + b"\x93(" + values + b"tR",
        "INST": b"(" + values + f"i{module}\n{name}\n".encode(),
        "OBJ": b"(" + global_(module, name) + values + b"o",
        "NEWOBJ": global_(module, name) + b"(" + values + b"t\x81",
        "NEWOBJ_EX": global_(module, name) + b"(" + values + b"t}\x92",
        "in a list, unused": b"](" + global_(module, name) + b"(" + values + b"tR0Ke",
    }


@pytest.mark.parametrize(("module", "name", "arguments"), DANGEROUS, ids=lambda value: str(value)[:30])
def test_what_runs_code_is_refused_by_name_and_not_run(tmp_path, module, name, arguments):
    canary = tmp_path / "canary"
    filled = tuple(value.format(canary=canary) if isinstance(value, str) else value for value in arguments)
    for spelling, opcodes in _spellings(module, name, filled).items():
        with pytest.raises(RefusedPickleError) as error:
            read(b"\x80\x04" + opcodes + b".")
        assert f"{module}.{name}" in str(error.value), spelling
    assert not canary.exists()


def test_a_reduce_method_is_refused_as_pickle_writes_it(tmp_path):
    class Malicious:
        def __reduce__(self) -> tuple:
            return os.system, (f"touch {tmp_path / 'canary'}",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(RefusedPickleError, match="system"):
            read(pickle.dumps({"model": {}, "cfg": Malicious()}, protocol))
    assert list(tmp_path.iterdir()) == []


def test_reading_imports_nothing():
    before = set(sys.modules)
    read(pickled([Raw(global_("antigravity_absent", "Thing")), call("wave_absent.io", "Reader", "x.wav")]))
    assert set(sys.modules) == before


DEEP = 100_000
BOMBS = {
    "a key whose hash recurses": b"}" + b")" + b"\x85" * DEEP + b"Ns",
    "a key whose hash doubles with every level": b"})" + b"2\x86" * 100 + b"Ns",
    "a set member whose hash doubles": b"\x8f()" + b"2\x86" * 100 + b"\x90",
    "the same for a frozen set": b"()" + b"2\x86" * 100 + b"\x91",
    "an integer of a megabyte": b"\x8b" + struct.pack("<i", 2**20) + b"\x01" * 2**20,
    "text longer than the file": b"\x8d" + struct.pack("<Q", 2**62) + b"x",
    "bytes longer than the file": b"\x8e" + struct.pack("<Q", 2**40) + b"x",
    "negative length": b"T" + struct.pack("<i", -1),
    "extension registry": b"\x82\x01",
    "out-of-band buffer": b"\x97",
    "memo that was never written": b"h\x05",
    "persistent id": b"Pos.system\n",
    "binary persistent id": b"NQ",
    "state of a class": global_("torch", "Tensor") + b"}b",
    "call of text": b"X\x01\x00\x00\x00x)R",
    "call of a stub": global_("a", "B") + b")R)R",
    "arguments that are no tuple": global_("a", "B") + b"]R",
    "items of a number": b"K\x01NNs",
    "append to a number": b"K\x01Na",
    "a mark as a value": b"(\x85",
    "a name of numbers": b"K\x01K\x02\x93",
    "an odd number of items": b"}(Nu",
    "a list as a key": b"}]Ns",
    "empty stack": b"",
    "unknown opcode": b"\xff",
}


@pytest.mark.parametrize("opcodes", BOMBS.values(), ids=BOMBS)
def test_bombs_and_nonsense_are_refused(opcodes):
    with pytest.raises(RefusedPickleError):
        read(b"\x80\x04" + opcodes + b".")


def test_a_memo_index_costs_no_memory():
    """The standard unpickler allocates a table up to the index: 64 GB for this stream."""
    assert read(b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b".") is None


def test_deep_nesting_is_no_recursion():
    nested = read(b"\x80\x02]" + b"]" * DEEP + b"a" * DEEP + b".")
    assert len(nested) == 1


def test_shared_containers_are_not_expanded():
    """A billion laughs: 10^100 leaves when walked, 100 lists in memory."""
    assert len(read(b"\x80\x02]q\x00" + b"](h\x00h\x00eq\x00" * 100 + b".")) == 2


def test_endless_work_is_refused(monkeypatch):
    monkeypatch.setattr(pickle_reader, "MAX_OPCODES", 1000)
    with pytest.raises(RefusedPickleError, match="far more objects"):
        read(b"\x80\x02" + b"N0" * 600 + b"N.")
    pairs = pickled([["a", 1]] * 100)[2:-1] + b"q\x000"
    again = global_("collections", "OrderedDict") + b"h\x00\x85R0"
    with pytest.raises(RefusedPickleError, match="far more objects"):
        read(b"\x80\x02" + pairs + again * 11 + b"N.")


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(ANY_VALUE, st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_any_plain_value_comes_back(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@settings(max_examples=200, deadline=None)
@given(st.data(), ANY_VALUE, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_a_mutated_pickle_is_read_or_refused(data, value, protocol):
    """Nothing else is ever raised."""
    stream = bytearray(pickle.dumps({"key": [value, PLAIN]}, protocol))
    for _ in range(data.draw(st.integers(1, 8))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(stream[: data.draw(st.integers(0, len(stream)))]))


OPCODES = [opcode.code.encode("latin-1") for opcode in pickle_reader.pickletools.opcodes]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(OPCODES) | st.binary(max_size=4), max_size=60))
def test_any_opcodes_are_read_or_refused(opcodes):
    _read_or_refuse(b"".join(opcodes) + b".")


def _read_or_refuse(stream: bytes) -> None:
    try:
        read(stream)
    except RefusedPickleError as error:
        assert str(error)
