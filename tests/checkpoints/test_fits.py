"""Arrays are those of the sizes: known for models with a name, traced for others, and never taken from the model's
own word.
"""

import dataclasses
import json

import pytest

from configs import SMALL
from configs.fits import FITS
from configs.kdtalker import MODELS
from kdtalker_jax.checkpoints import fit, load_checkpoint
from kdtalker_jax.checkpoints.trees import layout_of
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.parts import Part
from kdtalker_jax.systems import find_system

SYSTEM = find_system("kdtalker")


def keys_of(model: str) -> dict[str, str]:
    config = MODELS[model]
    return {name: fit.fit_key(part, config, layout_of(part.shapes(config))) for name, part in SYSTEM.parts.items()}


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[] if name == "small" else pytest.mark.slow) for name in MODELS]
)
def test_known_fits_are_those_of_the_networks(model):
    """What stands in configs/fits.py is what tracing gives."""
    keys = keys_of(model)
    assert not {name: key for name, key in keys.items() if key not in FITS}


@pytest.fixture
def traced(monkeypatch) -> list[str]:
    """The parts that are traced."""
    found = []
    shapes = Part.shapes

    def noted(part, *arguments, **options):
        found.append(part.name)
        return shapes(part, *arguments, **options)

    monkeypatch.setattr(Part, "shapes", noted)
    monkeypatch.setattr(fit, "_TRACED", set())
    return found


def test_a_model_with_a_name_is_not_traced(saved, traced):
    assert load_checkpoint(saved).variables("generator")
    assert traced == []


def test_other_sizes_are_traced_once(traced):
    config = SMALL.replace(retargeting=dataclasses.replace(SMALL.retargeting, lip=(8,)))
    part = SYSTEM.parts["retargeting"]
    layout = layout_of(part.shapes(config))
    traced.clear()
    assert [fit.misfit(part, config, layout, FITS) for _ in range(3)] == [None] * 3
    assert traced == ["retargeting"]


def test_what_a_description_says_of_its_fit_is_not_believed(saved):
    """A CRC-32 is made to fit by whoever wants it to."""
    path = saved / "config.json"
    content = json.loads(path.read_text())
    content["model"]["retargeting"]["lip"] = [8]
    config = SMALL.replace(retargeting=dataclasses.replace(SMALL.retargeting, lip=(8,)))
    part, layout = SYSTEM.parts["retargeting"], layout_of(load_checkpoint(saved).variables("retargeting"))
    content["sums"]["retargeting"]["fit"] = fit.fit_sum(part, config, layout)
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="retargeting cannot be read: params/lip"):
        load_checkpoint(saved).variables("retargeting")
