"""The report: valid JSON whatever was measured, and a table that says all of it."""

import json
import math

import pytest

from kdtalker_jax.errors import OutputError
from kdtalker_jax.metrics.evaluation import METRICS, Measurement
from kdtalker_jax.metrics.report import Report

MEASURED = ("cpbd", "psnr", "jitter")


@pytest.fixture
def report():
    skipped = {metric.name: "needs more" for metric in METRICS if metric.name not in MEASURED}
    videos = {
        "a.mp4": Measurement({"cpbd": 0.25, "psnr": math.nan, "jitter": math.inf}, ["There is no face."], 50),
        "b.mp4": Measurement({"cpbd": 0.75, "psnr": math.nan, "jitter": 3.0}, [], 60),
    }
    return Report({"videos": "folder"}, skipped, videos, {"c.txt": "is not a video"})


def strictly(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_null_stands_for_what_is_no_number(report):
    content = strictly(report.to_json())
    assert content["videos"]["a.mp4"] == {
        "frames": 50,
        "metrics": {"cpbd": 0.25, "psnr": None, "jitter": None},
        "notes": ["There is no face."],
    }
    assert content["unreadable"] == {"c.txt": "is not a video"}
    assert content["not_measured"]["lse_c"] == "needs more"
    assert content["conditions"] == {"videos": "folder"}


def test_means_are_over_numbers_and_the_others_are_counted(report):
    summary = strictly(report.to_json())["summary"]
    assert set(summary) == set(MEASURED)
    assert summary["cpbd"] == {"mean": 0.5, "unit": "", "better": "higher", "videos": 2, "nan": 0}
    assert summary["psnr"] == {"mean": None, "unit": "dB", "better": "higher", "videos": 0, "nan": 2}
    assert (summary["jitter"]["mean"], summary["jitter"]["nan"]) == (3.0, 1)


def test_the_table_leaves_nothing_out(report):
    table = report.to_table()
    lines = {line.split()[0]: line for line in table.splitlines()}
    assert all(metric.name in table for metric in METRICS)
    assert table.count("not measured") == 1, "what lacks the same is one line"
    assert "lse_c, lse_d" in table and ": needs more" in table
    assert lines["cpbd"].split() == ["cpbd", "0.5000", "higher", "2", "0"]
    assert lines["psnr"].split() == ["psnr", "-", "dB", "higher", "0", "2"]
    assert "a.mp4: There is no face." in table
    assert "c.txt: not read: is not a video" in table


def test_doubts_of_one_kind_are_one_line(report):
    """However many videos there are, a terminal shows each kind once; the notes have all."""
    report.videos["a.mp4"].doubt("size", "The reference was resized.")
    report.videos["b.mp4"].doubt("size", "The reference was resized, too.")
    report.videos["b.mp4"].doubt("sound", "The reference has another sound.")
    lines = ["a.mp4: The reference was resized. (And 1 more.)", "b.mp4: The reference has another sound."]
    assert report.warnings() == strictly(report.to_json())["warnings"] == lines
    assert "b.mp4: The reference was resized, too." in report.to_table()


def test_a_report_without_any_number_is_empty(report):
    assert not report.empty
    report.videos = {"a.mp4": Measurement(dict.fromkeys(MEASURED, math.nan))}
    assert report.empty
    report.videos = {}
    assert report.empty


def test_a_report_that_cannot_be_written_leaves_the_older_one(report, tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    path.write_text("older")
    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OutputError, match="No space left"):
            report.save(path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
    report.save(path)
    assert strictly(path.read_text())["videos"]
