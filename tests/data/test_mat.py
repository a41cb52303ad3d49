"""Import of the published `.mat` files."""

import numpy as np
import pytest
import scipy.io

from kdtalker_jax.data.extraction import SkippedClipError
from kdtalker_jax.data.mat import MatClips


@pytest.fixture
def arrays():
    """A clip of 70 frames as MATLAB keeps it: nothing has fewer than two dimensions."""
    random = np.random.default_rng(0)
    shapes = dict(yaw=(70, 1), pitch=(1, 70), roll=(70, 1), scale=(70, 1), t=(70, 1, 3), exp=(70, 21, 3), kp=(70, 63))
    return {name: random.normal(size=shape) for name, shape in {**shapes, "aud": (72, 512)}.items()}


@pytest.fixture
def file(tmp_path):
    def write(arrays):
        scipy.io.savemat(tmp_path / "clip.mat", arrays)
        return tmp_path / "clip.mat"

    return write


def test_fields(arrays, file):
    clip = MatClips()(file(arrays))
    for name in ("yaw", "pitch", "roll", "scale", "t", "exp", "kp"):
        np.testing.assert_array_equal(clip[name].ravel(), arrays[name].ravel().astype(np.float32))
    assert clip["exp"].shape == clip["kp"].shape == (70, 63)
    assert clip["t"].shape == (70, 3)
    np.testing.assert_array_equal(clip["audio"], arrays["aud"].astype(np.float32))
    assert (clip["frames"], clip["source_rate"], clip["mel"].shape, clip["jpeg"]) == (70, 25, (0, 80), [])


def test_other_names_can_be_given(arrays, file):
    arrays["sound"] = arrays.pop("aud")
    path = file(arrays)
    with pytest.raises(SkippedClipError, match=r"lacks audio; it has .*sound.* give it with `keys`"):
        MatClips()(path)
    assert MatClips({"audio": "sound"})(path)["audio"].shape == (72, 512)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exp": np.zeros((69, 63))}, r"exp of .* shape \(69, 63\)"),
        ({"kp": np.zeros((70, 60))}, "do not go together"),
        ({"aud": np.zeros((72, 80))}, "audio of"),
        ({"t": np.full((70, 3), np.nan)}, "not finite"),
        ({"yaw": "text"}, "yaw of"),
        ({"aud": np.zeros((66, 512))}, "66 frames of sound"),
    ],
)
def test_files_that_do_not_fit(arrays, file, change, message):
    with pytest.raises(SkippedClipError, match=message):
        MatClips()(file({**arrays, **change}))


@pytest.mark.parametrize("content", [b"", b"no matrix at all" * 20, b"MATLAB 7.3 MAT-file, Platform" + bytes(600)])
def test_files_that_are_no_matlab_files(tmp_path, content):
    (tmp_path / "clip.mat").write_bytes(content)
    with pytest.raises(SkippedClipError, match="cannot be read as a MATLAB file"):
        MatClips()(tmp_path / "clip.mat")
