"""No configuration describes a network that no machine could hold, or statistics that nothing can be divided by."""

import dataclasses

import pytest

from configs import PUBLISHED, SMALL
from configs.kdtalker import DEMO, MODELS
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig, WarpingConfig

EVERYTHING = [field.name for field in dataclasses.fields(PUBLISHED)]


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


def test_sizes_that_are_possible_alone_may_not_be_together():
    with pytest.raises(ValueError, match="the pictures are 262144 wide"):
        dataclasses.replace(PUBLISHED, generator=GeneratorConfig(up_widths=(8,) * 11))
    with pytest.raises(ValueError, match="the feature volume"):
        dataclasses.replace(PUBLISHED, warping=WarpingConfig(feature_size=512, volume_channels=1024))
    with pytest.raises(ValueError, match="bias_buckets"):
        dataclasses.replace(PUBLISHED, denoiser=DenoiserConfig(bias_buckets=2))


@pytest.mark.parametrize("beta_end", [0.0, 1.0, -1.0, float("nan")])
def test_a_model_has_noise_that_there_is(beta_end):
    with pytest.raises(ValueError, match="beta_end is a variance"):
        dataclasses.replace(SMALL, denoiser=dataclasses.replace(SMALL.denoiser, beta_end=beta_end))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_our_models_agree_with_themselves(model):
    assert model.disagreement(EVERYTHING) is None


DISAGREEMENTS = {
    "keypoints": ("warping", {"keypoints": 20}, "keypoints: 21 of motion_extractor and 20 of warping"),
    "picture": ("motion_extractor", {"image_size": 64}, "image_size: 128 of appearance and 64 of motion_extractor"),
    "volume": ("warping", {"volume_depth": 3}, "feature volume"),
    "halvings": ("appearance", {"widths": (16, 64)}, "feature volume"),
    "map": ("generator", {"input_channels": 64}, "feature map: 96 of warping and 64 of generator"),
    "sound": ("audio_encoder", {"widths": (16, 24, 32, 48, 64)}, "audio features: 64 of audio_encoder"),
}


@pytest.mark.parametrize(("part", "change", "message"), DISAGREEMENTS.values(), ids=DISAGREEMENTS)
def test_networks_that_do_not_fit_together_are_named(part, change, message):
    model = dataclasses.replace(DEMO, **{part: dataclasses.replace(getattr(DEMO, part), **change)})
    assert model.disagreement(EVERYTHING).startswith(message)
    assert model.disagreement([part]) is None, "alone it is of use"


STATISTICS = {
    "too few": ({"t_mean": (0.0,)}, "t_mean has 1 numbers, not 3"),
    "none": ({"yaw_std": ()}, "yaw_std has 0 numbers"),
    "of no keypoints": ({"exp_mean": ()}, "exp_mean has 0 numbers"),
    "of other keypoints": ({"kp_std": (1.0,) * 60}, "kp_std has 60 numbers, not 63"),
    "a deviation of 0": ({"t_std": (1.0, 0.0, 1.0)}, "t_std holds 0.0"),
    "a negative deviation": ({"scale_std": (-1.0,)}, "scale_std holds -1.0"),
    "0 in float32": ({"scale_std": (1e-60,)}, "scale_std holds 1e-60"),
    "no number": ({"yaw_mean": (float("nan"),)}, "yaw_mean holds nan"),
    "endless in float32": ({"yaw_mean": (1e60,)}, r"yaw_mean holds 1e\+60"),
}


@pytest.mark.parametrize(("change", "message"), STATISTICS.values(), ids=STATISTICS)
def test_statistics_that_nothing_can_be_divided_by(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PUBLISHED.statistics, **change)
