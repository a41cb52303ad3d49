"""Models and runs of format 1 are read as what they were."""

import dataclasses
import json

import pytest

from configs import DEMO, SMALL
from configs.audio import SMALL_AUDIO
from configs.renderer import SMALL_RENDERER
from configs.retargeting import SMALL_RETARGETING
from configs.training import DEMO_RUN, SMALL_RUN
from kdtalker_jax.checkpoints import RunRecord, load_checkpoint, read_record, run_kind, save_checkpoint
from kdtalker_jax.checkpoints.formats import current_model
from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.recipes.audio import Readers
from kdtalker_jax.records import from_json

DIFFUSION = ("beta_end", "noise_offset", "sampler")


def with_diffusion_among_sizes(content: dict) -> dict:
    """Sections as format 1 had them: what could be chosen of diffusion was a size of the denoiser."""
    diffusion = content["diffusion"]
    denoiser = content["denoiser"] | {name: diffusion[name] for name in DIFFUSION}
    return {name: x for name, x in content.items() if name != "diffusion"} | {"denoiser": denoiser}


def model_of_format_1(config: ModelConfig) -> dict:
    """What `model` was in a config.json."""
    sections = {name: dataclasses.asdict(section) for name, section in config.sections.items()}
    return {"name": config.name, **with_diffusion_among_sizes(sections)}


@pytest.fixture
def model(tmp_path, small_variables):
    """A directory as format 1 wrote it."""

    def write(config):
        directory = tmp_path / "model"
        save_checkpoint(directory, {"retargeting": small_variables["retargeting"]}, config)
        now = json.loads((directory / "config.json").read_text())
        content = {"format": 1, "model": model_of_format_1(config)}
        content |= {name: now[name] for name in ("parts", "lacking", "sums", "landmarks")}
        (directory / "config.json").write_text(json.dumps(content))
        return directory

    return write


@pytest.mark.parametrize(
    "diffusion", [SMALL.diffusion, DEMO.diffusion], ids=["published diffusion", "diffusion of its own"]
)
def test_a_model_of_format_1_is_the_same_model(model, small_variables, diffusion):
    config = SMALL.replace(diffusion=diffusion)
    checkpoint = load_checkpoint(model(config))
    assert checkpoint.config == config
    assert checkpoint.system.name == "kdtalker"
    assert set(checkpoint.parts) == {"retargeting"}
    checkpoint.variables("retargeting")


def test_a_part_added_to_a_model_of_format_1_makes_it_one_of_today(model, small_variables):
    directory = model(SMALL)
    save_checkpoint(directory, {"audio_encoder": small_variables["audio_encoder"]}, SMALL)
    assert json.loads((directory / "config.json").read_text())["format"] == 2
    checkpoint = load_checkpoint(directory)
    assert set(checkpoint.parts) == {"retargeting", "audio_encoder"}
    assert checkpoint.config == SMALL


def test_the_model_that_was_shipped_in_format_1():
    """As its file had it, the networks that did not change left out."""
    shipped = {
        "name": "demo",
        "denoiser": {
            **{"keypoints": 21, "window": 64, "audio_features": 96, "width": 160, "time_features": 64, "layers": 4},
            **{"heads": 5, "head_size": 32, "rotary_size": 12, "bias_buckets": 32, "bias_max_distance": 128},
            **{"beta_end": 0.014, "noise_offset": 0.5, "sampler": "ddpm"},
        },
    }
    content = current_model({"format": 1, "model": shipped})
    assert (content["name"], content["system"]) == ("demo", "kdtalker")
    assert set(content["model"]) == {"denoiser", "diffusion"}
    assert content["model"]["denoiser"] == dataclasses.asdict(DEMO.denoiser)
    assert from_json(DiffusionConfig, content["model"]["diffusion"]) == DEMO.diffusion


DAMAGE = {
    "no name": (("name",), None, "name is None"),
    "a number for the denoiser": (("denoiser",), 3, "model.denoiser is 3, not an object"),
    "diffusion that there is not": (("denoiser", "beta_end"), 7.0, "beta_end is a variance"),
    "text for a number": (("denoiser", "noise_offset"), "x", "noise_offset is 'x', not a number"),
    "a huge size": (("denoiser", "width"), 10**18, "width is 1000000000000000000"),
}


@pytest.mark.parametrize(("place", "value", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damage_in_format_1_is_told_as_in_todays(model, place, value, message):
    path = model(SMALL) / "config.json"
    content = json.loads(path.read_text())
    *way, name = ("model", *place)
    inner = content
    for step in way:
        inner = inner[step]
    inner[name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=rf"config\.json is damaged \(.*{message}"):
        load_checkpoint(path.parent)


def test_a_size_that_format_1_did_not_know(model):
    path = model(SMALL) / "config.json"
    content = json.loads(path.read_text())
    content["model"]["denoiser"]["colour"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"another version .*'colour'"):
        load_checkpoint(path.parent)


RUNS = {
    "denoiser": RunRecord("denoiser", SMALL_RUN, 3, "model", {"statistics": SMALL.statistics}),
    "denoiser of other diffusion": RunRecord("denoiser", DEMO_RUN, 3, None, {"statistics": DEMO.statistics}),
    "renderer": RunRecord("renderer", SMALL_RENDERER, 4),
    "retargeting": RunRecord("retargeting", SMALL_RETARGETING, 5, "model"),
    "audio encoder": RunRecord("audio_encoder", SMALL_AUDIO, 6, None, {"readers": Readers()}),
}


def record_of_format_1(record: RunRecord) -> dict:
    """A run.json. Runs of the denoiser have been written without their kind, and with it."""
    content = {"format": 1, "clips": record.clips, "init": record.init, "config": dataclasses.asdict(record.config)}
    if record.kind == "denoiser":
        content["config"] = with_diffusion_among_sizes(content["config"])
        return content | {"statistics": dataclasses.asdict(record.found["statistics"])}
    return content | {"kind": "audio encoder" if record.kind == "audio_encoder" else record.kind}


@pytest.mark.parametrize("record", RUNS.values(), ids=RUNS)
def test_a_run_of_format_1_is_the_same_run(tmp_path, record):
    (tmp_path / "run.json").write_text(json.dumps(record_of_format_1(record)))
    assert run_kind(tmp_path).name == record.kind
    assert read_record(tmp_path, record.kind) == record


def test_a_run_of_the_denoiser_that_names_its_kind(tmp_path):
    record = RUNS["denoiser"]
    (tmp_path / "run.json").write_text(json.dumps(record_of_format_1(record) | {"kind": "denoiser"}))
    assert read_record(tmp_path, "denoiser") == record


@pytest.mark.parametrize("kind", ["hologram", "audio_encoder of old"])
def test_a_kind_that_there_is_not(tmp_path, kind):
    (tmp_path / "run.json").write_text(json.dumps(record_of_format_1(RUNS["renderer"]) | {"kind": kind}))
    with pytest.raises(CheckpointError, match=f"'{kind}', which this version does not train"):
        read_record(tmp_path, "renderer")
