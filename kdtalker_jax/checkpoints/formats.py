"""Older formats of config.json and run.json, brought to today's.

1   one system; the sections of a model beside its name; diffusion among the denoiser's sizes; a run's statistics
    beside its configuration, which does not say how devices share a step
2   the system's name, and sections by name; diffusion is a section; what a run has found out is `found`
"""

from collections.abc import Mapping
from typing import Any

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
    model = dict(_object(content.get("model"), "model"))
    name = model.pop("name", None)
    return {**content, "format": FORMAT, "name": name, "system": "kdtalker", "model": _with_diffusion(model, "model")}


def current_run(content: Content) -> dict[str, Any]:
    """The same of a run.json."""
    content = dict(content)
    if content.get("format") != 1:
        return content
    kind = content.pop("kind", "denoiser")
    found = {name: content.pop(name) for name in ("statistics",) if name in content}
    config = _object(content.get("config"), "config")
    if kind == "denoiser":
        config = _with_diffusion(config, "config")
    config = {"devices": {"mapping": "pmap"}, **config}
    return {**content, "format": FORMAT, "kind": KINDS.get(kind, kind), "config": config, "found": found}


def _with_diffusion(sections: Content, name: str) -> dict[str, Any]:
    denoiser = dict(_object(sections.get("denoiser"), f"{name}.denoiser"))
    diffusion = {field: denoiser.pop(field) for field in DIFFUSION if field in denoiser}
    published = {"times": 1000, "beta_start": 1e-5, "prediction": "noise"}
    return {**sections, "denoiser": denoiser, "diffusion": published | diffusion}


def _object(value: Any, name: str) -> Content:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value
