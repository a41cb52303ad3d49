"""For tests that compile more than they compute; a conftest beside them imports what they use."""

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
    """Compiling takes longer than the work here: programs are not made fast. Processes inherit it."""
    settings = {"jax_persistent_cache_min_compile_time_secs": 0.2, "jax_disable_most_optimizations": True}
    before = {name: jax.config.values[name] for name in settings}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            jax.config.update(name, value)
            patch.setenv(name.upper(), str(value))
        yield
    for name, value in before.items():
        jax.config.update(name, value)
