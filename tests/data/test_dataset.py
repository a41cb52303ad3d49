"""From outcomes to a data set and back: splits, statistics, report, all or nothing."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.io

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.dataset import split_of, work_folder, write_dataset
from kdtalker_jax.data.mat import MatClips
from kdtalker_jax.data.report import system_of
from kdtalker_jax.data.statistics import clip_moments, load_statistics, motion_statistics
from kdtalker_jax.data.work import Outcome, carry_out, find_files, make_tasks, read_outcome
from kdtalker_jax.errors import InputError, OutputError

SHAPES = {"yaw": (1,), "pitch": (1,), "roll": (1,), "scale": (1,), "t": (3,), "exp": (63,), "kp": (63,), "aud": (512,)}


@pytest.fixture
def files(tmp_path):
    """Eight clips and one file that gives none."""
    folder = tmp_path / "mat"
    folder.mkdir()
    for seed in range(8):
        random = np.random.default_rng(seed)
        arrays = {name: random.normal(seed, 1, (70 + seed, *shape)) for name, shape in SHAPES.items()}
        scipy.io.savemat(folder / f"{seed}.mat", arrays)
    (folder / "bad.mat").write_bytes(b"bad")
    return folder


@pytest.fixture
def build(files, tmp_path):
    """Builds the data set of a name; returns its folder."""

    def run(name, train=0.6, statistics=None):
        out = tmp_path / name
        work = work_folder(out, files)
        tasks = make_tasks(files, find_files(files, ".mat"), work / "clips", "")
        for task in tasks:
            carry_out(task, MatClips())
        write_dataset(out, work, [read_outcome(task) for task in tasks], train, statistics)
        return out

    return run


def test_clips_come_back_in_their_split(files, build):
    out = build("set")
    splits = {split: list(open_clips(out, split)) for split in ("train", "validation")}
    for split, clips in splits.items():
        for clip in clips:
            assert split_of(clip["name"], 0.6) == split
            expected = MatClips()(files / clip["name"])
            assert expected.pop("notes") == []  # they are no part of a clip
            for name, value in expected.items():
                np.testing.assert_array_equal(clip[name], value)
    assert sorted(clip["name"] for clips in splits.values() for clip in clips) == [f"{i}.mat" for i in range(8)]
    assert all(splits.values())


def test_clips_are_a_sequence(build):
    """One that worker processes can be given."""
    clips = pickle.loads(pickle.dumps(open_clips(build("set", train=1), "train")))
    assert len(clips) == 8
    assert clips[-1]["name"] == clips[7]["name"]
    with pytest.raises(IndexError):
        clips[8]


def test_statistics_are_of_the_training_split(build):
    out = build("set")
    clips = open_clips(out, "train")
    assert load_statistics(out) == motion_statistics(
        clip_moments(clip) for clip in sorted(clips, key=lambda clip: clip["name"])
    )
    assert load_statistics(out) != load_statistics(build("other", train=1))


def test_statistics_may_be_given(build):
    saved = load_statistics(build("set", statistics=PUBLISHED_STATISTICS))
    np.testing.assert_allclose(saved.exp_std, PUBLISHED_STATISTICS.exp_std, rtol=1e-6)


def test_report(build):
    report = json.loads((build("set") / "report.json").read_text())
    assert {**report["clips"]["train"], **report["clips"]["validation"]} == {f"{i}.mat": 70 + i for i in range(8)}
    assert [(entry["name"], entry["reason"]) for entry in report["skipped"]] == [("bad.mat", "unreadable")]


def test_files_of_another_width_are_left_out(files, build):
    """They cannot be rows of the same data set; most files say what its width is."""
    arrays = {name: np.zeros((75, *shape)) for name, shape in {**SHAPES, "exp": (45,), "kp": (45,)}.items()}
    scipy.io.savemat(files / "9.mat", arrays)
    report = json.loads((build("set") / "report.json").read_text())
    assert {entry["name"]: entry["explanation"] for entry in report["skipped"]}["9.mat"].startswith("It has another")
    assert sum(len(clips) for clips in report["clips"].values()) == 8


class Glows:
    """Makes clips of another system than KDTalker's."""

    system, fingerprint = "toy", "1"

    def __call__(self, path):
        frames = 70 + int(path.stem)
        random = np.random.default_rng(frames)
        arrays = {"glow": (frames,), "grid": (frames, 2, 3), "audio": (2 * frames, 5), "spectrum": (9, 4)}
        numbers = {name: random.normal(size=shape).astype(np.float32) for name, shape in arrays.items()}
        return {**numbers, "frames": frames, "source_rate": 25.0, "jpeg": [b"picture"] * frames}


def test_clips_may_be_described_in_other_terms(files, tmp_path):
    """Whatever arrays a system keeps come back, and whatever it has for each frame has statistics."""
    (files / "bad.mat").unlink()
    out, make = tmp_path / "set", Glows()
    work = work_folder(out, files)
    tasks = make_tasks(files, find_files(files, ".mat"), work / "clips", make.fingerprint)
    for task in tasks:
        carry_out(task, make)
    report = write_dataset(out, work, [read_outcome(task) for task in tasks], 0.6, system=make.system)
    assert report["system"] == system_of(out) == "toy"
    clips = list(open_clips(out, "train"))
    for clip in clips:
        expected = make(files / clip["name"])
        assert clip.keys() == {"name", *expected}
        for name, value in expected.items():
            np.testing.assert_array_equal(clip[name], value)
    statistics = json.loads((out / "statistics.json").read_text())
    assert list(statistics) == ["glow_mean", "glow_std", "grid_mean", "grid_std"]
    glow = np.concatenate([clip["glow"] for clip in clips])
    np.testing.assert_allclose([statistics["glow_mean"][0], statistics["glow_std"][0]], [glow.mean(), glow.std()], 1e-4)
    assert len(statistics["grid_mean"]) == 6
    with pytest.raises(InputError, match="is a data set of the system toy, not of kdtalker"):
        load_statistics(out)


def test_a_data_set_whose_report_names_no_system_is_one_of_kdtalker(build):
    out = build("set")
    report = json.loads((out / "report.json").read_text())
    assert report.pop("system") == "kdtalker"
    (out / "report.json").write_text(json.dumps(report))
    assert load_statistics(out) and len(open_clips(out, "train"))


def test_nothing_unfinished_remains(build, tmp_path):
    build("set")
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_split_without_clips_is_empty(build):
    assert len(open_clips(build("set", train=1), "validation")) == 0


def test_no_clip_for_training(build):
    with pytest.raises(InputError, match="fall into validation: use a split of 1/0"):
        build("set", train=0)


def test_the_split_of_a_clip_is_its_own():
    """Neither order nor the other clips decide, and the parts are as asked for."""
    train = sum(split_of(f"{i}.mp4", 0.95) == "train" for i in range(20_000)) / 20_000
    assert train == pytest.approx(0.95, abs=0.006)
    names = ("a.mp4", "b.mp4", "id10270/x6uYqmx31kE/00001.mp4")
    assert [split_of(name, 0.5) for name in names] == ["validation", "validation", "train"]  # as in all sets so far
    assert split_of("a", 1) == "train"
    assert split_of("a", 0) == "validation"


def test_no_file_gave_a_clip(tmp_path):
    work = work_folder(tmp_path / "set", tmp_path / "in")
    outcomes = [Outcome("a.mp4", tmp_path, reason="no face", explanation="Nobody.")]
    with pytest.raises(InputError, match=r"None of 1 files(?s:.*)a\.mp4: no face: Nobody\."):
        write_dataset(tmp_path / "set", work, outcomes, 0.95)
    assert json.loads((work / "report.json").read_text())["skipped"][0]["reason"] == "no face"
    assert not (tmp_path / "set").exists()


def test_a_data_set_is_never_replaced(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        work_folder(tmp_path / "set", tmp_path / "in")


def test_a_data_set_among_its_videos(tmp_path):
    with pytest.raises(OutputError, match="lies within"):
        work_folder(tmp_path / "in" / "set", tmp_path / "in")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        work_folder(tmp_path / "file" / "set", tmp_path / "in")


def test_what_is_no_data_set(tmp_path, build):
    with pytest.raises(InputError, match=r"make one with pipelines\.extract"):
        open_clips(tmp_path, "train")
    out = build("set")
    with pytest.raises(InputError, match="no split 'test'"):
        open_clips(out, "test")
    (out / "features.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        open_clips(out, "train")


def test_tensorflow_is_never_imported(files, tmp_path):
    """Neither to write nor to read, also where it is installed."""
    program = """
import sys
from pipelines.extract import main
main(["--from_mat", sys.argv[1], "--out", sys.argv[2]], standalone_mode=False)
from kdtalker_jax.data.clips import open_clips
assert len([clip["exp"] for clip in open_clips(sys.argv[2], "train")]) > 4
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, files, tmp_path / "set"], check=True)
