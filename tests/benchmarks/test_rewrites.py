"""Every cheaper form gives what the plain one gives: at small sizes here, at those of a frame when it is measured."""

import pytest

torch = pytest.importorskip("torch", reason="benchmarks name PyTorch's version, which is an extra")

from benchmarks.rewrites import REWRITES, measure  # noqa: E402
from configs import SMALL  # noqa: E402


@pytest.mark.parametrize("name", REWRITES)
def test_rewrite_equals_its_plain_form(name):
    """To 1e-4 of the result's standard deviation, in float32."""
    result = measure(REWRITES[name](SMALL), repeats=1)
    assert result["difference"] < 1e-4
    assert set(result["seconds"]) == {"plain", "form"}
