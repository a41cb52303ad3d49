"""What an animation can be asked for, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdtalker_jax.choices import check_sampler, with_defaults
from kdtalker_jax.edits.editing import edits_of
from kdtalker_jax.edits.smoothing import check_strength
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.protocol import MotionModel
from kdtalker_jax.seeds import check_seed

LARGEST_NOISE = 1_000.0  # standard deviations; normal noise ends at 7


@dataclass(frozen=True, eq=False, kw_only=True)
class Animation:
    """What a portrait can be asked to do with a recording.

    Attributes:
        seed: of the initial noise, and of the sampler's own where it adds some; from 0 to 2^64 - 1.
        sampler, steps: see `diffusion.samplers.make_sampler`. By default what the motion model is made for, else
            dpm++, which comes in 5 steps to nearly the same as the published ddim in 50.
        initial_noise: (windows, 64, 70) instead of the seed's, one window per 64 frames begun.
        relative: move relative to the portrait's own pose instead of taking over the predicted one.
        smooth: over time; a number is the strength, True the published 1. Where nobody says, `TalkingPortrait` takes
            what the motion model is made for.
        stitch: keep the shoulders where the portrait has them (LivePortrait's stitching; not part of KDTalker).
        controls: of the motion model's `Controls`; None: its defaults.
        edits: of the motion, before stitching; see `edits.editing.edits_of`.

    Raises:
        InputError: a value that no model can be asked for.
    """

    seed: int = 0
    sampler: str | None = None
    steps: int | None = None
    initial_noise: np.ndarray | None = None
    relative: bool = False
    smooth: bool | float = True
    stitch: bool = False
    controls: Any = None
    edits: Any = None

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_sampler(self.sampler, self.steps)
        check_strength(self.smooth)
        object.__setattr__(self, "edits", edits_of(self.edits))
        for name in ("relative", "stitch"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"{name} must be True or False, not {getattr(self, name)!r}.")

    def _rule(self, model: MotionModel) -> Any:
        """Of the sampler and the steps, as far as not asked for those that the model is made for.

        Raises:
            InputError: the sampler cannot make so many steps.
        """
        return model.rule(*with_defaults(self.sampler, self.steps, model.sampler))

    def of(self, model: MotionModel, windows: int | None) -> tuple[Any, Any, np.ndarray | None]:
        """What this model is asked for: its `rule`, its controls, and the initial noise of so many windows, if known.

        Raises:
            InputError: the sampler cannot make so many steps, the controls are another model's, or the noise is none.
        """
        return self._rule(model), self._controls(model), self._noise(model, windows)

    def _controls(self, model: MotionModel) -> Any:
        """Raises InputError where they are another model's, or do not go together with the rest."""
        if self.controls is None:
            return model.Controls()
        if not isinstance(self.controls, model.Controls):
            raise InputError(
                f"The controls must be {model.Controls.__qualname__} of this model, not {self.controls!r}."
            )
        model.check_controls(self.controls)
        if self.relative and getattr(self.controls, "pose", None) is not None:
            raise InputError("`relative` is about the pose that sound makes, which `pose` replaces: give one of them.")
        return self.controls

    def _noise(self, model: MotionModel, windows: int | None) -> np.ndarray | None:
        """The initial noise as float32 (windows, L, D), None where it is the seed's; None windows: nobody knows.

        Raises:
            InputError: it has another shape, or holds what is no noise.
        """
        if self.initial_noise is None:
            return None
        noise = np.asarray(self.initial_noise)
        shape = (len(noise) if windows is None and noise.ndim else windows, *model.noise_shape)
        if noise.shape != shape:
            raise InputError(f"The initial noise must have shape {shape}, not {noise.shape}.")
        if noise.dtype.kind not in "fiu" or not (np.abs(noise) <= LARGEST_NOISE).all():
            raise InputError(f"The initial noise must be real numbers from -{LARGEST_NOISE} to {LARGEST_NOISE}.")
        return noise.astype(np.float32)


def several(portraits: int, recordings: int, seeds: Sequence[int] | None, **animation: Any) -> list[Animation]:
    """What recordings that share their calls are asked for: the same but for their seeds, by default 0.

    Raises:
        TypeError, InputError: as `Animation`; also where there are not as many of each, or initial noise is given.
    """
    seeds = [0] * recordings if seeds is None else seeds
    if not portraits == recordings == len(seeds) > 0:
        raise InputError(
            f"Each recording needs a portrait and a seed: there are {portraits} and {len(seeds)} for {recordings}."
        )
    if animation.get("initial_noise") is not None:
        raise InputError("Recordings that are animated together take `seeds`, and no `initial_noise`.")
    return [Animation(seed=seed, **animation) for seed in seeds]
