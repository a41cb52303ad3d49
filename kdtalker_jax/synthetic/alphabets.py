"""The phones that others write, in terms of the sounds whose articulation is known (`phonemes.PHONEMES`).

What counts is what the lips and the jaw do: a trill is an l, a front rounded vowel a back one.
"""

import unicodedata

from kdtalker_jax.synthetic.phonemes import INDEX

# Letters of the International Phonetic Alphabet by the sound of ours that looks most like them.
_LOOKS_LIKE = {
    "a": "aɑ", "ʌ": "ʌɐɤ", "æ": "æɶ", "ɛ": "ɛe", "ə": "əɜɘɚɝᵊᵻ", "ɪ": "ɪɨɯ", "i": "iɩ", "ɔ": "ɔɒœɞ", "o": "oøɵ",
    "ʊ": "ʊɷ", "u": "uʉ", "y": "yʏɥ",
    "p": "pʘ", "b": "bɓʙ", "m": "m", "t": "tʈθǀǃ", "d": "dɖɗð", "n": "nɳɲŋɴ", "k": "kcqxχʗ", "g": "gɡɟɠɢʛɣɰʁʀʄ",
    "s": "s", "z": "z", "ʃ": "ʃʂɕʒʐʑçɧʆʓ", "f": "fɸɱ", "v": "vβʋⱱ", "h": "hɦħʕʔʜʢʡ", "l": "lɫɭʎʟɬɮrɾɽɺǁǂ",
    "r": "ɹɻ", "w": "wʍ", "j": "jʝ",
}  # fmt: skip
IPA = {letter: INDEX[ours] for ours, letters in _LOOKS_LIKE.items() for letter in letters}

# The phones of American English as CMU's dictionary and flite name them.
_ARPABET = {
    "aa": "a", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ər", "ay": "aɪ", "b": "b", "ch": "tʃ",
    "d": "d", "dh": "d", "dx": "d", "eh": "ɛ", "el": "əl", "em": "əm", "en": "ən", "er": "ər", "ey": "ɛɪ", "f": "f",
    "g": "g", "hh": "h", "hv": "h", "ih": "ɪ", "iy": "i", "jh": "dʃ", "k": "k", "l": "l", "m": "m", "n": "n", "nx": "n",
    "ng": "n", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "r", "s": "s", "sh": "ʃ", "t": "t", "th": "t", "uh": "ʊ",
    "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʃ", "pau": "_", "sil": "_", "ssil": "_", "brth": "_",
    "h#": "_",
}  # fmt: skip
ARPABET = {phone: tuple(INDEX[symbol] for symbol in symbols) for phone, symbols in _ARPABET.items()}


def from_ipa(phone: str) -> tuple[int, ...]:
    """Numbers of the sounds that a phone is made of, two for a diphthong or an affricate; none for marks alone.

    Raises:
        KeyError: there is a letter that the International Phonetic Alphabet has not.
    """
    plain = unicodedata.normalize("NFD", phone.lower().replace("ç", "ʃ"))
    letters = [letter for letter in plain if unicodedata.category(letter) == "Ll" or letter in IPA]
    return tuple(IPA[letter] for letter in letters)


def from_arpabet(phone: str) -> tuple[int, ...]:
    """The same of a phone that flite names.

    Raises:
        KeyError: there is no such phone.
    """
    return ARPABET[phone]
