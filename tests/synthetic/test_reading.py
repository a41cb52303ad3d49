"""Speech of programs: their phones are ours, mouth and sound stay in step, and nothing needs the programs."""

import numpy as np
import pytest

from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
from kdtalker_jax.metrics.mouth import loudness
from kdtalker_jax.synthetic.alphabets import ARPABET, from_arpabet, from_ipa
from kdtalker_jax.synthetic.articulation import articulate
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.phonemes import INDEX, IS_VOWEL, PAUSE, PHONEMES, column
from kdtalker_jax.synthetic.readers import Reading, ReadingError, installed_readers
from kdtalker_jax.synthetic.reading import _spoken, read_performance
from kdtalker_jax.synthetic.transmission import _CODECS, encoded, random_music, telephone, transmit
from kdtalker_jax.synthetic.words import LANGUAGES, random_text

# The chart of the International Phonetic Association, 2020.
VOWELS = "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒ"
CONSONANTS = "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟʍwɥʜʢʡɕʑɺɧʘǀǃǂǁɓɗʄɠʛ"
# Of CMU's dictionary, and what flite adds.
CMU = "aa ae ah ao aw ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh ax pau"


def test_every_phone_has_a_sound_of_ours():
    assert all(IS_VOWEL[list(from_ipa(vowel))].all() and from_ipa(vowel) for vowel in VOWELS)
    assert all(len(from_ipa(consonant)) == 1 for consonant in CONSONANTS)
    assert set(CMU.split()) <= set(ARPABET)
    assert from_arpabet("pau") == (PAUSE,)
    said = {number for letter in VOWELS + CONSONANTS for number in from_ipa(letter)}
    assert said == set(range(len(PHONEMES))) - {PAUSE}


@pytest.mark.parametrize(
    ("phones", "field", "low", "high"),
    [
        ("p b m ɓ", "closure", 1, 1),
        ("f v ɸ β ɱ ʋ", "closure", 0.8, 0.9),
        ("y ʏ ø œ u ʉ ʊ o ɵ ɔ ɒ w ʃ ʒ ɕ", "lip_rounding", 0.5, 1),
        ("i e ɛ æ a ɨ ɯ s t k r ɾ", "lip_rounding", 0, 0.06),
        ("a ɑ æ ɐ ɶ", "jaw", 0.8, 1),
        ("i y ɨ ɯ u ʉ ɪ", "jaw", 0.2, 0.4),
    ],
)
def test_phones_look_as_they_do(phones, field, low, high):
    values = [column(field)[from_ipa(phone)[0]] for phone in phones.split()]
    assert low <= min(values) and max(values) <= high


def test_marks_are_left_out_and_two_sounds_are_two():
    symbols = [
        "".join(PHONEMES[number].symbol for number in from_ipa(phone)) for phone in ("oʊ", "t͡ʃ", "ɛ̃ː", "s.", "ç")
    ]
    assert symbols == ["oʊ", "tʃ", "ɛ", "s", "ʃ"]
    assert from_ipa("") == from_ipa("ˈ") == ()
    with pytest.raises(KeyError):
        from_ipa("ж")


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_of_the_language_and_of_a_seed(language):
    first, again, other = (random_text(np.random.default_rng(seed), language, 30) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first.split()) == 30 and first[-1] in ".?!"
    assert all(letter.isalpha() or letter in "0123456789 ,.?!" for letter in first)


def say_aloud(rng: np.random.Generator, seconds: float) -> Reading:
    """A reader without a program: hums in vowels, is silent in pauses."""
    sounds, starts, pieces, rate = [()], [0.0], [np.zeros(2205)], 22_050
    while len(sounds) < 2 or starts[-1] < 2 * seconds:
        for said, length in (((INDEX["a"], INDEX["ɪ"]), 0.3), ((INDEX["m"],), 0.1), ((), 0.25)):
            sounds.append(said)
            starts.append(sum(map(len, pieces)) / rate)
            time = np.arange(round(length * rate)) / rate
            pieces.append(np.sin(2 * np.pi * 150 * time) * (0.5 if len(said) == 2 else 0.1 if said else 0.0))
    return Reading(np.concatenate(pieces).astype(np.float32), rate, sounds, np.array(starts))


def test_tracks_say_when_what_is_heard():
    """Also where pauses were made longer, and at another speed."""
    for seed in range(5):
        waveform, track = _spoken(np.random.default_rng(seed), 6.0, {"hum": say_aloud})
        np.testing.assert_allclose(track.start[1:], track.end[:-1], atol=1e-5)
        assert (track.start[0], track.end[-1]) == (0, 6)
        assert len(waveform) >= 6 * SAMPLE_RATE
        for number, start, end in zip(track.phoneme, track.start, track.end, strict=True):
            margin = 0.02 if end - start > 0.06 else 0.0
            within = waveform[int((start + margin) * SAMPLE_RATE) : int((end - margin) * SAMPLE_RATE)]
            if len(within) > 400:
                assert (np.abs(within).max() > 0.01) == (number != PAUSE)
        assert {INDEX["a"], INDEX["ɪ"], INDEX["m"], PAUSE} == set(track.phoneme.tolist())


def test_a_performance_is_as_long_as_asked_for_and_its_own():
    one, same, other = (read_performance(np.random.default_rng(s), 60, {"hum": say_aloud}) for s in (0, 0, 1))
    assert one.waveform.shape == (60 * 640,) and one.states.jaw.shape == (60,)
    assert one.waveform.dtype == np.float32 and np.abs(one.waveform).max() <= 1
    np.testing.assert_array_equal(one.waveform, same.waveform)
    assert not np.array_equal(one.waveform, other.waveform)
    assert np.ptp(one.states.jaw) > 0.5


def test_readers_that_cannot_read_are_asked_again_and_then_given_up():
    asked = []

    def moody(rng: np.random.Generator, seconds: float) -> Reading:
        asked.append(seconds)
        if len(asked) < 3:
            raise ReadingError("not today")
        return say_aloud(rng, seconds)

    read_performance(np.random.default_rng(0), 30, {"moody": moody})
    assert len(asked) == 3

    def mute(rng: np.random.Generator, seconds: float) -> Reading:
        raise ReadingError("nothing was said")

    with pytest.raises(ReadingError):
        read_performance(np.random.default_rng(0), 30, {"mute": mute})


def speech() -> np.ndarray:
    return next(w for s in range(9) if np.abs(w := random_performance(s, 50).waveform).max() > 0.2)


@pytest.mark.parametrize(("codec", "container", "rates"), _CODECS)
def test_codecs_change_the_sound_and_not_its_time(codec, container, rates):
    sound = speech()
    heard = encoded(sound, codec, container, rates[0])
    assert heard.shape == sound.shape and heard.dtype == np.float32
    assert not np.array_equal(heard, sound)
    alike = np.correlate(heard[8000:24000], sound[8200:23800], "valid")  # lags from -200 to 200 samples
    assert abs(int(np.argmax(alike)) - 200) <= 8  # half a millisecond


def test_telephones_have_a_band():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tones = [0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (60, 1000, 6000)]
    levels = [telephone(tone + tones[1])[2000:-2000] for tone in tones]
    spectra = [np.abs(np.fft.rfft(level)) for level in levels]
    bins = [round(hertz * len(levels[0]) / SAMPLE_RATE) for hertz in (60, 1000, 6000)]
    assert spectra[0][bins[0]] < 0.03 * spectra[0][bins[1]]
    assert spectra[2][bins[2]] < 0.03 * spectra[2][bins[1]]


def test_music_is_no_silence_and_of_a_seed():
    music = random_music(np.random.default_rng(3), 2 * SAMPLE_RATE)
    assert music.shape == (2 * SAMPLE_RATE,) and music.std() == pytest.approx(1)
    np.testing.assert_array_equal(music, random_music(np.random.default_rng(3), 2 * SAMPLE_RATE))


def test_transmission_keeps_length_and_scale_also_of_silence():
    for seed in range(12):
        heard = transmit(np.random.default_rng(seed), speech() if seed % 2 else np.zeros(8000, np.float32))
        assert len(heard) == (50 * 640 if seed % 2 else 8000)
        assert heard.dtype == np.float32 and np.isfinite(heard).all() and np.abs(heard).max() <= 1.2


@pytest.fixture(scope="module", params=["espeak-ng", "flite"])
def reader(request):
    readers = installed_readers()
    if request.param not in readers:
        pytest.skip(f"needs {request.param}, which is not installed")
    return {request.param: readers[request.param]}


def test_programs_read_and_mouths_follow_their_loudness(reader):
    """Without room and noise: mouths are open when voices are loud, and neither early nor late."""
    jaws, loud = [], []
    for seed in range(4):
        rng = np.random.default_rng([seed, 1])
        waveform, track = _spoken(rng, 5.0, reader)
        jaws.append(articulate(track, 5 * FRAME_RATE).jaw)
        centred = np.pad(waveform, (320, 0))[: 5 * SAMPLE_RATE]
        loud.append(np.maximum(loudness(centred), -60))
    jaw, level = np.concatenate(jaws), np.concatenate(loud)
    r = [np.corrcoef(jaw[5 + lag : -5 + lag or None][: len(jaw) - 10], level[5:-5])[0, 1] for lag in range(-4, 5)]
    assert max(r) > 0.5
    assert abs(int(np.argmax(r)) - 4) <= 1


def test_a_seed_gives_the_same_reading(reader):
    """Whatever was read before: each text is read by a new process."""
    (read,) = reader.values()
    first, _, again = (read(np.random.default_rng(seed), 2.0) for seed in (5, 6, 5))
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert first.sounds == again.sounds
