"""A text as sentences, with the pauses after them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

AFTER_SENTENCE, AFTER_PARAGRAPH, WITHIN = 0.3, 0.8, 0.1  # seconds at the usual speed
LONGEST = 400  # characters said at a time

_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"[^.!?…。！？]*(?:[.!?…]+[\"'”’»)\]]*(?=\s|$)|[。！？]+[”’」』）]*|[.!?…]|$)\s*")
# What a full stop after does not end: titles, initials, and what is followed by a small letter.
_GOES_ON = re.compile(r"(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|vs|etc|No|Nr|ca|e\.g|i\.e|z\.B|d\.h|bzw)\.\s*$")
_LONGEST_TITLE = 16  # characters, and more than one of these has
_CUTS = (re.compile(r"(?<=[;:,，、；：])\s*"), re.compile(r"\s+"))


class Sentence(NamedTuple):
    """What is said at once, in one line, and the seconds of silence after it."""

    text: str
    pause: float


def sentences_of(text: str) -> list[Sentence]:
    """The sentences of a text; blank lines part paragraphs. None where nothing in it can be said."""
    text = "".join(c if c.isprintable() or c in "\n\t\r\u2028\u2029" else " " for c in text)
    paragraphs = [" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split("\n".join(text.splitlines()))]
    said = []
    for paragraph in filter(_can_be_said, paragraphs):
        parts = [piece for sentence in _of_paragraph(paragraph) for piece in _pieces(sentence)]
        said += [*parts[:-1], parts[-1]._replace(pause=AFTER_PARAGRAPH)]
    return [*said[:-1], said[-1]._replace(pause=0.0)] if said else []


def _of_paragraph(paragraph: str) -> Iterator[str]:
    waiting, capitals = "", any(map(str.isupper, paragraph))  # without any, small letters tell nothing
    for part in _SENTENCE.findall(paragraph):
        goes_on = _GOES_ON.search(waiting[-_LONGEST_TITLE:]) or (capitals and part[:1].islower())
        if (
            waiting
            and not goes_on
            and waiting[-1:].isspace() | (waiting[-1:] in "。！？”’」』）")
            and _can_be_said(part)
        ):
            yield waiting.strip()
            waiting = ""
        waiting += part
    if waiting.strip():
        yield waiting.strip()


def _pieces(sentence: str) -> Iterator[Sentence]:
    """A sentence, or where it is too long to be said at once, parts of it."""
    while len(sentence) > LONGEST:
        ends = (found.end() for cut in _CUTS for found in reversed(list(cut.finditer(sentence, LONGEST // 4, LONGEST))))
        end = next(ends, LONGEST)
        yield Sentence(sentence[:end].strip(), WITHIN)
        sentence = sentence[end:]
    if _can_be_said(sentence):
        yield Sentence(sentence.strip(), AFTER_SENTENCE)


def _can_be_said(text: str) -> bool:
    return any(c.isalnum() for c in text)
