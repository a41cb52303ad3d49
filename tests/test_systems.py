"""No configuration describes a model that no machine could hold, or whose parts do not work together."""

import dataclasses
import sys

import pytest

from configs import DEMO, MODELS, PUBLISHED, SMALL
from kdtalker_jax import systems
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.renderers.liveportrait.config import AppearanceConfig, GeneratorConfig, WarpingConfig
from kdtalker_jax.systems import check_fit, disagreement, find_system
from kdtalker_jax.training.kinds import find_kind

SYSTEM = find_system("kdtalker")
EVERYTHING = list(SYSTEM.parts)


def check(config):
    for family in SYSTEM.families:
        family.check(config)


def test_sizes_that_are_possible_alone_may_not_be_together():
    with pytest.raises(ValueError, match="the pictures are 262144 wide"):
        check(PUBLISHED.replace(generator=GeneratorConfig(up_widths=(8,) * 11)))
    with pytest.raises(ValueError, match="the feature volume"):
        check(PUBLISHED.replace(warping=WarpingConfig(feature_size=512, volume_channels=1024)))


def test_lists_of_which_the_last_size_counts_have_one():
    with pytest.raises(ValueError, match=r"appearance\.widths has no numbers"):
        check(PUBLISHED.replace(appearance=AppearanceConfig(widths=())))
    with pytest.raises(ValueError, match=r"audio_encoder\.widths has no numbers"):
        check(PUBLISHED.replace(audio_encoder=AudioEncoderConfig(widths=())))


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


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package with an entry point beside ours, as pip would."""
    monkeypatch.setattr(systems, "_SYSTEMS", dict(systems._SYSTEMS))
    monkeypatch.syspath_prepend(tmp_path)

    def put(name, module, source):
        monkeypatch.delitem(sys.modules, module, raising=False)  # of the test before
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        folder = tmp_path / f"{module}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
        entry = f"[kdtalker_jax.systems]\n{name} = {module}:SYSTEM\n"
        (folder / "entry_points.txt").write_text(entry, encoding="utf-8")

    return put


WHOLE = """
from dataclasses import replace
from kdtalker_jax.systems import find_system
SYSTEM = replace(find_system("kdtalker"), name="cousin", trainings=("kind_of_cousin:KIND",))
"""
KIND = """
from kdtalker_jax.training.kinds import Kind
KIND = Kind("dance", dict, "", "", "")
"""


def test_a_system_of_another_package_is_found_by_its_entry_point(install, tmp_path):
    (tmp_path / "kind_of_cousin.py").write_text(KIND, encoding="utf-8")
    install("cousin", "package_of_cousin", WHOLE)
    assert find_kind("dance").name == "dance", "its trainings too, without being asked for it first"
    assert find_system("cousin").parts.keys() == SYSTEM.parts.keys()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import missing_module", "cannot be loaded: ModuleNotFoundError: No module named 'missing_module'"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("", "cannot be loaded: AttributeError"),
        ("SYSTEM = 'kdtalker'", "is no `System` of that name"),
        (WHOLE, "is no `System` of that name"),  # it calls itself cousin
    ],
)
def test_a_broken_package_is_named_and_does_not_stop_the_others(install, source, reason):
    install("broken", "package_that_is_broken", source)
    with pytest.raises(CheckpointError, match="broken = package_that_is_broken:SYSTEM") as error:
        find_system("broken")
    assert reason in str(error.value)
    assert find_system("kdtalker") is SYSTEM
    with pytest.warns(UserWarning, match="It is left out"):
        assert find_kind("denoiser").name == "denoiser"
