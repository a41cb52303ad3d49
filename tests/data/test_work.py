"""Many files: each is worked on once, whatever happens in between."""

import os

import numpy as np
import pytest

from kdtalker_jax.data.extraction import SkippedClipError
from kdtalker_jax.data.work import carry_out, find_files, make_tasks, read_clip, read_outcome, read_outcomes
from kdtalker_jax.errors import CheckpointError, InputError


class Maker:
    """Makes clips of files that hold a number of frames, and counts how often it is asked."""

    fingerprint = "1"

    def __init__(self, error=None):
        self.calls, self.error = 0, error

    def __call__(self, path):
        self.calls += 1
        if self.error:
            raise self.error
        frames = int(path.read_text())
        vectors = {name: np.full((frames, 3), frames, np.float32) for name in ("t", "exp", "kp")}
        numbers = {name: np.full(frames, frames, np.float32) for name in ("yaw", "pitch", "roll", "scale")}
        return {**vectors, **numbers, "frames": frames, "source_rate": 30.0, "jpeg": [b"one", b"", b"three"]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    for name in ("x", "sub/x", ".hidden"):
        (tmp_path / "in" / name).write_text("7")
    return tmp_path


@pytest.fixture
def tasks(folder):
    """The tasks for the files as they are now, for a maker of a fingerprint."""
    source = folder / "in"
    return lambda fingerprint="1": make_tasks(source, find_files(source), folder / "work", fingerprint)


def test_names_are_unique_and_hidden_files_are_left_alone(tasks):
    assert [task.name for task in tasks()] == ["sub/x", "x"]
    assert len({task.result for task in tasks()}) == 2


def test_names_that_are_no_text(folder, tasks):
    """Names of files are bytes; those that are not UTF-8 must not stop a run."""
    (folder / "in" / os.fsdecode(b"\xff.mp4")).write_text("7")
    task = tasks()[-1]
    carry_out(task, Maker())
    assert task.name.encode() == rb"\udcff.mp4"
    assert read_outcome(task).frames == 7


def test_linked_folders_are_part_of_a_folder(folder):
    """Data sets are often links to other disks; a link back must not have the walk go on for ever."""
    (folder / "other").mkdir()
    (folder / "other" / "y.MAT").write_text("7")
    (folder / "in" / "link").symlink_to(folder / "other")
    (folder / "in" / "sub" / "back").symlink_to(folder / "in")
    names = [path.relative_to(folder / "in").as_posix() for path in find_files(folder / "in")]
    assert names == ["link/y.MAT", "sub/x", "x"]
    assert [path.name for path in find_files(folder / "in", ".mat")] == ["y.MAT"]


def test_notes_go_with_the_outcome_and_not_with_the_clip(tasks):
    class Noting(Maker):
        def __call__(self, path):
            return {**super().__call__(path), "notes": ["It is quiet."]}

    task = tasks()[0]
    carry_out(task, Noting())
    outcome = read_outcome(task)
    assert list(outcome.notes) == ["It is quiet."]
    assert "notes" not in read_clip(outcome.file)


def test_no_files(folder):
    with pytest.raises(InputError, match="no video files"):
        find_files(folder / "work")
    with pytest.raises(InputError, match="not a folder"):
        find_files(folder / "nowhere")


def test_a_clip_comes_back_as_it_was(tasks):
    task = tasks()[0]
    carry_out(task, Maker())
    outcome, clip = read_outcome(task), Maker()(task.path)
    assert (outcome.name, outcome.frames, outcome.reason) == ("sub/x", 7, "")
    assert outcome.moments["exp"].mean.tolist() == [7, 7, 7]
    for name, value in read_clip(outcome.file).items():
        np.testing.assert_array_equal(value, clip[name])


def test_work_is_done_once(tasks):
    maker = Maker()
    for _ in range(2):
        carry_out(tasks()[0], maker)
    assert maker.calls == 1


def test_changed_files_and_other_options_are_worked_on_again(folder, tasks):
    maker = Maker()
    carry_out(tasks()[1], maker)
    carry_out(tasks("2")[1], maker)
    (folder / "in" / "x").write_text("11")
    carry_out(tasks()[1], maker)
    assert maker.calls == 3
    assert read_outcome(tasks()[1]).frames == 11


def test_a_bad_file_is_written_down_and_not_tried_again(tasks):
    maker = Maker(SkippedClipError("no face", "Nobody there."))
    for _ in range(2):
        carry_out(tasks()[0], maker)
    outcome = read_outcome(tasks()[0])
    assert (outcome.reason, outcome.explanation, outcome.moments) == ("no face", "Nobody there.", None)
    assert maker.calls == 1


def test_a_fault_of_the_program_is_tried_again(tasks):
    carry_out(tasks()[0], Maker(RuntimeError("out of memory")))
    assert read_outcome(tasks()[0]).reason == "failed"
    assert "RuntimeError: out of memory" in read_outcome(tasks()[0]).explanation
    carry_out(tasks()[0], Maker())
    assert read_outcome(tasks()[0]).frames == 7


def test_what_concerns_all_files_stops_the_run(tasks):
    """A missing landmark predictor must not turn every video into a skipped one."""
    with pytest.raises(CheckpointError):
        carry_out(tasks()[0], Maker(CheckpointError("no predictor")))
    assert read_outcome(tasks()[0]) is None


def test_an_interruption_leaves_no_trace(tasks):
    with pytest.raises(KeyboardInterrupt):
        carry_out(tasks()[0], Maker(KeyboardInterrupt()))
    assert read_outcome(tasks()[0]) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"moments": 3}', b'{"moments": {"t": [1]}}', b'{"x": 1}'])
def test_a_result_that_nobody_can_read_is_made_again(tasks, content):
    carry_out(tasks()[0], Maker())
    tasks()[0].result.with_suffix(".json").write_bytes(content)
    assert read_outcome(tasks()[0]) is None
    carry_out(tasks()[0], Maker())
    assert read_outcome(tasks()[0]).frames == 7


def test_work_that_was_left_in_another_folder_is_missed(folder, tasks):
    """By workers that do not share it: all the pipeline knows is that they are done."""
    carry_out(tasks()[0], Maker())
    with pytest.raises(InputError, match=rf"1 of 2 files were worked on and left nothing in {folder / 'work'}: all"):
        read_outcomes(tasks())
    carry_out(tasks()[1], Maker())
    assert [outcome.name for outcome in read_outcomes(tasks())] == ["sub/x", "x"]


def test_a_full_disk_stops_the_run(folder, tasks):
    """It is no fault of the file."""
    task = tasks()[0]
    (folder / "work").rmdir()
    with pytest.raises(OSError, match="No such file"):
        carry_out(task, Maker())
