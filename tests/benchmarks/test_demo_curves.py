"""The curves of the demo model's training: what is drawn of its log."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.demo_curves import PANELS, joined, main, read_log

LOG = Path(__file__).parents[2] / "docs" / "demo_training.log"


def test_of_a_step_made_twice_the_later_value_counts():
    runs = read_log(["Step 1: loss 3.0", "Step 2: loss 2.0", "Step 2: loss 1e-05, yaw -0.5", "Step 3: nothing else"])
    assert joined(runs, "loss") == ([1, 2], [3.0, 1e-05]) and joined(runs, "yaw") == ([2], [-0.5])


def test_a_run_that_goes_on_from_another_follows_it():
    lines = [
        "Step 1: loss 3.0",
        "Finished after 2 steps.",
        "Step 9: r 1",
        "Finished after 9 steps.",
        "Step 1: loss 2.0",
    ]
    assert joined(read_log(lines), "loss") == ([1, 3], [3.0, 2.0])


def test_numbers_of_some_are_not_those_of_others():
    (run,) = read_log(["Step 5: of some, jaw r = 0.8, lips r = 0.7", "Step 5: of others, jaw r = 0.6"])
    assert run.curves == {"of some, jaw": {5: 0.8}, "of some, lips": {5: 0.7}, "of others, jaw": {5: 0.6}}


def test_the_log_of_the_model_in_the_package_has_every_line_of_every_panel(tmp_path):
    runs = read_log(LOG.read_text(encoding="utf-8").splitlines())
    assert all(joined(runs, name)[0] for _, lines in PANELS for name in lines.values())
    pytest.importorskip("matplotlib", reason="needs the extra `benchmarks`")
    out = tmp_path / "curves.svg"
    result = CliRunner().invoke(main, ["--log", str(LOG), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_text().count('<g id="axes_') == len(PANELS)
