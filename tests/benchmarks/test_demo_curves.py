"""The curves of the demo model's training: what is drawn of its logs."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.demo_curves import PANELS, main, read_curve


def write_log(folder, entries):
    folder.mkdir(exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_of_a_step_made_twice_the_later_value_counts(tmp_path):
    write_log(tmp_path, [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 3}])
    assert read_curve([tmp_path / "metrics.jsonl"], "loss") == ([1, 2], [3.0, 1.0])


def test_a_run_that_goes_on_from_another_follows_it(tmp_path):
    for run in ("renderer", "details"):
        write_log(tmp_path / run, [{"step": 1, "loss": 3.0}, {"step": 2}])
    logs = [tmp_path / run / "metrics.jsonl" for run in ("renderer", "details")]
    assert read_curve(logs, "loss") == ([1, 3], [3.0, 3.0])


def test_every_run_has_its_panel(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `benchmarks`")
    for run in {run for runs, _, _ in PANELS for run in runs}:
        names = [name for runs, _, lines in PANELS if run in runs for name in lines.values()]
        write_log(tmp_path / run, [{"step": step, **dict.fromkeys(names, 1 / step)} for step in (1, 2)])
    out = tmp_path / "curves.svg"
    result = CliRunner().invoke(main, ["--workdir", str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_text().count('<g id="axes_') == len(PANELS)
