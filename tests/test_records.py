"""JSON files of dataclasses: what was written comes back, and what is wrong with others is told in a sentence."""

import codecs
import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

import pytest

from kdtalker_jax.records import LARGEST_FILE, UnknownSettingError, from_json, read_json


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...]
    deep: bool


@dataclass(frozen=True)
class Outer:
    inner: Inner
    count: int
    rate: float
    kind: Literal["a", "b"]
    name: str | None
    means: tuple[float, ...]


WRITTEN = Outer(Inner((1, 2), True), 3, 0.5, "b", None, (0.1, 2.0))
CONTENT = json.loads(json.dumps(dataclasses.asdict(WRITTEN)))


def test_a_record_comes_back():
    assert from_json(Outer, CONTENT) == WRITTEN
    assert from_json(Outer, CONTENT | {"name": "x"}).name == "x"
    assert isinstance(from_json(Outer, CONTENT | {"rate": 1}).rate, float)


WRONG = {
    "text for a number": ({"count": "3"}, "count is '3', not a whole number"),
    "a fraction": ({"count": 3.5}, "count is 3.5, not a whole number"),
    "true for a number": ({"count": True}, "count is True, not a whole number"),
    "null for a number": ({"count": None}, "count is None, not a whole number"),
    "a list for a number": ({"rate": [1]}, r"rate is \[1\], not a number"),
    "an endless number": ({"rate": float("inf")}, "rate is inf, not a number of sensible size"),
    "no number": ({"rate": float("nan")}, "rate is nan, not a number of sensible size"),
    "an absurd number": ({"count": 10**40}, "count is 1000.*, not a number of sensible size"),
    "another choice": ({"kind": "c"}, "kind is 'c', not one of a, b"),
    "a number for text": ({"name": 3}, "name is 3, not text"),
    "a number for a list": ({"means": 3.0}, "means is 3.0, not a list"),
    "a list in a list": ({"means": [[1.0]]}, r"means is \[1.0\], not a number"),
    "a list for an object": ({"inner": [1]}, r"inner is \[1\], not an object"),
    "inside": ({"inner": {"widths": [1, "2"], "deep": True}}, "inner.widths is '2', not a whole number"),
    "a number for yes": ({"inner": {"widths": [1], "deep": 1}}, "inner.deep is 1, not true or false"),
    "what is missing": ({"inner": {"widths": [1]}}, "inner.deep is missing"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_values_of_another_kind_are_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        from_json(Outer, CONTENT | change)


def test_fields_of_another_version_are_told_apart_from_damage():
    with pytest.raises(UnknownSettingError, match="'colour'"):
        from_json(Outer, CONTENT | {"colour": 1})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_editors_may_choose_the_encoding(tmp_path, encoding):
    path = tmp_path / "x.json"
    path.write_bytes(json.dumps({"name": "Zoë"}, ensure_ascii=False).encode(encoding))
    assert read_json(path) == {"name": "Zoë"}


NO_OBJECTS = [
    *(b"", b"{", b"[1]", b"3", b"null", b"{} {}", b'{"a": 1}\0', b"\xff{", codecs.BOM_UTF16_LE + b"{"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": ' + b"9" * 5000 + b"}"),
]


@pytest.mark.parametrize("content", NO_OBJECTS, ids=lambda content: repr(content[:12]))
def test_what_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        read_json(path)


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(ValueError, match="more than 16 MB"):
        read_json(path)
