"""Older formats of config.json and run.json, brought to today's.

1   one system; the sections of a model beside its name; diffusion among the denoiser's sizes; a run's statistics
    beside its configuration, which does not say how devices share a step
2   the system's name, and sections by name; diffusion is a section; what a run has found out is `found`
"""

from collections.abc import Mapping
from typing import Any

from kdtalker_jax.records import from_json

CONFIG_FILE = "config.json"
LANDMARKS_FILE = "shape_predictor_68_face_landmarks.dat"
SLIDERS_FILE = "sliders.npz"
FORMAT = 2
DIFFUSION = ("beta_end", "noise_offset", "sampler")  # that format 1 has among the denoiser's sizes
# What format 1 calls a kind of run.
KINDS = {"audio encoder": "audio_encoder"}

Content = Mapping[str, Any]


def current_model(content: Content) -> dict[str, Any]:
    """The object of a config.json of any format that there has been, in today's; ValueError where it is damaged."""
    content = dict(content)
    if content.get("format") != 1:
        return content
    model = dict(from_json(dict, content.get("model"), "model"))
    name = model.pop("name", None)
    return {**content, "format": FORMAT, "name": name, "system": "kdtalker", "model": _with_diffusion(model)}


def current_run(content: Content) -> dict[str, Any]:
    """The same of a run.json."""
    content = dict(content)
    if content.get("format") != 1:
        return content
    kind = from_json(str, content.pop("kind", "denoiser"), "kind")
    found = {name: content.pop(name) for name in ("statistics",) if name in content}
    config = from_json(dict, content.get("config"), "config")
    if kind == "denoiser":
        config = _with_diffusion(config)
    config = {"devices": {"mapping": "pmap"}, **config}
    return {**content, "format": FORMAT, "kind": KINDS.get(kind, kind), "config": config, "found": found}


def _with_diffusion(sections: Content) -> dict[str, Any]:
    diffusion = {"times": 1000, "beta_start": 1e-5, "prediction": "noise"}
    denoiser = sections.get("denoiser")
    if isinstance(denoiser, dict):  # otherwise whoever reads it says what is wrong
        diffusion |= {field: denoiser[field] for field in DIFFUSION if field in denoiser}
        sections = {**sections, "denoiser": {name: x for name, x in denoiser.items() if name not in DIFFUSION}}
    return {**sections, "diffusion": diffusion}
