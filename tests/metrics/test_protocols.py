"""Tables of papers: each number from where it was measured, a dash and a reason where it was not."""

import json
import math

import pytest

from kdtalker_jax.metrics.catalogue import METRICS
from kdtalker_jax.metrics.evaluation import Measurement
from kdtalker_jax.metrics.protocols import kdtalker_table
from kdtalker_jax.metrics.report import Report

MADE = {"lse_c": 7.3264, "lse_d": 7.5, "pose_diversity_hopenet": 0.76, "cpbd": 0.25, "csim": 0.9, "csim_dlib": 0.97}
REAL = {"lse_c": 8.25, "lse_d": 6.9, "pose_diversity_hopenet": 0.64, "cpbd": 0.35, "csim": 0.8, "csim_dlib": 0.96}


def reports(lacking=(), fid=9.756):
    """Of two videos each; the second has no numbers."""
    missing = {metric.name: "needs more" for metric in METRICS if metric.name in lacking or metric.name not in MADE}
    missing.pop("fid")
    found = []
    for numbers in (MADE, REAL):
        values = {name: value for name, value in numbers.items() if name not in lacking}
        videos = {"a.mp4": Measurement(values), "b.mp4": Measurement(dict.fromkeys(values, math.nan))}
        found.append(Report({}, missing, videos))
    found[0].together["fid"] = fid
    return found


def test_all_numbers_have_their_place():
    table = kdtalker_table(*reports(), speed=21.7)
    assert list(table.rows["videos"]) == ["LSE-C", "LSE-D", "Diversity", "FID", "CPBD", "CSIM", "FPS"]
    assert list(table.rows["videos"].values()) == [7.3264, 7.5, 0.76, 9.756, 0.25, 0.9, 21.7]
    assert list(table.rows["real videos"].values()) == [8.25, 6.9, 0.64, 0, 0.35, 1, 25]
    assert table.reasons == {}
    assert json.loads(json.dumps(table.to_json()))["rows"]["videos"]["FPS"] == 21.7


def test_a_dash_has_a_reason():
    table = kdtalker_table(*reports({"lse_c", "pose_diversity_hopenet", "csim_dlib", "csim"}, fid=math.nan))
    assert [table.rows["videos"][name] for name in ("LSE-C", "Diversity", "FID", "CSIM", "FPS")] == [None] * 5
    assert table.rows["real videos"]["FID"] is table.rows["real videos"]["CSIM"] is None
    assert table.reasons.keys() == {"LSE-C", "Diversity", "FID", "CSIM", "FPS"}
    assert (table.reasons["LSE-C"], table.reasons["FID"]) == ("needs more", "measured on no video")
    lines = table.to_lines()
    assert lines[0].split() == ["LSE-C", "LSE-D", "Diversity", "FID", "CPBD", "CSIM", "FPS"]
    assert lines[2].split() == ["videos", "-", "7.500", "-", "-", "0.250", "-", "-"]
    assert "CSIM: needs more" in lines


def test_another_number_does_not_stand_under_the_papers_heading():
    """dlib's network in place of ArcFace is named, and the reason given."""
    table = kdtalker_table(*reports({"csim"}))
    assert table.rows["videos"]["CSIM (dlib)"] == 0.97
    assert table.rows["real videos"]["CSIM (dlib)"] == 1
    assert "CSIM" not in table.rows["videos"]
    assert table.reasons["CSIM"] == "needs more"


@pytest.mark.parametrize("videos", [0, 1, 2])
def test_what_is_of_all_videos_counts_all_of_them(videos):
    report = reports()[0]
    report.videos = dict(list(report.videos.items())[:videos])
    summary = report.summary()["fid"]
    assert (summary["videos"], summary["nan"]) == (videos, 0)
    assert summary["mean"] == pytest.approx(9.756) if videos else math.isnan(summary["mean"])
