"""Speech, and the mouths and heads that go with it."""

import numpy as np
import pytest

from kdtalker_jax.media.rates import FRAME_RATE, SAMPLE_RATE
from kdtalker_jax.synthetic.articulation import articulate
from kdtalker_jax.synthetic.performance import LARGEST, random_performance, random_states
from kdtalker_jax.synthetic.phonemes import INDEX, PAUSE, Track, column
from kdtalker_jax.synthetic.speech import random_track, random_voice, synthesize

FRAMES = 150


@pytest.fixture(scope="module")
def performances():
    return [random_performance(seed, FRAMES) for seed in range(12)]


def say(symbols: str, seconds: float = 0.12) -> Track:
    """A track of sounds of equal length, all stressed."""
    ends = np.arange(1, len(symbols) + 1, dtype=np.float32) * seconds
    phonemes = np.array([INDEX[symbol] for symbol in symbols], np.int32)
    return Track(phonemes, ends - np.float32(seconds), ends, np.ones(len(symbols), np.float32))


def loudness(waveform: np.ndarray, frames: int) -> np.ndarray:
    """RMS of 40 ms around each frame's moment."""
    padded = np.pad(waveform, (320, 320))
    return np.sqrt(np.mean(padded[: frames * 640].reshape(frames, 640) ** 2, axis=1))


def test_a_seed_gives_the_same_performance_and_another_a_different_one(performances):
    again = random_performance(3, FRAMES)
    for first, second in zip(performances[3].states, again.states, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(performances[3].waveform, again.waveform)
    assert not np.array_equal(performances[4].waveform, again.waveform)


@pytest.mark.parametrize("symbol", "pbm")
@pytest.mark.parametrize("shift", [0.0, 0.013, 0.027])
def test_bilabials_close_the_lips_between_open_vowels_at_any_frame_phase(symbol, shift):
    track = say(f"_a{symbol}a_")
    track = track._replace(start=track.start + np.float32(shift), end=track.end + np.float32(shift))
    mouth = articulate(track, 20)
    middle = round((0.30 + shift) * FRAME_RATE)
    assert mouth.jaw[middle - 1 : middle + 2].min() < 0.02
    assert mouth.jaw[: middle - 1].max() > 0.6 and mouth.jaw[middle + 2 :].max() > 0.6


def test_vowels_shape_the_mouth_as_people_do():
    jaw, width, rounding = ({v: values[6] for v, values in by_vowel} for by_vowel in _vowels())
    assert jaw["a"] > jaw["ɛ"] > jaw["i"] and jaw["a"] > jaw["o"] > jaw["u"]
    assert width["i"] > 0.5 > width["a"] > width["u"]
    assert rounding["u"] > 0.7 > 0.2 > rounding["i"]


def _vowels():
    mouths = {vowel: articulate(say(f"_{vowel}{vowel}_"), 12) for vowel in "aɛiou"}
    return ([(vowel, mouth[field]) for vowel, mouth in mouths.items()] for field in range(3))


def test_rounding_is_anticipated():
    """Lips round for u while the s before it is heard."""
    mouth = articulate(say("_isu_"), 20)
    before = round(0.34 * FRAME_RATE)  # within s
    assert mouth.lip_rounding[before] > 0.15 > articulate(say("_isi_"), 20).lip_rounding[before]


def test_pauses_close_the_mouth(performances):
    for performance in performances:
        track, jaw = performance.track, performance.states.jaw
        time = np.arange(FRAMES) / FRAME_RATE
        quiet = np.zeros(FRAMES, bool)
        for start, end in zip(track.start[track.phoneme == PAUSE], track.end[track.phoneme == PAUSE], strict=True):
            quiet |= (time > start + 0.2) & (time < end - 0.12)
        assert quiet.any()
        assert jaw[quiet].max() < 0.01


def test_the_mouth_follows_the_sound_without_lag(performances):
    """The jaw agrees best with loudness at the same frame, or at most one beside it."""
    spoken = [p for p in performances if p.states.jaw.std() > 0.05]
    assert len(spoken) > 6

    def agreement(lag: int) -> float:
        return np.mean(
            [np.corrcoef(np.roll(p.states.jaw, lag)[5:-5], loudness(p.waveform, FRAMES)[5:-5])[0, 1] for p in spoken]
        )

    by_lag = {lag: agreement(lag) for lag in range(-4, 5)}
    assert abs(max(by_lag, key=by_lag.get)) <= 1
    assert by_lag[0] > 0.6


def test_states_move_smoothly_and_within_their_ranges(performances):
    largest_step = {"yaw": 4, "pitch": 4, "roll": 3, "x": 0.02, "y": 0.02, "size": 0.02, "brows": 0.35, "jaw": 0.85}
    for performance in performances:
        states = performance.states
        for name, largest in largest_step.items():
            assert np.abs(np.diff(getattr(states, name))).max() < largest, name
        for name, largest in LARGEST.items():
            assert np.abs(getattr(states, name)).max() <= largest
        for name in ("jaw", "lip_rounding", "lid_left", "lid_right"):
            assert getattr(states, name).min() >= 0 and getattr(states, name).max() <= 1
        for name in ("lip_width", "brows", "gaze_x", "gaze_y"):
            assert np.abs(getattr(states, name)).max() <= 1
        assert all(field.dtype == np.float32 and field.shape == (FRAMES,) for field in states)
        assert performance.waveform.shape == (FRAMES * 640,) and np.abs(performance.waveform).max() <= 1


def test_everyone_blinks_and_moves_also_in_silence():
    performance = next(p for p in (random_performance(seed, FRAMES) for seed in range(60)) if p.states.jaw.max() == 0)
    assert performance.states.lid_left.max() > 0.8
    assert performance.states.yaw.std() > 0.2
    assert performance.waveform.std() > 0  # a microphone's noise


def test_heads_turn_as_widely_as_meant():
    yaw = np.concatenate([random_performance(seed, 25).states.yaw for seed in range(60)])
    assert 5 < yaw.std() < 10


def test_random_states_reach_the_extremes():
    states = random_states(np.random.default_rng(0), 2000)
    assert 28 < states.yaw.max() <= 30 and -30 <= states.yaw.min() < -28
    assert np.abs(states.pitch).max() <= 20 and np.abs(states.roll).max() <= 20
    assert states.jaw.max() > 0.98 and (states.jaw == 0).mean() > 0.1
    assert states.size.min() >= 0.85 and states.size.max() <= 1.15
    assert (states.lid_left > 0.9).any() and (states.lip_rounding > 0.9).any()


def test_tracks_fill_their_time_without_gaps():
    rng = np.random.default_rng(1)
    for seconds in (0.3, 1.0, 4.0):
        track = random_track(rng, random_voice(rng), seconds)
        assert track.start[0] == 0 and track.end[-1] == pytest.approx(seconds, abs=1e-4)
        np.testing.assert_array_equal(track.start[1:], track.end[:-1])
        assert (track.end > track.start).all()
        assert track.phoneme[0] == PAUSE and track.phoneme[-1] == PAUSE


def test_sounds_have_their_spectra():
    """s is high, u is low, a is loud, a pause is silent, and the pitch is that of the voice."""
    rng = np.random.default_rng(2)
    voice = random_voice(rng)._replace(pitch=120.0, liveliness=0.0, breathiness=0.1)
    sound = {symbol: synthesize(rng, voice, say(symbol * 3), 5760)[1500:4500] for symbol in "sua_"}
    spectra = {symbol: np.abs(np.fft.rfft(wave * np.hanning(3000))) ** 2 for symbol, wave in sound.items()}
    hertz = np.fft.rfftfreq(3000, 1 / SAMPLE_RATE)
    centre = {symbol: (power @ hertz) / power.sum() for symbol, power in spectra.items() if symbol != "_"}
    assert centre["s"] > 3500 > 1200 > centre["u"]
    assert sound["a"].std() > 2 * sound["s"].std() and sound["_"].std() < 1e-4
    lag = 80 + np.argmax([np.dot(sound["a"][:2000], sound["a"][n : n + 2000]) for n in range(80, 250)])
    assert SAMPLE_RATE / lag == pytest.approx(120, rel=0.35)


def test_all_sounds_are_closed_or_open_as_their_kind_says():
    kind, closure = column("kind"), column("closure")
    assert (closure[kind == "vowel"] == 0).all()
    assert {"p", "b", "m"} == {s for s, number in INDEX.items() if closure[number] == 1}
