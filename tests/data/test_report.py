"""Whose clips a data set has."""

import json

import pytest

from kdtalker_jax.data.report import check_system, system_of
from kdtalker_jax.errors import InputError


def test_it_is_what_the_report_says(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"system": "toy", "clips": {}}))
    assert system_of(tmp_path) == "toy"
    check_system(tmp_path, "toy")
    with pytest.raises(InputError, match=r"is a data set of the system toy, not of kdtalker: make or name another"):
        check_system(tmp_path, "kdtalker")


def test_reports_have_been_without(tmp_path):
    check_system(tmp_path, "kdtalker")  # no report at all
    (tmp_path / "report.json").write_text(json.dumps({"clips": {}, "notes": {}, "skipped": []}))
    check_system(tmp_path, "kdtalker")


@pytest.mark.parametrize("content", ["", "[1]", '{"system": 3}', '{"system": null}', "[" * 50_000])
def test_a_damaged_report_is_named(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(InputError, match=r"report\.json is damaged \(.*\): make the data set again"):
        system_of(tmp_path)
