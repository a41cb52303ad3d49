"""Wav2Vec2 and HuBERT against the recorded numbers, from the published files on: every stage, and what a user calls."""

import importlib.util
import subprocess
import sys

import jax
import numpy as np
import pytest

from convert.wav2vec2 import FILES, convert
from kdtalker_jax.features.wav2vec2 import Wav2Vec2Features
from kdtalker_jax.features.wav2vec2.frames import interpolated, num_conv_frames
from kdtalker_jax.features.wav2vec2.network import gelu
from kdtalker_jax.features.wav2vec2.statistics import Statistics

TOLERANCE, BEFORE = 2e-4, 5e-4  # of an array's standard deviation
SECONDS = (1.0, 3.37)
LENGTH = 100  # rows of the one program that both recordings share
TINY = ["wav2vec2-tiny", "hubert-tiny", "stable-tiny"]
BASE = [pytest.param(name, marks=pytest.mark.slow) for name in ("wav2vec2-base", "hubert-base")]


@pytest.fixture(scope="module")
def script(parity):
    """The module that makes the weights and the recordings."""
    spec = importlib.util.spec_from_file_location("make_wav2vec2", parity / "make_wav2vec2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded(parity):
    with np.load(parity / "expected_wav2vec2_seed0.npz") as file:
        return dict(file)


@pytest.fixture(scope="module", params=TINY + BASE)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def published(name, parity, tmp_path_factory):
    folder, (family, size) = tmp_path_factory.mktemp(name), name.split("-")
    command = [sys.executable, parity / "make_wav2vec2.py", "--out", folder, "--size", size, "--only", family]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / name


@pytest.fixture(scope="module")
def directory(published):
    convert(published, published / "converted")
    return published / "converted"


def test_both_containers_and_both_namings_are_the_same_model(published, directory):
    sums = []
    for file in FILES:
        convert(published / file, published / file.replace(".", "_"))
        sums.append((published / file.replace(".", "_") / "config.json").read_text().partition('"sums"')[2])
    assert sums[0] == sums[1]


@pytest.fixture(scope="module")
def stages(directory, script):
    """Everything that is recorded of each recording, whole, by seconds; both go through one program."""
    listener = Wav2Vec2Features.load(directory, resample="before")
    features, network = listener.features, listener.features.network

    @jax.jit
    def compute(variables, heard):
        module = network.bind(variables)
        first = module.conv[0](heard.waveform[..., None], heard.statistics)
        conv = module.convolve(heard.waveform, heard.statistics)
        projection = module.project(conv, heard.frames)
        before = interpolated(conv, heard.lower, heard.fraction)
        return {
            "conv0_strided": first,
            "conv": conv,
            "projection": projection,
            "positional": projection + gelu(module.position(projection)),
            "hidden_states": module.transform(conv, heard.frames),
            "before_conv": before,
            "before_hidden_states": module.transform(before, heard.rows),
        }

    found = {}
    for seconds in SECONDS:
        waveform, statistics = script.waveform(seconds), Statistics(features.config)
        statistics.push(waveform)
        of = (len(waveform) // 640, num_conv_frames(features.config, len(waveform)))
        heard = features.prepare(listener.params, waveform, 0, LENGTH, statistics, of)
        found[seconds] = (
            heard,
            of,
            jax.tree.map(lambda x: np.asarray(x)[0], compute(listener.params["wav2vec2"], heard)),
        )
    return found


def strided(name, what, x):
    """As the page says for each array."""
    if "tiny" in name:
        return x[::16] if what == "conv0_strided" else x
    time, channel = {"conv0_strided": (64, 8), "last_hidden": (2, 4), "before_hidden_states": (8, 8)}.get(what, (4, 8))
    return x[..., ::time, ::channel]


def assert_recorded(recorded, name, seconds, what, x, tolerance=TOLERANCE):
    expected, actual = recorded[f"{name}/{seconds}/{what}"], strided(name, what, x)
    assert actual.shape == expected.shape
    assert expected.std() > 0
    difference = np.abs(actual.astype(np.float64) - expected).max() / expected.std()
    assert difference <= tolerance, f"{what}: {difference:.1e} of the standard deviation"


@pytest.mark.parametrize("seconds", SECONDS)
def test_input(recorded, name, stages, script, seconds):
    heard, of, _ = stages[seconds]
    n = len(script.waveform(seconds))
    assert [n, of[1], of[0]] == recorded[f"{name}/{seconds}/frames_50hz_25fps"].tolist()
    values = heard.waveform[0, :n:97]
    np.testing.assert_allclose(values, recorded[f"{name}/{seconds}/input_values_strided"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("seconds", SECONDS)
def test_stages(recorded, name, stages, seconds):
    _, (rows, frames), found = stages[seconds]
    first = found["conv0_strided"][: (round(seconds * 16_000) - 10) // 5 + 1]
    assert_recorded(recorded, name, seconds, "conv0_strided", first)
    for what in ("conv", "projection", "positional"):
        assert_recorded(recorded, name, seconds, what, found[what][:frames])
    assert_recorded(recorded, name, seconds, "before_conv", found["before_conv"][:rows], BEFORE)


@pytest.mark.parametrize("seconds", SECONDS)
def test_hidden_states(recorded, name, stages, seconds):
    _, (rows, frames), found = stages[seconds]
    states = np.stack(found["hidden_states"])[:, :frames]
    before = np.stack(found["before_hidden_states"])[:, :rows]
    assert_recorded(recorded, name, seconds, "last_hidden", states[-1])
    assert_recorded(recorded, name, seconds, "before_last_hidden", before[-1], BEFORE)
    if "stable" in name:  # recorded before the norm after the last layer, which is part of ours
        recorded = {key: x[:-1] if "hidden_states" in key else x for key, x in recorded.items()}
        states, before = states[:-1], before[:-1]
    assert_recorded(recorded, name, seconds, "hidden_states", states)
    assert_recorded(recorded, name, seconds, "before_hidden_states", before, BEFORE)


@pytest.mark.parametrize(
    ("resample", "align_corners", "what"),
    [
        ("before", None, "before_last_hidden"),
        ("after", None, "after_half_pixel"),
        ("after", True, "after_align_corners"),
    ],
)
def test_what_a_user_hears(recorded, name, directory, script, resample, align_corners, what):
    listener = Wav2Vec2Features.load(directory, resample=resample, align_corners=align_corners)
    for seconds in SECONDS:
        rows = listener(script.waveform(seconds))
        assert_recorded(recorded, name, seconds, what, rows, BEFORE if resample == "before" else TOLERANCE)
