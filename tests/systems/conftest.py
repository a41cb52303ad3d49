"""What tests of DreamHead share: a model whose faces are white discs, and speech for it."""

import pytest
import soundfile

from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.media.audio import load_waveform
from tests.systems.dreamhead import write_mesh, write_model


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KDTALKER_FACE_MESH", str(write_mesh(tmp_path_factory.mktemp("mesh"))))
        yield


@pytest.fixture(scope="module")
def directory(mesh, tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("dreamhead") / "model")


@pytest.fixture(scope="module")
def model(directory):
    return TalkingPortrait.load(directory)


@pytest.fixture(scope="module")
def waveform():
    return load_waveform(demo.RECORDINGS[0])[: 70 * 640]


@pytest.fixture(scope="module")
def speech(waveform, tmp_path_factory):
    """0.2 seconds."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    soundfile.write(path, waveform[: 5 * 640], 16_000)
    return path
