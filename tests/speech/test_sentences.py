"""A text comes apart where a speaker would breathe, and nothing of it is lost."""

import pytest

from kdtalker_jax.speech.sentences import AFTER_PARAGRAPH, AFTER_SENTENCE, LONGEST, WITHIN, sentences_of


@pytest.mark.parametrize(
    ("text", "parts"),
    (
        ("Hello", ["Hello"]),
        ("Hello there. How are you? Fine!", ["Hello there.", "How are you?", "Fine!"]),
        ("Dr. Who met Mr. T. Eliot at 3.5 p.m. and left.", ["Dr. Who met Mr. T. Eliot at 3.5 p.m. and left."]),
        ("He said “Stop!” Then he ran.", ["He said “Stop!”", "Then he ran."]),
        ("Wait... what? No.", ["Wait... what?", "No."]),
        ("One line\nand the next. Done.", ["One line and the next.", "Done."]),
        ("你好。你好吗？", ["你好。", "你好吗？"]),
        ("tab\tand\x00null", ["tab and null"]),
        ("see example.com now", ["see example.com now"]),
        ("- - -\n\nWords", ["Words"]),
        ("hello there. how are you.", ["hello there.", "how are you."]),
    ),
)
def test_where_it_comes_apart(text, parts):
    assert [sentence.text for sentence in sentences_of(text)] == parts


@pytest.mark.parametrize("text", ("", "  \n", "...", "?! -", "\x00"))
def test_nothing_to_say(text):
    assert sentences_of(text) == []


def test_pauses():
    pauses = [sentence.pause for sentence in sentences_of("One. Two.\n\nThree.\r\n\r\nFour. Five.")]
    assert pauses == [AFTER_SENTENCE, AFTER_PARAGRAPH, AFTER_PARAGRAPH, AFTER_SENTENCE, 0]


@pytest.mark.parametrize("word", ("word ", "word, ", "字", "wo,rd"))
def test_long_sentences_are_said_in_parts(word):
    text = (word * 700).strip() + "."
    parts = sentences_of(text)
    assert all(len(part.text) <= LONGEST for part in parts) and len(parts) > 1
    assert "".join("".join(part.text for part in parts).split()) == "".join(text.split())
    assert {part.pause for part in parts[:-1]} == {WITHIN}
