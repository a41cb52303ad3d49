"""Reads a pickle as data: an interpreter of its opcodes that builds plain containers and imports and runs nothing.

The standard unpickler imports whatever a stream names and calls it, which is how a downloaded checkpoint can run code.
Here a name stays a name (`Global`). Calling one yields what a builder given by the caller makes of it, or an inert
`Stub` that swallows whatever is done to it. A pickle that names what only serves to run code is refused, so that its
owner hears of it, but safety does not hang on that list: no path leads from a name to the thing it names.
"""

import pickletools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import BinaryIO, NamedTuple

# Far beyond what a checkpoint needs (a tensor takes about 30), and read in seconds. Also bounds copies of containers,
# which a stream could ask for again and again.
MAX_OPCODES = 2_000_000
MAX_INTEGER_BITS = 1024
MAX_KEY_LENGTH = 1024


class RefusedPickleError(Exception):
    """The stream is damaged, or asks for something that data has no use for. The message completes 'the file ...'."""


def damaged(reason: str) -> RefusedPickleError:
    return RefusedPickleError(f"is damaged (its pickle holds {reason}): download it again")


class Global(NamedTuple):
    """The name of a class or function. Never the thing itself."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Built:
    """What a builder may make where the stream completes it afterwards: `build` gets the state, whatever it is."""

    def build(self, state: object) -> None:
        raise NotImplementedError


class Stub:
    """Stands for an object of a class that is not known here. Holds nothing, does nothing."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<stub of {self.name}>"


# The standard library runs code in too many ways to list, so the few names of it that are mere data are listed instead.
STANDARD_LIBRARY = sys.stdlib_module_names | {"__builtin__", "copy_reg", "cPickle", "commands", "exceptions", "urllib2"}
PLAIN_DATA = frozenset(
    f"{module}.{name}"
    for modules, names in (
        (
            "builtins __builtin__",
            "bool bytearray bytes complex dict float frozenset int list long object range set slice str tuple unicode",
        ),
        ("collections", "Counter OrderedDict defaultdict deque"),
        ("pathlib pathlib._local", "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath"),
        ("datetime", "date datetime time timedelta timezone"),
        ("types argparse", "GenericAlias Namespace SimpleNamespace"),
        ("uuid decimal fractions", "Decimal Fraction UUID"),
        # Helpers through which pickle spells bytes, objects of protocol 0 and 1, and `list[int]`.
        ("_codecs", "encode"),
        ("copyreg copy_reg", "_reconstructor"),
        ("operator _operator", "getitem"),
        ("numpy", "dtype ndarray"),
        ("numpy.core.multiarray numpy._core.multiarray", "_reconstruct scalar"),
        ("torch", "device"),
    )
    for module in modules.split()
    for name in names.split()
)

_MARK = object()


def check_global(target: Global) -> None:
    """Refuse names of the standard library that are more than data, however they are spelt."""
    steps = {target.module.split(".")[0]}
    if "." in target.name:  # an attribute path such as (torch, serialization.os.system)
        steps |= set(target.name.split("."))
    elif target.module in ("typing", "collections.abc"):
        return
    if steps & STANDARD_LIBRARY and str(target) not in PLAIN_DATA:
        raise _dangerous(target)


def _dangerous(target: Global) -> RefusedPickleError:
    return RefusedPickleError(
        f"asks for {str(target)!r:.100}, which reading data never needs: "
        "it may have been made to run code; nothing of it was run; get the file from a source that you trust"
    )


def checked_key(value: object) -> object:
    """A dictionary key or set member that is cheap to hash and compare, whoever made it.

    Hashing nested tuples recurses in C (a crash) and, through shared members, takes exponential time.
    """
    if isinstance(value, tuple) and len(value) <= 16 and not isinstance(value, Global):
        if not any(isinstance(item, tuple) for item in value):
            return tuple(checked_key(item) for item in value)
    elif isinstance(value, (str, bytes)):
        if len(value) <= MAX_KEY_LENGTH:
            return value
    elif isinstance(value, int):
        if value.bit_length() <= 64:
            return value
    elif value is None or isinstance(value, (float, Stub, Global)):
        return value
    raise RefusedPickleError("uses something other than text and numbers as a dictionary key")


class PickleReader:
    """One reading of one stream.

    Args:
        builders: what to make of a call, by dotted name; gets the positional arguments.
        load_persistent: what to make of a persistent id (how PyTorch refers to storages).
        most: opcodes that the stream may have.
    """

    def __init__(
        self,
        builders: Mapping[str, Callable[..., object]] | None = None,
        load_persistent: Callable[[object], object] | None = None,
        most: int | None = None,
    ) -> None:
        self.most = MAX_OPCODES if most is None else most
        self.builders = {"collections.OrderedDict": self._ordered_dict} | dict(builders or {})
        for name in ("builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"):
            self.builders[name] = self._set
        self.load_persistent = load_persistent
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.copied = 0

    def read(self, stream: BinaryIO | bytes) -> object:
        """Returns the object, and leaves a file just behind the pickle. Raises RefusedPickleError, and nothing else."""
        try:
            with warnings.catch_warnings(action="ignore"):  # about odd escapes in text; this is not the user's code
                return self._run(stream)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise damaged(f"an error: {str(error)[:200]}") from error

    def _run(self, stream: BinaryIO | bytes) -> object:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP":
                return self.pop()
            if count >= self.most:
                raise RefusedPickleError("holds far more objects than such a file needs")
            operation = _OPERATIONS.get(opcode.name)
            if operation is None:
                raise RefusedPickleError(f"uses the pickle opcode {opcode.name}, which data has no use for")
            operation(self, argument)
        raise damaged("no end")

    # The stack

    def push(self, value: object) -> None:
        if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            raise RefusedPickleError("holds an absurdly large integer")
        self.stack.append(value)

    def top(self) -> object:
        if not self.stack or self.stack[-1] is _MARK:
            raise damaged("an empty stack")
        return self.stack[-1]

    def pop(self) -> object:
        value = self.top()
        self.stack.pop()
        return value

    def discard(self, _: object) -> None:
        self.stack.pop()

    def pop_many(self, count: int) -> tuple[object, ...]:
        return tuple(self.pop() for _ in range(count))[::-1]

    def pop_to_mark(self) -> list[object]:
        items = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    # Containers

    def append(self, items: list[object]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, set):
            target.update(checked_key(item) for item in items)
        elif not isinstance(target, Stub):
            raise damaged("an append to something that is not a list")

    def set_items(self, items: list[object]) -> None:
        target = self.top()
        if isinstance(target, dict):
            target.update(to_dict(items))
        elif not isinstance(target, Stub):
            raise damaged("an item set in something that is not a dictionary")

    def set_item(self, _: object) -> None:
        self.set_items(list(self.pop_many(2)))

    def _ordered_dict(self, pairs: list[object] | None = None) -> dict[object, object]:
        """Python 2 wrote the pairs as an argument, Python 3 sets items afterwards."""
        self._count_copies(pairs or [])
        return {checked_key(key): value for key, value in pairs or []}

    def _set(self, items: list[object]) -> set[object]:
        self._count_copies(items)
        return {checked_key(item) for item in items}

    def _count_copies(self, items: list[object]) -> None:
        self.copied += len(items)
        if self.copied > self.most:
            raise RefusedPickleError("holds far more objects than such a file needs")

    # Names and calls

    def push_global(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise damaged("a name that is not text")
        target = Global(module, name)
        check_global(target)
        self.push(target)

    def push_named_global(self, argument: str) -> None:
        self.push_global(*argument.split(" ", 1))

    def call(self, target: object, arguments: object) -> None:
        """Push what a builder makes of the call, else a stub. A function that is not known is refused by name."""
        if not isinstance(target, Global) or not isinstance(arguments, tuple):
            raise damaged("a call of something that is not a name")
        builder = self.builders.get(str(target))
        if builder is not None:
            self.push(builder(*arguments))
        elif target.name.rsplit(".", 1)[-1].lstrip("_")[:1].isupper() or str(target) in PLAIN_DATA:
            self.push(Stub(str(target)))
        else:  # by the naming of Python a function, so it would be run for its effect
            raise _dangerous(target)

    def reduce(self, _: object) -> None:
        self.call(*self.pop_many(2))

    def new_object_with_keywords(self, _: object) -> None:
        target, arguments, _keywords = self.pop_many(3)
        self.call(target, arguments)

    def instantiate(self, argument: str) -> None:
        arguments = tuple(self.pop_to_mark())
        self.push_named_global(argument)
        self.call(self.pop(), arguments)

    def instantiate_object(self, _: object) -> None:
        target, *arguments = self.pop_to_mark()
        self.call(target, tuple(arguments))

    def build(self, _: object) -> None:
        """Drop the state, but for what asks for it: others are complete when made, and a stub keeps nothing."""
        state, target = self.pop(), self.top()
        if isinstance(target, Global):
            raise RefusedPickleError(f"tries to change {str(target)!r:.100}")
        if isinstance(target, Built):
            target.build(state)

    def persistent(self, identity: object) -> None:
        if self.load_persistent is None:
            raise RefusedPickleError("refers to data outside its pickle")
        self.push(self.load_persistent(identity))

    def get(self, index: int) -> None:
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        self.memo[index] = self.top()


def to_dict(items: list[object]) -> dict[object, object]:
    """Alternating keys and values."""
    return {checked_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


_LITERALS = (
    "INT LONG LONG1 LONG4 BININT BININT1 BININT2 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)

_OPERATIONS: dict[str, Callable[[PickleReader, object], None]] = {
    **dict.fromkeys(_LITERALS.split(), PickleReader.push),
    "PROTO": lambda reader, version: None,
    "FRAME": lambda reader, size: None,
    "NONE": lambda reader, _: reader.push(None),
    "NEWTRUE": lambda reader, _: reader.push(True),
    "NEWFALSE": lambda reader, _: reader.push(False),
    "MARK": lambda reader, _: reader.push(_MARK),
    "POP": PickleReader.discard,
    "POP_MARK": lambda reader, _: reader.pop_to_mark(),
    "DUP": lambda reader, _: reader.push(reader.top()),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), PickleReader.get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), PickleReader.put),
    "MEMOIZE": lambda reader, _: reader.put(len(reader.memo)),
    "EMPTY_TUPLE": lambda reader, _: reader.push(()),
    "TUPLE1": lambda reader, _: reader.push(reader.pop_many(1)),
    "TUPLE2": lambda reader, _: reader.push(reader.pop_many(2)),
    "TUPLE3": lambda reader, _: reader.push(reader.pop_many(3)),
    "TUPLE": lambda reader, _: reader.push(tuple(reader.pop_to_mark())),
    "EMPTY_LIST": lambda reader, _: reader.push([]),
    "LIST": lambda reader, _: reader.push(reader.pop_to_mark()),
    "APPEND": lambda reader, _: reader.append([reader.pop()]),
    "APPENDS": lambda reader, _: reader.append(reader.pop_to_mark()),
    "EMPTY_SET": lambda reader, _: reader.push(set()),
    "ADDITEMS": lambda reader, _: reader.append(reader.pop_to_mark()),
    "FROZENSET": lambda reader, _: reader.push(frozenset(checked_key(item) for item in reader.pop_to_mark())),
    "EMPTY_DICT": lambda reader, _: reader.push({}),
    "DICT": lambda reader, _: reader.push(to_dict(reader.pop_to_mark())),
    "SETITEM": PickleReader.set_item,
    "SETITEMS": lambda reader, _: reader.set_items(reader.pop_to_mark()),
    "GLOBAL": PickleReader.push_named_global,
    "STACK_GLOBAL": lambda reader, _: reader.push_global(*reader.pop_many(2)),
    "REDUCE": PickleReader.reduce,
    "NEWOBJ": PickleReader.reduce,
    "NEWOBJ_EX": PickleReader.new_object_with_keywords,
    "INST": PickleReader.instantiate,
    "OBJ": PickleReader.instantiate_object,
    "BUILD": PickleReader.build,
    "PERSID": PickleReader.persistent,
    "BINPERSID": lambda reader, _: reader.persistent(reader.pop()),
}
