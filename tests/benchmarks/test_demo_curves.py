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
    assert read_curve(tmp_path / "metrics.jsonl", "loss") == ([1, 2], [3.0, 1.0])


def test_every_run_has_its_panel(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra `benchmarks`")
    for run in {run for run, _, _ in PANELS}:
        names = [name for other, _, lines in PANELS if other == run for name in lines.values()]
        write_log(tmp_path / run, [{"step": step, **dict.fromkeys(names, 1 / step)} for step in (1, 2)])
    out = tmp_path / "curves.svg"
    result = CliRunner().invoke(main, ["--workdir", str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_text().count('<g id="axes_') == len(PANELS)
