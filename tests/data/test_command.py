"""`python -m pipelines.extract` as its users meet it: what it makes, what it skips, what it refuses, how it goes on."""

import json
import signal
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from click.testing import CliRunner

from kdtalker_jax.data.clips import SPLITS, open_clips
from kdtalker_jax.data.statistics import load_statistics
from pipelines.extract import main

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def arguments(videos, small_checkpoint):
    """The command line for a data set of a name."""
    given = (
        "--videos",
        videos,
        "--checkpoint",
        small_checkpoint,
        "--already_cut",
        "--keep_frames",
        "--split",
        "0.7/0.3",
    )
    return lambda out: [str(argument) for argument in (*given, "--out", out)]


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def plain(arguments, tmp_path_factory):
    """The data set that a plain run makes, and what it printed."""
    out = tmp_path_factory.mktemp("plain") / "set"
    result = CliRunner().invoke(main, arguments(out))
    assert result.exit_code == 0, result.output
    return out, result.output


def assert_same(a, b):
    """Data sets with the same clips in the same order, statistics and report."""
    for split in SPLITS:
        one, other = open_clips(a, split), open_clips(b, split)
        assert len(one) == len(other)
        for clip, same in zip(one, other, strict=True):
            for name in clip:
                np.testing.assert_array_equal(clip[name], same[name])
    for name in ("statistics.json", "report.json", "features.json", "dataset_info.json"):
        assert (a / name).read_bytes() == (b / name).read_bytes()


def test_good_videos_become_clips(plain, good):
    out, _ = plain
    clips = {clip["name"]: clip for split in SPLITS for clip in open_clips(out, split)}
    assert {name: clip["frames"] for name, clip in clips.items()} == good
    assert all(len(clip["jpeg"]) == clip["frames"] for clip in clips.values())
    assert {name: clip["source_rate"] for name, clip in clips.items()} == {
        name: 25 + 5 * (name == "c.mov") for name in good
    }
    assert np.std([clip["exp"][0] for clip in clips.values()], axis=0).max() > 0.01  # those of one name are two


def test_bad_files_are_reported(plain, bad):
    out, output = plain
    report = json.loads((out / "report.json").read_text())
    assert report["system"] == "kdtalker"
    assert {entry["name"]: entry["reason"] for entry in report["skipped"]} == bad
    assert "skipped: 6 (3 unreadable, 2 no sound, 1 too short)" in output
    assert all(f"{name}: {reason}: " in output for name, reason in bad.items())
    assert Counter(bad.values())["unreadable"] == 3


def test_what_one_may_not_expect_is_reported(run, make_video, small_checkpoint, tmp_path):
    """Notes on clips, and a validation split without any, which training would silently do without."""
    make_video(tmp_path / "in" / "faint.mp4", 80, volume=0.005)
    given = ("--videos", tmp_path / "in", "--checkpoint", small_checkpoint, "--already_cut")
    with pytest.warns(UserWarning, match=r"No clip fell into validation: .* such as --split 0.8/0.2"):
        result = run(*given, "--split", "0.9999999/0.0000001", "--out", tmp_path / "set")
        assert result.exit_code == 0, result.output
    assert "faint.mp4: The sound is very quiet" in result.output
    assert json.loads((tmp_path / "set" / "report.json").read_text())["notes"].keys() == {"faint.mp4"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert run(*given, "--split", "1/0", "--out", tmp_path / "meant").exit_code == 0


def test_statistics_are_there(plain):
    out, _ = plain
    statistics = load_statistics(out)
    frames = np.concatenate([clip["exp"] for clip in open_clips(out, "train")])
    np.testing.assert_allclose(statistics.exp_std, frames.std(axis=0), rtol=1e-4)


def test_killed_and_started_again(plain, arguments, tmp_path):
    """Killed in the middle of writing the third clip: nothing half-written is believed, nothing whole made again."""
    program = """
import os, signal, sys
import numpy as np
from pipelines.extract import main

save, calls = np.savez, []
def savez(file, **arrays):
    calls.append(1)
    if len(calls) == 3:
        file.write(b"PK half a clip")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(file, **arrays)
np.savez = savez
main(sys.argv[1:])
"""
    out = tmp_path / "set"
    killed = subprocess.run([sys.executable, "-c", program, *arguments(out)], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    whole = {path: path.stat().st_ino for path in (tmp_path / "set.unfinished").glob("clips/*.npz")}
    assert len(whole) == 2

    incomplete = tmp_path / "set.unfinished" / "tfds" / "kdtalker_clips" / "1.0.0"  # of a run killed later still
    incomplete.mkdir(parents=True)
    (incomplete / "dataset_info.json").write_text("{")
    result = CliRunner().invoke(main, arguments(out))
    assert result.exit_code == 0, result.output
    assert_same(out, plain[0])
    assert not (tmp_path / "set.unfinished").exists()


def test_a_signal_ends_at_once_and_keeps_whole_clips(arguments, tmp_path):
    """It comes while the third clip is written."""
    program = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)  # background jobs of a shell ignore it
import numpy as np
from pipelines.extract import main

save, calls = np.savez, []
def savez(file, **arrays):
    calls.append(1)
    if len(calls) == 3:
        file.write(b"PK half a clip")
        file.flush()
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)
    save(file, **arrays)
np.savez = savez
main(sys.argv[1:])
"""
    command = [sys.executable, "-c", program, *arguments(tmp_path / "set")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    assert ended.returncode == 128 + signal.SIGINT
    assert ended.stderr.endswith("Stopped: run the same command to go on.\n")
    assert "Traceback" not in ended.stderr
    kept = [path.suffix for path in (tmp_path / "set.unfinished" / "clips").iterdir()]
    assert sorted(kept) == [*[".json"] * kept.count(".json"), ".npz", ".npz"]


def test_beam_makes_the_same(plain, arguments, tmp_path):
    """Two workers of Apache Beam, each a process of its own, against the plain run."""
    pytest.importorskip("apache_beam", reason="needs apache-beam: pip install kdtalker_jax[beam]")
    workers = ("--runner", "DirectRunner", "--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    command = [sys.executable, "-m", "pipelines.extract", *arguments(tmp_path / "set"), *workers]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "set", plain[0])


def test_nothing_left(run, videos, small_checkpoint, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_bytes((videos / "notes.txt").read_bytes())
    result = run("--videos", tmp_path / "in", "--checkpoint", small_checkpoint, "--out", tmp_path / "set")
    assert result.exit_code == 2
    assert "None of 1 files gave a clip" in result.output
    assert not (tmp_path / "set").exists()


def test_import_of_published_files(run, tmp_path, parity):
    """`.mat` files, their own names and the published statistics."""
    (tmp_path / "mat").mkdir()
    widths = {"yaw": 1, "pitch": 1, "roll": 1, "scale": 1, "t": 3, "exp": 63, "kp": 63, "sound": 512}
    for name in "ab":
        arrays = {field: np.random.default_rng(1).normal(size=(80, width)) for field, width in widths.items()}
        scipy.io.savemat(tmp_path / "mat" / f"{name}.mat", arrays)
    (tmp_path / "mat" / "readme.txt").write_text("not looked at")
    given = ("--from_mat", tmp_path / "mat", "--mat_key", "audio=sound", "--norm", parity / "norm.npz")
    result = run(*given, "--split", "1/0", "--out", tmp_path / "set")
    assert result.exit_code == 0, result.output
    assert sorted(clip["name"] for clip in open_clips(tmp_path / "set", "train")) == ["a.mat", "b.mat"]
    with np.load(parity / "norm.npz") as norm:
        np.testing.assert_array_equal(np.float32(load_statistics(tmp_path / "set").kp_std), norm["kp_std"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "x"), "either --videos or --from_mat"),
        (("--videos", "v", "--from_mat", "m", "--out", "x"), "either --videos or --from_mat"),
        (("--videos", "v", "--out", "x"), "needs --checkpoint"),
        (("--from_mat", "m", "--out", "x", "--split", "0.9/0.2"), "two parts that make 1"),
        (("--from_mat", "m", "--out", "x", "--split", "half"), "two parts that make 1"),
        (("--from_mat", "m", "--out", "x", "--split", "1.5/-0.5"), "two parts that make 1"),
        (("--from_mat", "m", "--out", "x", "--split", "nan/nan"), "two parts that make 1"),
        (("--from_mat", "m", "--out", "x", "--mat_key", "audio"), "FIELD=NAME"),
        (("--from_mat", "m", "--out", "x", "--mat_key", "sound=aud"), "no field 'sound'"),
        (("--from_mat", "nowhere", "--out", "x"), "nowhere is not a folder"),
        (("--videos", "nowhere", "--checkpoint", "nothing", "--out", "x"), "nowhere is not a folder"),
        (("--from_mat", "m", "--out", "x", "--", "--direct_num_workers=2"), "need --runner"),
        (("--from_mat", "m", "--norm", "norm.npz", "--out", "x"), "norm.npz"),
    ],
)
def test_what_is_refused(run, tmp_path, monkeypatch, arguments, message):
    """One line, exit code 2, and nothing left behind."""
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_beam_that_is_not_installed(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "kdtalker_jax.data.beam", raising=False)
    result = run("--from_mat", tmp_path, "--out", tmp_path / "set", "--runner", "DirectRunner")
    assert result.exit_code == 2
    assert "kdtalker_jax[beam]" in result.output
