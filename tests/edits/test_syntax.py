"""Edits as text: what is written is what is meant, and what cannot be is said in one sentence with an example."""

import pytest

from kdtalker_jax.edits.curves import Curve
from kdtalker_jax.edits.syntax import EXAMPLE, Term, parse
from kdtalker_jax.errors import InputError


def constant(value: float, begin: float | None = None, end: float | None = None) -> Curve:
    return Curve(((0.0, value),), begin, end)


@pytest.mark.parametrize(
    ("text", "terms"),
    (
        ("", ()),
        (" , ;\n", ()),
        ("smile=0.6", (Term("smile", False, constant(0.6)),)),
        (" Smile = .6 ", (Term("smile", False, constant(0.6)),)),
        ("gaze-x=-3", (Term("gaze_x", False, constant(-3)),)),
        ("gaze_x=+1e1", (Term("gaze_x", False, constant(10)),)),
        ("lips*1.3", (Term("lips", True, constant(1.3)),)),
        ("pose * 0.5 @ 1s..3s", (Term("pose", True, constant(0.5, 1, 3)),)),
        ("blink=-5@1.2s..1.4s", (Term("blink", False, constant(-5, 1.2, 1.4)),)),
        ("blink=-5@1.2..1.4", (Term("blink", False, constant(-5, 1.2, 1.4)),)),
        ("blink=-5@1200ms..1:01.5", (Term("blink", False, constant(-5, 1.2, 61.5)),)),
        ("smile=1@2s..", (Term("smile", False, constant(1, 2)),)),
        ("smile=1@..2s", (Term("smile", False, constant(1, None, 2)),)),
        ("yaw=0@0s/10@1.5s/-5@2s", (Term("yaw", False, Curve(((0, 0), (1.5, 10), (2, -5)))),)),
        ("a=1,b*2;c=3\nd=4", tuple(Term(n, n == "b", constant(v)) for n, v in zip("abcd", (1, 2, 3, 4), strict=True))),
        ("blink=1@1s..2s,blink=1@3s..4s", (Term("blink", False, constant(1, 1, 2)),
                                           Term("blink", False, constant(1, 3, 4)))),
    ),
)  # fmt: skip
def test_what_is_written(text, terms):
    assert parse(text) == terms


def test_the_example_can_be_read():
    assert len(parse(EXAMPLE)) == 4


@pytest.mark.parametrize(
    "text",
    ("smile", "smile=", "=0.6", "smile=x", "smile:0.6", "smile=0.6@", "smile=0,6", "smile==1", "smile=1@2s", "1=2",
     "smile=nan", "smile=inf", "smile=1e999", "smile=1@x..2s", "smile=1@2s..1s", "smile=1@1s..1s", "smile=1@-1s..2s",
     "smile=1@..", "smile=1@1s..2s..3s", "smile=1@1s/2", "smile=1@1s/2@1s", "smile=1@2s/2@1s", "smile=1/2",
     "smile=1@1s@2s", "smile=0x10", "smile=1_0", "smïle=1", "smile=1@1e9..", "smile=\u0661"),
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(text):
    with pytest.raises(InputError) as refused:
        parse(text)
    said = str(refused.value)
    assert "\n" not in said and said.endswith(".")
    assert "smile" in said or EXAMPLE in said
