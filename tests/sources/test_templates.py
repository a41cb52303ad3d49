"""Templates: what LivePortrait writes is read, what is written is read by anyone, and nothing in a file is run."""

import os
import pickle
from fractions import Fraction

import numpy as np
import pytest

from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.sources.templates import read_template, write_template
from kdtalker_jax.spaces.heads import heads_of, rotation_of
from kdtalker_jax.spaces.keypoints import Motion

FRAMES = 5


@pytest.fixture
def content() -> dict:
    """As LivePortrait writes it: rotations are transposed views, so that NumPy stores them in Fortran's order."""
    rng = np.random.default_rng(0)

    def frame() -> dict:
        column = rotation_of(*rng.uniform(-40, 40, (3, 1))).mT
        arrays = {
            "scale": rng.uniform(1, 2, (1, 1)),
            "exp": rng.normal(0, 0.1, (1, 21, 3)),
            "t": rng.normal(0, 0.1, (1, 3)),
            "kp": rng.normal(0, 0.3, (1, 21, 3)),
        }
        arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
        return {**arrays, "R": column.astype(np.float32).copy().transpose(0, 2, 1)}

    return {
        "n_frames": FRAMES,
        "output_fps": 30,
        "motion": [frame() for _ in range(FRAMES)],
        "c_eyes_lst": list(rng.uniform(0, 0.5, (FRAMES, 1, 2)).astype(np.float32)),
        "c_lip_lst": list(rng.uniform(0, 0.5, (FRAMES, 1, 1)).astype(np.float32)),
    }


@pytest.fixture
def reads(tmp_path):
    def read(content: object, protocol: int = 4) -> Driver:
        path = tmp_path / "template.pkl"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
        return read_template(path)

    return read


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_template_is_read_in_every_protocol(content, reads, protocol):
    driver = reads(content, protocol)
    heads = heads_of(driver.motion)
    assert driver.rate == 30
    for i, frame in enumerate(content["motion"]):
        np.testing.assert_allclose(heads.rotation[i], frame["R"][0], atol=1e-6)  # not its inverse
        np.testing.assert_array_equal(driver.motion.exp[i], frame["exp"].reshape(-1))
        np.testing.assert_array_equal(driver.motion.t[i], frame["t"][0])
    np.testing.assert_array_equal(driver.openings.eyes, np.concatenate(content["c_eyes_lst"]))
    np.testing.assert_array_equal(driver.openings.lips, np.concatenate(content["c_lip_lst"])[:, 0])


def test_older_files_and_those_of_animals_are_read(content, reads):
    new = reads(content)
    old = {
        "n_frames": np.int64(FRAMES),
        "motion": [{("R_d" if name == "R" else name): array for name, array in frame.items()}
                   for frame in content["motion"]],
        "c_d_eyes_lst": content["c_eyes_lst"],
        "c_d_lip_lst": content["c_lip_lst"],
    }  # fmt: skip
    driver = reads(old)
    np.testing.assert_array_equal(driver.motion.to_vector(), new.motion.to_vector())
    np.testing.assert_array_equal(driver.openings.lips, new.openings.lips)
    assert driver.rate == 25
    for lists in ({}, {"c_eyes_lst": [], "c_lip_lst": []}):
        animal = {name: content[name] for name in ("n_frames", "output_fps", "motion")} | lists
        assert reads(animal).openings is None


@pytest.mark.filterwarnings("ignore:How far eyes")
@pytest.mark.parametrize("suffix", (".pkl", ".npz"))
@pytest.mark.parametrize("known", (True, False))
def test_what_is_written_is_read_back(tmp_path, content, reads, suffix, known):
    driver = reads(content)
    if not known:
        driver = Driver(driver.motion, driver.rate)
    write_template(driver, tmp_path / f"out{suffix}")
    again = read_template(tmp_path / f"out{suffix}")
    np.testing.assert_allclose(again.motion.to_vector(), driver.motion.to_vector(), atol=1e-4)
    assert again.rate == driver.rate
    assert (again.openings is None) == (not known)
    if known:
        np.testing.assert_allclose(again.openings.eyes, driver.openings.eyes)
        np.testing.assert_allclose(again.canonical, driver.canonical)


def test_a_written_pickle_has_the_newest_keys_for_anyone(tmp_path, content, reads):
    write_template(reads(content), tmp_path / "out.pkl")
    written = pickle.loads((tmp_path / "out.pkl").read_bytes())
    assert {name: array.shape for name, array in written["motion"][0].items()} == {
        "scale": (1, 1), "R": (1, 3, 3), "exp": (1, 21, 3), "t": (1, 3), "kp": (1, 21, 3), "x_s": (1, 21, 3)
    }  # fmt: skip
    assert all(array.dtype == np.float32 for array in written["motion"][0].values())
    np.testing.assert_allclose(written["motion"][3]["R"], content["motion"][3]["R"], atol=1e-6)
    assert (written["n_frames"], written["output_fps"], type(written["output_fps"])) == (FRAMES, 30, int)
    assert [eyes.shape for eyes in written["c_eyes_lst"]] == [(1, 2)] * FRAMES
    assert [lip.shape for lip in written["c_lip_lst"]] == [(1, 1)] * FRAMES


def test_rates_that_are_no_whole_number_are_kept_or_resampled(tmp_path, content, reads):
    driver = reads(content)
    film = Driver(driver.motion, Fraction(24000, 1001), driver.openings)
    for suffix, rate in ((".npz", film.rate), (".pkl", 24)):
        write_template(film, tmp_path / f"out{suffix}")
        assert read_template(tmp_path / f"out{suffix}").rate == rate


def test_a_motion_file_is_a_template_and_the_other_way_round(tmp_path, content, reads):
    motion = reads(content).motion
    motion.save(tmp_path / "motion.npz")
    assert read_template(tmp_path / "motion.npz").rate == 25
    write_template(reads(content), tmp_path / "template.npz")
    np.testing.assert_array_equal(Motion.load(tmp_path / "template.npz").to_vector(), motion.to_vector())


class Evil:
    def __reduce__(self):
        return os.system, ("touch ran",)


class EvilArray:
    """An array whose state is not what an array's is."""

    def __init__(self, *state):
        self.state = state

    def __reduce__(self):
        build, arguments, _ = np.zeros(1, np.float32).__reduce__()
        return build, arguments, self.state


F4 = np.dtype("<f4")
HOSTILE = {
    "code": Evil(),
    "too many values": EvilArray(1, (1 << 40,), F4, False, b"1234"),
    "negative sides": EvilArray(1, (-1, -1), F4, False, b"1234"),
    "no values": EvilArray(1, (1,), F4, False, 5),
    "objects": np.array([{}], object),
    "text": np.array(["a"]),
    "complex": np.array([1j]),
    "records": np.zeros(1, [("a", "f4")]),
    "many axes": EvilArray(1, (1,) * 60, F4, False, b"1234"),
    "another number": np.zeros(4, np.float32),
    "not finite": np.full((1, 3), np.nan, np.float32),
    "enormous": np.full((1, 3), 1e30, np.float32),
    "nothing": None,
    "a name": os.path,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("key", ("t", "exp", "R"))
def test_hostile_values_are_refused_in_one_sentence(content, reads, tmp_path, monkeypatch, name, key):
    monkeypatch.chdir(tmp_path)
    if name == "a name":
        content["motion"][1][key] = os.getcwd
    else:
        content["motion"][1][key] = HOSTILE[name]
    with pytest.raises(InputError) as refused:
        reads(content)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    (
        {"n_frames": 6}, {"n_frames": "5"}, {"n_frames": float("nan")}, {"n_frames": 2**1024 - 1}, {"motion": []},
        {"motion": {}}, {"motion": [1]}, {"output_fps": 0}, {"output_fps": -5}, {"output_fps": float("inf")},
        {"output_fps": [30]}, {"c_eyes_lst": [np.zeros((1, 3))] * FRAMES}, {"c_lip_lst": [np.zeros((1, 2))] * FRAMES},
        {"c_lip_lst": ["a"] * FRAMES},
    ),
)  # fmt: skip
def test_templates_that_contradict_themselves_are_refused(content, reads, change):
    with pytest.raises(InputError, match="template"):
        reads(content | change)


@pytest.mark.parametrize("matrix", (2 * np.eye(3), np.diag([1, 1, -1]), np.zeros((3, 3)), np.eye(4)))
def test_matrices_that_are_no_rotations_are_refused(content, reads, matrix):
    content["motion"][2]["R"] = matrix[None].astype(np.float32)
    with pytest.raises(InputError, match=r"rotations|values in 'R'"):
        reads(content)


def test_heads_without_size_are_refused(content, reads):
    content["motion"][0]["scale"] = np.zeros((1, 1), np.float32)
    with pytest.raises(InputError, match="without size"):
        reads(content)


def test_files_that_are_no_templates(reads, tmp_path, content):
    for data in (
        b"not a pickle",
        pickle.dumps([1, 2]),
        pickle.dumps(content)[:-200],
        b"PK\x03\x04 no zip",
        b"\x80\x04.",
    ):
        with pytest.raises(InputError):
            reads(data)
    with pytest.raises(InputError, match="does not exist"):
        read_template(tmp_path / "absent.pkl")
    with pytest.raises(InputError, match=r"\.pkl or \.npz"):
        write_template(reads(content), tmp_path / "out.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_template(reads(content), tmp_path / "file" / "out.pkl")


def test_a_driver_says_what_is_wrong_with_it(content, reads):
    motion = reads(content).motion
    with pytest.raises(InputError, match="frames a second"):
        Driver(motion, Fraction(0))
    with pytest.raises(InputError, match="lips"):
        Driver(motion, openings=Openings(np.zeros((FRAMES, 2)), np.zeros(FRAMES - 1)))
