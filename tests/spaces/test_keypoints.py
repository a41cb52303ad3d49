"""The layout of motion vectors, their normalisation, and motion files."""

import contextlib
import io
import os
import zipfile

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.spaces import files
from kdtalker_jax.spaces.keypoints import Motion, canonical_token, denormalise, mean_and_std, normalise, split


def random_motion(frames=4, keypoints=21, driven=True, seed=0):
    rng = np.random.default_rng(seed)
    motion = Motion.from_vector(rng.normal(size=(frames, 7 + 3 * keypoints)))
    x_d = rng.normal(size=(frames, keypoints, 3)) if driven else None
    return Motion(motion.scale, motion.yaw, motion.pitch, motion.roll, motion.t, motion.exp, x_d)


def fields(motion):
    return {name: value for name, value in vars(motion).items() if value is not None}


def test_vector_order():
    motion = Motion.from_vector(np.arange(70.0)[None])
    assert (motion.scale, motion.yaw, motion.pitch, motion.roll) == (0, 1, 2, 3)
    np.testing.assert_array_equal(motion.t[0], [4, 5, 6])
    np.testing.assert_array_equal(motion.exp[0], np.arange(7, 70))


@pytest.mark.parametrize(("frames", "keypoints"), [(1, 21), (130, 21), (3, 5)])
def test_vector_round_trip(frames, keypoints):
    vector = np.random.default_rng(0).normal(size=(frames, 7 + 3 * keypoints)).astype(np.float32)
    motion = Motion.from_vector(vector)
    assert len(motion) == frames
    assert all(value.dtype == np.float32 for value in fields(motion).values())
    np.testing.assert_array_equal(motion.to_vector(), vector)


def test_split_works_under_jit_with_any_leading_dimensions():
    vector = np.random.default_rng(0).normal(size=(2, 5, 70)).astype(np.float32)
    parts = jax.jit(split)(vector)
    assert [part.shape for part in parts] == [(2, 5)] * 4 + [(2, 5, 3), (2, 5, 63)]
    np.testing.assert_array_equal(parts.t, vector[..., 4:7])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("yaw", np.zeros(3), "yaw has shape"),
        ("t", np.zeros((4, 2)), "t has shape"),
        ("exp", np.zeros((4, 62)), "three numbers per keypoint"),
        ("keypoints", np.zeros((4, 20, 3)), "keypoints has shape"),
        ("exp", np.full((4, 63), np.nan), "exp holds values that are not finite"),
        ("roll", np.full(4, np.inf), "roll holds values that are not finite"),
        ("t", np.full((4, 3), 1e300), "t holds values that are not finite"),
        ("scale", np.full(4, 1e38), "scale holds values beyond"),
        ("yaw", np.full(4, -1e38), "yaw holds values beyond"),
        ("t", np.full((4, 3), 1e6), "t holds values beyond"),
        ("exp", np.full((4, 63), 200), "exp holds values beyond"),
        ("keypoints", np.full((4, 21, 3), -1e9), "keypoints holds values beyond"),
        ("yaw", np.array(["a"] * 4), "yaw must be real numbers"),
        ("scale", np.ones(4, complex), "scale must be real numbers"),
    ],
)
def test_inconsistent_motion_is_refused(name, value, message):
    with pytest.raises(InputError, match=message):
        Motion(**fields(random_motion()) | {name: value})


def test_motion_without_frames_is_refused():
    with pytest.raises(InputError, match="at least one frame"):
        Motion.from_vector(np.zeros((0, 70)))


def test_normalisation_by_hand_and_back():
    vector = random_motion().to_vector()
    normalised = normalise(vector, PUBLISHED_STATISTICS)
    np.testing.assert_allclose(normalised[:, 1], (vector[:, 1] - 2.7895968) / 19.101568, rtol=1e-6)  # yaw
    np.testing.assert_allclose(normalised[:, 2], (vector[:, 2] - 2.990999) / 7.0022497, rtol=1e-6)  # pitch
    np.testing.assert_allclose(denormalise(normalised, PUBLISHED_STATISTICS), vector, atol=1e-5)


def test_normalisation_stays_float32_under_jit():
    vector = random_motion().to_vector()
    result = jax.jit(lambda vector: normalise(vector, PUBLISHED_STATISTICS))(vector)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, normalise(vector, PUBLISHED_STATISTICS), rtol=1e-5)


def test_statistics_are_in_the_order_of_the_vector():
    mean, std = mean_and_std(PUBLISHED_STATISTICS)
    assert mean.shape == std.shape == (70,)
    assert mean[3] == np.float32(PUBLISHED_STATISTICS.roll_mean[0])
    assert std[69] == np.float32(PUBLISHED_STATISTICS.exp_std[62])


def test_canonical_token_of_the_mean_head_is_zero():
    kp = np.float32([PUBLISHED_STATISTICS.kp_mean, PUBLISHED_STATISTICS.kp_mean])
    kp[1, 2] += PUBLISHED_STATISTICS.kp_std[2]
    token = np.asarray(canonical_token(kp, PUBLISHED_STATISTICS))
    assert token.shape == (2, 70)
    assert not token[0].any()
    np.testing.assert_allclose(token[1, 9], 1, rtol=1e-5)


@pytest.mark.parametrize(("frames", "keypoints", "driven"), [(1, 21, True), (130, 21, False), (7, 4, True)])
def test_file_round_trip(tmp_path, frames, keypoints, driven):
    motion = random_motion(frames, keypoints, driven)
    path = tmp_path / "new folder" / "a motion ümläut.npz"
    motion.save(path)
    loaded = Motion.load(str(path))
    assert fields(loaded).keys() == fields(motion).keys()
    for name, value in fields(motion).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_saving_over_a_file_replaces_it(tmp_path):
    path = tmp_path / "motion.npz"
    random_motion(frames=9).save(path)
    random_motion(frames=2).save(path)
    assert len(Motion.load(path)) == 2


@pytest.mark.parametrize("name", ["n" * 251 + ".npz", "n" * 255, "ü" * 125 + ".npz"])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path, name):
    random_motion(frames=2).save(tmp_path / name)
    assert len(Motion.load(tmp_path / name)) == 2
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_failed_save_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputError, match=r"folder\.npz"):
        random_motion().save(tmp_path / "folder.npz")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        random_motion().save(tmp_path / "file" / "motion.npz")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.npz"]


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("malicious-code-ran",)


def write(path, **changes):
    arrays = {"version": 1} | fields(random_motion()) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


def npy(array):
    """The bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write_no_array(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("yaw", b"hello")


def write_header_that_lies(path):
    """A whole motion, but its yaw claims four terabytes."""
    write(path, yaw=None)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("yaw.npy", header.getvalue() + bytes(16))


NOT_MOTION = {
    "text": lambda path: path.write_text("not a motion"),
    "one array": lambda path: path.write_bytes(npy(np.zeros(3))),
    "other arrays": lambda path: np.savez(path, a=np.zeros(3)),
    "no version": lambda path: write(path, version=None),
    "field missing": lambda path: write(path, t=None),
    "text in an array": lambda path: write(path, yaw=np.array(["a", "b", "c", "d"])),
    "code": lambda path: write(path, yaw=np.array([Malicious()] * 4, dtype=object)),
    "bytes that are no array": write_no_array,
    "header that lies": write_header_that_lies,
}


@pytest.mark.parametrize("kind", NOT_MOTION)
def test_other_files_are_refused(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "motion.npz"
    NOT_MOTION[kind](path)
    with pytest.raises(InputError, match="is not a motion file"):
        Motion.load(path)
    assert not (tmp_path / "malicious-code-ran").exists()


def test_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "motion.npz"
    random_motion(frames=100).save(path)
    monkeypatch.setattr(files, "LARGEST_FILE", 10_000)
    with pytest.raises(InputError, match="is not a motion file"):
        Motion.load(path)


def test_unusable_motion_files_say_why(tmp_path):
    path = tmp_path / "motion.npz"
    with pytest.raises(InputError, match=r"motion\.npz does not exist"):
        Motion.load(path)
    with pytest.raises(InputError, match="is a folder"):
        Motion.load(tmp_path)
    write(path, version=2)
    with pytest.raises(InputError, match="newer format 2"):
        Motion.load(path)
    write(path, pitch=np.zeros(3))
    with pytest.raises(InputError, match=r"motion\.npz cannot be used.*pitch has shape"):
        Motion.load(path)
    write(path, roll=np.full(4, 1e38))
    with pytest.raises(InputError, match=r"motion\.npz cannot be used.*roll holds values beyond"):
        Motion.load(path)
    write(path, exp=np.full((4, 63), np.nan))
    with pytest.raises(InputError, match=r"motion\.npz cannot be used.*not finite"):
        Motion.load(path)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, data):
    """Any bytes changed, cut or added: an InputError or a valid motion, nothing else."""
    buffer = io.BytesIO()
    write(buffer)
    content = bytearray(buffer.getvalue())
    for place, value in data.draw(
        st.dictionaries(st.integers(0, len(content) - 1), st.integers(0, 255), max_size=5)
    ).items():
        content[place] = value
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    path = tmp_path_factory.mktemp("damaged") / "motion.npz"
    path.write_bytes(bytes(content[:cut]))
    with contextlib.suppress(InputError):
        assert len(Motion.load(path)) == 4
