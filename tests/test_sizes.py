"""No sizes describe a network that no machine could hold."""

import pytest

from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig, MotionExtractorConfig, WarpingConfig


@pytest.mark.parametrize("size", [0, -1, 10**9, 10**18])
@pytest.mark.parametrize(
    ("kind", "name"), [(WarpingConfig, "keypoints"), (GeneratorConfig, "middle_blocks"), (DenoiserConfig, "width")]
)
def test_sizes_are_bounded(kind, name, size):
    with pytest.raises(ValueError, match=rf"^{name} is {size}, not from 1 to \d+$"):
        kind(**{name: size})


def test_lists_of_sizes_are_bounded():
    with pytest.raises(ValueError, match="up_widths is 0"):
        GeneratorConfig(up_widths=(256, 0))
    with pytest.raises(ValueError, match="up_widths has 99 numbers"):
        GeneratorConfig(up_widths=(8,) * 99)


def test_depths_are_bounded_together():
    """Each block is traced before the shapes of a network are known."""
    with pytest.raises(ValueError, match="depths are 256 blocks, more than 128"):
        MotionExtractorConfig(depths=(64,) * 4)


def test_sizes_that_are_possible_alone_may_not_be_together():
    with pytest.raises(ValueError, match="bias_buckets"):
        DenoiserConfig(bias_buckets=2)
