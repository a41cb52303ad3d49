"""The features at small sizes: whatever pads, cuts or streams a recording leaves its rows as they are."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from configs.wav2vec2 import SMALL_WAV2VEC2
from kdtalker_jax import TalkingPortrait
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.features.wav2vec2 import Wav2Vec2Features
from kdtalker_jax.features.wav2vec2.frames import interpolated
from kdtalker_jax.features.wav2vec2.network import CONV_EPSILON, gelu
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import find_system

LAYERED = SMALL_WAV2VEC2.replace(
    wav2vec2=replace(SMALL_WAV2VEC2.wav2vec2, conv_norm="layer", conv_bias=True, pre_norm=True)
)
SHORT = SMALL_WAV2VEC2.replace(hearing=replace(SMALL_WAV2VEC2.hearing, history=1.0, lookahead=0.4))


def sound(seconds, seed=0):
    """Noise that swells and falls, off centre."""
    n = round(16_000 * seconds)
    noise = np.random.default_rng(seed).standard_normal(n)
    return (0.1 * noise * (1 + np.sin(np.arange(n) / 3000)) + 0.02).astype(np.float32)


def parameters(config):
    return {"wav2vec2": random_variables("wav2vec2", config)}


@pytest.fixture(scope="module")
def features():
    return Wav2Vec2Features(SMALL_WAV2VEC2)


@pytest.fixture(scope="module")
def params():
    return parameters(SMALL_WAV2VEC2)


def whole(config, params, waveform):
    """The definition, without padding or masks: all of the recording through the network, resampled before."""
    network = Wav2Vec2Features(config).network
    kernel = params["wav2vec2"]["params"]["conv_0"]["conv"]["kernel"][:, 0]
    x = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
    conv = np.lib.stride_tricks.sliding_window_view(x, len(kernel))[::5] @ kernel
    statistics = np.float32([[conv.mean(axis=0), conv.var(axis=0)]])
    rows = len(waveform) // 640

    def compute(variables, x):
        heard = network.apply(variables, x, statistics, method="convolve")
        places = np.linspace(0, heard.shape[1] - 1, rows)[None]
        lower = places.astype(np.int32)
        resampled = interpolated(heard, lower, np.float32(places - lower))
        return network.apply(variables, resampled, np.int32([rows]), method="transform")[-1]

    return np.asarray(jax.jit(compute)(params["wav2vec2"], np.float32(x[None])))[0]


def assert_close(actual, expected, tolerance=1e-4):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * expected.std()


@pytest.mark.parametrize("config", [SMALL_WAV2VEC2, LAYERED], ids=["group", "layer"])
def test_padding_changes_nothing(config):
    params, waveform = parameters(config), sound(1.37)
    rows = Wav2Vec2Features(config).hear(params, waveform)
    assert rows.dtype == np.float32
    assert_close(rows, whole(config, params, waveform))


def test_long_recordings_are_nearly_as_in_one_piece(features, params):
    """Here a row hears the whole recording evenly; in trained models what is near counts most."""
    waveform = sound(41.3)
    rows, expected = features.hear(params, waveform), whole(SMALL_WAV2VEC2, params, waveform)
    assert rows.shape == (1032, 16)
    assert np.corrcoef(rows.ravel(), expected.ravel())[0, 1] > 0.99


def test_recordings_of_all_lengths_share_programs(params):
    traces = []

    def counting(function, **options):
        def counted(*arguments, **keywords):
            traces.append(keywords)
            return function(*arguments, **keywords)

        return jax.jit(counted, **options)

    features = Wav2Vec2Features(SMALL_WAV2VEC2, jit=counting)
    for samples in (640, 1279, 5_000, 31_999):
        assert features.hear(params, sound(samples / 16_000)).shape == (samples // 640, 16)
    assert len(traces) == 1


def rows_of(features, params, waveform, piece, size=20):
    pieces = (waveform[start : start + piece] for start in range(0, len(waveform), piece))
    return [np.asarray(rows) for rows in features.windows(params, pieces, size)]


@pytest.fixture(scope="module")
def streaming():
    return Wav2Vec2Features(SHORT)


def test_a_short_stream_is_heard_as_a_recording(streaming, params):
    """It ends within its first window and what follows that."""
    waveform = sound(1.15)
    assert_close(np.concatenate(rows_of(streaming, params, waveform, 1000)), streaming.hear(params, waveform))


def test_a_stream_is_the_same_in_any_pieces(streaming, params):
    waveform = sound(4.01)
    first, second = (rows_of(streaming, params, waveform, piece) for piece in (377, 64_160))
    assert [len(rows) for rows in first] == [20, 20, 20, 20, 20]
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))


def test_a_stream_is_nearly_as_the_recording(streaming, params):
    """Here of whole frames: else corners on corners spread the rows of a recording a little."""
    waveform = sound(4)
    rows, heard = np.concatenate(rows_of(streaming, params, waveform, 640)), streaming.hear(params, waveform)
    assert rows.shape == heard.shape
    assert np.corrcoef(rows.ravel(), heard.ravel())[0, 1] > 0.95


def test_windows_come_as_soon_as_they_can(streaming, params):
    """Each waits for the seconds of sound that the specification of the features promises, and no longer."""
    taken = []

    def pieces():
        for start in range(0, 64_000, 640):
            taken.append(start + 640)
            yield sound(4)[start : start + 640]

    arrived = [taken[-1] for _ in streaming.windows(params, pieces(), 20)]
    ahead = round(streaming.gives.lookahead * 16_000)
    assert arrived[:4] == [640 * 20 * (i + 1) + ahead for i in range(4)]


def test_a_stream_without_a_whole_frame_has_no_rows(streaming, params):
    assert rows_of(streaming, params, sound(0.03), 100) == []


def test_fields_of_a_data_set(features, params):
    waveform = sound(1.2)
    found = features.fields(params, waveform, 32)["audio"]
    np.testing.assert_array_equal(found[:30], features.hear(params, waveform))
    np.testing.assert_array_equal(found[30:], found[[29, 29]])
    assert features.fields(params, waveform, 25)["audio"].shape == (25, 16)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(639, np.float32), "shorter than one video frame"),
        (np.zeros((2, 1000), np.float32), "one row of floats"),
        (np.zeros(1000, np.int16), "one row of floats"),
        (np.full(1000, np.nan, np.float32), "not finite"),
    ],
)
def test_what_is_no_waveform_is_refused(features, params, waveform, message):
    with pytest.raises(InputError, match=message):
        features.hear(params, waveform)


def test_constants_of_the_published_networks():
    """Others change the output by less than tolerances of whole networks see."""
    assert CONV_EPSILON == SMALL_WAV2VEC2.wav2vec2.epsilon == 1e-5
    assert float(gelu(np.float32(1.0))) == pytest.approx(0.8413447, abs=1e-6)  # erf; by tanh 0.8411920


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("wav2vec2", {"conv_strides": (5, 2)}, "same length"),
        ("wav2vec2", {"heads": 3}, "divided by heads"),
        ("wav2vec2", {"position_groups": 5}, "divided by position_groups"),
        ("wav2vec2", {"epsilon": 0.0}, "epsilon"),
        ("wav2vec2", {"conv_strides": (5, 2, 2, 2, 2, 2, 3)}, "frames of 480 samples"),
        ("wav2vec2", {"conv_kernels": (400, 3, 3, 3, 3, 2, 2)}, "more than a row"),
        ("hearing", {"history": float("nan")}, "history"),
        ("hearing", {"lookahead": 31.0}, "lookahead"),
    ],
)
def test_sizes_that_cannot_be_are_refused(section, changes, message):
    config = SMALL_WAV2VEC2.replace(**{section: replace(SMALL_WAV2VEC2.sections[section], **changes)})
    with pytest.raises(ValueError, match=message):
        Wav2Vec2Features.check(config)


@pytest.fixture(scope="module")
def directory(params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "wav2vec2"
    save_checkpoint(folder, params, SMALL_WAV2VEC2)
    return folder


def test_a_model_is_loaded_and_called(directory, features, params):
    listener = Wav2Vec2Features.load(directory, resample="before")
    waveform = sound(1.5)
    np.testing.assert_array_equal(listener(waveform), features.hear(params, waveform))
    assert listener.width == 16
    assert not Wav2Vec2Features.load(directory, resample="after").features.hearing.aligned
    assert Wav2Vec2Features.load(directory, resample="after", align_corners=True).features.hearing.aligned
    assert Wav2Vec2Features.load(directory).features.hearing == SMALL_WAV2VEC2.hearing


def test_where_there_is_no_such_model(directory, tmp_path, small_checkpoint):
    with pytest.raises(InputError, match='"before" or "after"'):
        Wav2Vec2Features.load(directory, resample="between")
    with pytest.raises(CheckpointError, match=r"does not exist.*convert\.wav2vec2"):
        Wav2Vec2Features.load(tmp_path / "absent")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"as it is published.*convert\.wav2vec2"):
        Wav2Vec2Features.load(tmp_path)
    with pytest.raises(CheckpointError, match="a model without wav2vec2"):
        Wav2Vec2Features.load(small_checkpoint)


def test_it_makes_no_video(directory):
    with pytest.raises(CheckpointError, match="A model of wav2vec2 is a part of others"):
        TalkingPortrait.load(directory)


def test_features_alone_are_a_system():
    system = find_system("wav2vec2")
    assert system.required == ("wav2vec2",)
    assert list(system.sections) == ["wav2vec2", "hearing"]
