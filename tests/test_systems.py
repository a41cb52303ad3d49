"""No configuration describes a model that no machine could hold, or whose parts do not work together."""

import dataclasses

import pytest

from configs import PUBLISHED, SMALL
from configs.kdtalker import DEMO, MODELS
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.motion_models.kdtalker.config import DenoiserConfig
from kdtalker_jax.renderers.liveportrait.config import AppearanceConfig, GeneratorConfig, WarpingConfig
from kdtalker_jax.systems import check_fit, disagreement, find_system

SYSTEM = find_system("kdtalker")
EVERYTHING = list(SYSTEM.parts)


def check(config):
    for family in SYSTEM.families:
        family.check(config)


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
        check(PUBLISHED.replace(generator=GeneratorConfig(up_widths=(8,) * 11)))
    with pytest.raises(ValueError, match="the feature volume"):
        check(PUBLISHED.replace(warping=WarpingConfig(feature_size=512, volume_channels=1024)))
    with pytest.raises(ValueError, match="bias_buckets"):
        DenoiserConfig(bias_buckets=2)


def test_lists_of_which_the_last_size_counts_have_one():
    with pytest.raises(ValueError, match=r"appearance\.widths has no numbers"):
        check(PUBLISHED.replace(appearance=AppearanceConfig(widths=())))
    with pytest.raises(ValueError, match=r"audio_encoder\.widths has no numbers"):
        check(PUBLISHED.replace(audio_encoder=AudioEncoderConfig(widths=())))


@pytest.mark.parametrize("beta_end", [0.0, 1.0, -1.0, float("nan")])
def test_a_model_has_noise_that_there_is(beta_end):
    with pytest.raises(ValueError, match="beta_end is a variance"):
        dataclasses.replace(SMALL.diffusion, beta_end=beta_end)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": 0}, "times is 0, not from 1"),
        ({"times": 10**9}, "times is 1000000000, not from 1"),
        ({"noise_offset": -0.1}, "noise_offset is a standard deviation"),
        ({"noise_offset": float("nan")}, "noise_offset is a standard deviation"),
    ],
)
def test_diffusion_is_bounded(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL.diffusion, **change)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_our_models_agree_with_themselves(model):
    check(model)
    assert disagreement(model, EVERYTHING) is None


DISAGREEMENTS = {
    "keypoints": ("warping", {"keypoints": 20}, "keypoints: 21 of motion_extractor and 20 of warping"),
    "statistics": ("denoiser", {"keypoints": 20}, "keypoints: 20 of denoiser and 21 of statistics"),
    "picture": ("motion_extractor", {"image_size": 64}, "image_size: 128 of appearance and 64 of motion_extractor"),
    "volume": ("warping", {"volume_depth": 3}, "feature volume"),
    "halvings": ("appearance", {"widths": (16, 64)}, "feature volume"),
    "map": ("generator", {"input_channels": 64}, "feature map: 96 of warping and 64 of generator"),
    "sound": (
        "audio_encoder",
        {"widths": (16, 24, 32, 48, 64)},
        "features of 64 numbers at 25 a second of audio_encoder for a motion model that hears 96 at 25, denoiser",
    ),
}


@pytest.mark.parametrize(("part", "change", "message"), DISAGREEMENTS.values(), ids=DISAGREEMENTS)
def test_networks_that_do_not_fit_together_are_named(part, change, message):
    model = DEMO.replace(**{part: dataclasses.replace(getattr(DEMO, part), **change)})
    assert disagreement(model, EVERYTHING).startswith(message)
    if part != "denoiser":  # the statistics are not a part
        assert disagreement(model, [part]) is None, "alone it is of use"


def test_two_parts_of_different_families_are_seen_to_fit_without_the_others():
    """As training and extraction load them."""
    model = DEMO.replace(denoiser=dataclasses.replace(DEMO.denoiser, audio_features=8))
    assert "hears 8 at 25" in disagreement(model, ["audio_encoder", "denoiser"])
    assert disagreement(model, ["motion_extractor", "denoiser"]) is None
    statistics = {name: x[:60] if len(x) == 63 else x for name, x in dataclasses.asdict(DEMO.statistics).items()}
    fewer = DEMO.replace(
        denoiser=dataclasses.replace(DEMO.denoiser, keypoints=20),
        statistics=type(DEMO.statistics)(**statistics),
    )
    assert "keypoints=20" in disagreement(fewer, ["motion_extractor", "denoiser"])
    assert disagreement(fewer, ["audio_encoder", "denoiser"]) is None


def test_families_that_do_not_fit_are_refused():
    renderer, _, motion_model = (family(DEMO) for family in SYSTEM.families)
    other = SYSTEM.families[1](SMALL)
    with pytest.raises(CheckpointError, match=r"do not fit together \(features of 16 numbers .* hears 96"):
        check_fit(other, motion_model, renderer)


def test_a_system_that_there_is_not():
    with pytest.raises(CheckpointError, match=r"no system 'hologram' here, only .*kdtalker"):
        find_system("hologram")


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
