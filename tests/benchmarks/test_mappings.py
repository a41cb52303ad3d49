"""The benchmark of mappings runs, and says what it measured. No time is asserted."""

import json

import pytest
from click.testing import CliRunner

from benchmarks import mappings


@pytest.mark.slow
def test_all_mappings_are_measured(tmp_path):
    file = tmp_path / "result.json"
    arguments = ["--model", "small", "--batch", "2", "--steps", "1", "--json", str(file)]
    done = CliRunner().invoke(mappings.main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    work = {"step/pmap", "step/jit", "step/fsdp", "pictures/pmap", "pictures/jit"}
    assert set(result) == {"device", "model", "batch", "same_bits"} | work
    for name in work:
        assert result[name]["seconds"] > 0
    assert result["step/pmap"]["ratio"] == 1
