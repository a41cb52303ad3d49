"""SyncNet and Wav2Lip's procedure around it against the recorded numbers, from the published file on."""

from itertools import islice

import numpy as np
import pytest

from convert.official import convert
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.metrics.mfcc import mfcc
from kdtalker_jax.metrics.sync import SyncJudge, mean_distances, score
from kdtalker_jax.nn.folding import fold
from tests.parity.conftest import write_published

WINDOWS = 60
CLIP = "sad_WDA_AlexandriaOcasioCortez_000.mp4"


@pytest.fixture(scope="module")
def expected(parity):
    with np.load(parity / "expected_syncnet_seed0.npz") as file:
        return dict(file)


def assert_equal(actual, recorded, tolerance=1e-4):
    """The largest difference is below `tolerance` of the recording's standard deviation."""
    assert actual.shape == recorded.shape
    assert np.abs(actual - recorded).max() <= tolerance * np.std(recorded)


@pytest.fixture(scope="module")
def judge(parity, tmp_path_factory):
    folder = tmp_path_factory.mktemp("syncnet")
    write_published(parity, folder / "published", "--only", "syncnet_v2.model")
    convert(folder / "published", folder / "converted", ("syncnet",), "published")
    checkpoint = load_checkpoint(folder / "converted")
    return SyncJudge(checkpoint.config, fold(checkpoint.variables("syncnet")), batch_size=2)


@pytest.fixture(scope="module")
def waveform(media):
    return load_waveform(media / "video" / CLIP)


@pytest.fixture(scope="module")
def features(judge, media, waveform):
    """Of the lips and the speech of the first windows."""
    frames = islice(read_frames(media / "video" / CLIP, as_opencv=True), WINDOWS + 4)
    return judge.embed_lips(frames, WINDOWS), judge.embed_speech(mfcc(waveform), WINDOWS)


def test_coefficients_of_speech(waveform, expected):
    columns = expected["mfcc"].shape[1]
    for actual, recorded in zip(mfcc(waveform)[:columns].T, expected["mfcc"], strict=True):
        assert_equal(actual, recorded)


def test_both_networks(judge, expected):
    random = np.random.RandomState(5)
    frames = random.randint(0, 256, (2, 3, 5, 224, 224)).transpose(0, 2, 3, 4, 1)  # (2, 5, 224, 224, 3)
    speech = 10 * random.standard_normal((2, 1, 13, 20))[:, 0].transpose(0, 2, 1)  # (2, 20, 13)
    assert_equal(judge.embed("embed_lips", frames), expected["net_lip"])
    assert_equal(judge.embed("embed_audio", speech), expected["net_aud"])


def test_features_of_a_real_clip(features, expected):
    lips, speech = features
    assert_equal(lips[::6], expected["lip"])
    assert_equal(speech[::6], expected["aud"])


def test_the_search_of_the_offset(features, expected):
    assert expected["windows"] == WINDOWS
    assert_equal(mean_distances(*features), expected["mean_distance"])
    distance, confidence, offset = score(*features)
    assert distance == pytest.approx(expected["lse_d"], rel=1e-6)
    assert confidence == pytest.approx(expected["lse_c"], rel=1e-5)
    assert offset == expected["offset"]
