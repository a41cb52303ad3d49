"""Systems: which features, motion model and renderer work together, by the name that a model's config.json gives.

A family is imported when a model names it. Other packages add systems with `register`, or with an entry point in the
group `kdtalker_jax.systems`, of the system's name, that names a `System`.
"""

import importlib
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from typing import Any

from kdtalker_jax.errors import CheckpointError, KDTalkerError
from kdtalker_jax.neighbours import check_neighbours

OFFICIAL = "convert.official"
ENTRY_POINTS = "kdtalker_jax.systems"


@dataclass(frozen=True)
class System:
    """One way from a portrait and a recording to frames, or a member of one alone. All but names is "module:NAME".

    Attributes:
        name: in config.json and on command lines.
        features: class of `features.protocol.Features`; "" where there is none.
        motion_model: class of `motion_models.protocol.MotionModel`; likewise.
        renderer: class of `renderers.protocol.Renderer`; likewise. Of a member alone it is as much of one as says what
            parts there are.
        configs: mapping of whole models' configurations by name, the published one first.
        trainings: what can be trained, each a `training.kinds.Kind`.
        judges: parts that measure videos of any system.
        published: tuple of what can be fetched by name, each a `hub.registry.PublishedModel`; "" where there is none.
        fits: set of `checkpoints.fit.fit_key` of named configurations, so that these need no tracing; "" for none.
        converter: the command that converts published files.
    """

    name: str
    configs: str
    features: str = ""
    motion_model: str = ""
    renderer: str = ""
    trainings: tuple[str, ...] = ()
    judges: tuple[str, ...] = ("kdtalker_jax.metrics.syncnet:SYNCNET",)
    published: str = ""
    fits: str = ""
    converter: str = OFFICIAL

    @cached_property
    def members(self) -> tuple[Any, ...]:
        """The classes of those that it has of renderer, features and motion model."""
        return tuple(resolve(name) for name in (self.renderer, self.features, self.motion_model) if name)

    @property
    def families(self) -> tuple[Any, Any, Any]:
        """The classes of renderer, features and motion model. Raises CheckpointError where it has not all three."""
        if len(self.members) < 3:
            raise CheckpointError(
                f"A model of {self.name} is a part of others and makes no videos: name one that does."
            )
        return self.members

    @cached_property
    def parts(self) -> Mapping[str, Any]:
        """All networks by name, those of the families before the judges."""
        parts = [part for family in self.members for part in family.parts]
        return {part.name: part for part in (*parts, *map(resolve, self.judges))}

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the parts that a complete model has."""
        return tuple(name for name, part in self.parts.items() if not (part.judges or part.optional))

    @property
    def optional(self) -> tuple[str, ...]:
        """The names of the parts that a model may have beside them, to be asked for more."""
        return tuple(name for name, part in self.parts.items() if part.optional)

    @cached_property
    def known_fits(self) -> frozenset[str]:
        """`checkpoints.fit.fit_key` of parts whose arrays are known to be those of their sizes."""
        try:
            return resolve(self.fits) if self.fits else frozenset()
        except KDTalkerError:  # somebody else's package of that name: networks are traced
            return frozenset()

    @cached_property
    def sections(self) -> Mapping[str, type]:
        """The dataclass of each section of a configuration: the sizes of parts, and what families are set to."""
        settings = {name: kind for family in self.members for name, kind in family.settings.items()}
        return {name: part.sizes for name, part in self.parts.items()} | settings


_SYSTEMS: dict[str, System] = {}


def register(system: System) -> None:
    """Makes a system known in this process, under its name."""
    _SYSTEMS[system.name] = system


def find_system(name: str) -> System:
    """Raises CheckpointError where there is no such system, or the package that brings it is broken."""
    if name not in _SYSTEMS:
        for found in metadata.entry_points(group=ENTRY_POINTS, name=name):
            register(_loaded(found))
    if name not in _SYSTEMS:
        raise CheckpointError(
            f"There is no system {name!r:.80} here, only {', '.join(_SYSTEMS)}: install what brings it."
        )
    return _SYSTEMS[name]


def _loaded(found: metadata.EntryPoint) -> System:
    where = f"The entry point {found.name} = {found.value} in the group {ENTRY_POINTS}"
    try:
        system = found.load()
    except Exception as error:  # whatever another package does when it is imported
        raise CheckpointError(f"{where} cannot be loaded: {type(error).__name__}: {error}.") from error
    if not isinstance(system, System) or system.name != found.name:
        raise CheckpointError(f"{where} is no `System` of that name.")
    return system


def all_systems() -> Iterator[System]:
    """Those of this package and of others that are installed; a broken one of others is left out, with a warning."""
    for found in metadata.entry_points(group=ENTRY_POINTS):
        if found.name not in _SYSTEMS:
            try:
                register(_loaded(found))
            except CheckpointError as error:
                warnings.warn(f"{error} It is left out.", stacklevel=2)
    return iter(_SYSTEMS.values())


def disagreement(config: Any, names: Collection[str]) -> str | None:
    """What keeps the parts `names` of a model from working together, in words."""
    families = find_system(config.system).members
    problems = (family.disagreement(config, names) for family in families)
    if problem := next(filter(None, problems), None):
        return problem
    if len(families) < 3:
        return None
    renderer, features, motion_model = (
        family(config) if not family.parts or any(part.name in names for part in family.parts) else None
        for family in families
    )
    return _misfit(features, motion_model, renderer)


def unequal(sizes: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> str | None:
    """For families: the first of some shared sizes that is not the same for all of the parts `names` that have it.

    Args:
        sizes: by what it is a size of, by part.
    """
    for what, of in sizes.items():
        (first, size), *others = [item for item in of.items() if item[0] in names] or [("", None)]
        for name, other in others:
            if other != size:
                return f"{what}: {size} of {first} and {other} of {name}"
    return None


def space_of(config: Any) -> Any:
    """The space in which a model's motion is."""
    renderer, _, _ = find_system(config.system).families
    return renderer(config).takes


def check_fit(features: Any, motion_model: Any, renderer: Any) -> None:
    """Raises CheckpointError where what one family makes is not what the next one takes."""
    if problem := _misfit(features, motion_model, renderer):
        raise CheckpointError(f"The model's parts do not fit together ({problem}).")


def _misfit(features: Any, motion_model: Any, renderer: Any) -> str | None:
    """Between families; None stands for one that is not looked at."""
    if features and motion_model:
        gives, hears = features.gives, motion_model.hears
        if (gives.rate, gives.width) != (hears.rate, hears.width):
            return (
                f"features of {gives.width} numbers at {gives.rate} a second of {_names(features)} for a motion model "
                f"that hears {hears.width} at {hears.rate}, {_names(motion_model)}"
            )
    if motion_model and renderer and motion_model.makes != renderer.takes:
        makes, takes = motion_model.makes, renderer.takes
        return f"{makes} of {_names(motion_model)} for a renderer that takes {takes}"
    return None


def _names(family: Any) -> str:
    return ", ".join(part.name for part in family.parts) or type(family).__name__


def resolve(reference: str) -> Any:
    """What "module:NAME" names."""
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError:
        check_neighbours()
        raise


register(
    System(
        "kdtalker",
        features="kdtalker_jax.features.wav2lip.model:Wav2LipFeatures",
        motion_model="kdtalker_jax.motion_models.kdtalker.model:KDTalker",
        renderer="kdtalker_jax.renderers.liveportrait.model:LivePortrait",
        configs="configs.kdtalker:MODELS",
        published="configs.published:MODELS",
        fits="configs.fits:FITS",
        trainings=(
            "kdtalker_jax.motion_models.kdtalker.training.kind:DENOISER",
            "kdtalker_jax.renderers.liveportrait.training.kinds:RENDERER",
            "kdtalker_jax.renderers.liveportrait.training.kinds:RETARGETING",
            "kdtalker_jax.recipes.audio:KIND",
        ),
    )
)

register(
    System(
        "wav2vec2",
        configs="configs.wav2vec2:MODELS",
        features="kdtalker_jax.features.wav2vec2.model:Wav2Vec2Features",
        judges=(),
        converter="convert.wav2vec2",
    )
)

register(
    System(
        "latent_diffusion",
        configs="configs.latent:MODELS",
        renderer="kdtalker_jax.renderers.latent.model:LatentDiffusion",
        judges=(),
        converter="convert.latent_diffusion",
    )
)

_PLAYMATE = System(
    "playmate",
    features="kdtalker_jax.features.wav2vec2.model:Wav2Vec2Features",
    motion_model="kdtalker_jax.motion_models.playmate.model:Playmate",
    renderer="kdtalker_jax.renderers.liveportrait.model:LivePortrait",
    configs="configs.playmate:WITH_WAV2VEC2",
    trainings=(
        "kdtalker_jax.motion_models.playmate.training.kinds:PLAYMATE",
        "kdtalker_jax.motion_models.playmate.training.kinds:EMOTIONS",
    ),
)
register(_PLAYMATE)
register(  # with the sound features of KDTalker, for where no Wav2Vec2 is at hand
    replace(
        _PLAYMATE,
        name="playmate_wav2lip",
        features="kdtalker_jax.features.wav2lip.model:Wav2LipFeatures",
        configs="configs.playmate:WITH_WAV2LIP",
    )
)

_DREAMHEAD = System(
    "dreamhead",
    features="kdtalker_jax.features.wav2vec2.model:Wav2Vec2Features",
    motion_model="kdtalker_jax.motion_models.dreamhead.model:DreamHead",
    renderer="kdtalker_jax.renderers.latent.renderer:LandmarkPainter",
    configs="configs.dreamhead:WITH_WAV2VEC2",
    trainings=(
        "kdtalker_jax.motion_models.dreamhead.training.kinds:LANDMARKS",
        "kdtalker_jax.renderers.latent.training.kinds:IMAGES",
        "kdtalker_jax.renderers.latent.training.kinds:AUTOENCODER",
    ),
)
register(_DREAMHEAD)
register(
    replace(
        _DREAMHEAD,
        name="dreamhead_wav2lip",
        features="kdtalker_jax.features.wav2lip.model:Wav2LipFeatures",
        configs="configs.dreamhead:WITH_WAV2LIP",
    )
)
