"""What users choose by name: samplers, crops, precisions. Needs neither JAX nor OpenCV: help is there at once."""

from typing import Literal, get_args

from kdtalker_jax.checks import is_whole
from kdtalker_jax.diffusion.config import DiffusionConfig, SamplerName
from kdtalker_jax.errors import InputError

CropMode = Literal["square", "legacy", "none"]
Precision = Literal["float32", "bfloat16"]
Length = Literal["shortest", "audio", "video", "loop"]  # of a dubbed video

DEFAULT_SAMPLER = "dpm++"  # comes in few steps to what ddim comes to, as published
FEWEST_STEPS = {"pndm": 4}  # its three Runge-Kutta steps join four times
# The published 50, and the fewest whose result is nearer to 50 steps of ddim than a tenth of the distance between two
# seeds (docs/benchmarks.md).
DEFAULT_STEPS = {"ddim": 50, "ddpm": 50, "pndm": 50, "dpm++": 5}
MOST_FACES = 1_000_000  # that a picture can show


def check_crop(mode: CropMode, face_index: int | None) -> None:
    """Whether `faces.crop.crop_portrait` can be asked for this, before any picture is there.

    Raises:
        InputError: no such mode, or an index that no face can have.
    """
    check_crop_mode(mode, face_index)
    if face_index is not None and not is_whole(face_index, 0, MOST_FACES):
        raise InputError(f"The face index must be a whole number from 0, the largest face, not {face_index!r}.")


def check_crop_mode(mode: CropMode, face_index: int | None) -> None:
    """`check_crop`, but for the index, of which the picture says more."""
    if mode not in get_args(CropMode):
        raise InputError(f"There is no crop mode {mode!r}: choose one of {', '.join(get_args(CropMode))}.")
    if mode == "none" and face_index is not None:
        raise InputError(
            f'`crop="none"` looks for no faces, so it cannot take face {face_index}: leave one of them out.'
        )


def check_dtype(dtype: str | None) -> None:
    """Raises InputError for a precision that networks do not compute in; None stands for the default."""
    if not (dtype is None or (isinstance(dtype, str) and dtype in get_args(Precision))):
        raise InputError(f"There is no dtype {dtype!r}: choose one of {', '.join(get_args(Precision))}.")


def with_defaults(sampler: str | None, steps: int | None, made_for: str | None) -> tuple[str, int]:
    """A sampler and its steps, where nobody has said which.

    Args:
        sampler: that was asked for, or None.
        steps: the same.
        made_for: `DiffusionConfig.sampler`.
    """
    sampler = sampler or made_for or DEFAULT_SAMPLER
    return sampler, DEFAULT_STEPS.get(sampler, 50) if steps is None else steps


def check_sampler(name: str | None, steps: int | None, times: int = DiffusionConfig().times) -> None:
    """Whether there can be such a sampler; None stands for what is not chosen yet.

    Raises:
        InputError: unknown name, or a number of steps that the sampler cannot make.
    """
    if name is not None and not (isinstance(name, str) and name in get_args(SamplerName)):
        raise InputError(f"There is no sampler {name!r}: choose one of {', '.join(get_args(SamplerName))}.")
    fewest = FEWEST_STEPS.get(name, 1)
    if steps is not None and not is_whole(steps, fewest, times):
        sampler = "A sampler" if name is None else f"The sampler {name}"
        raise InputError(f"{sampler} takes from {fewest} to {times} steps, not {steps!r}.")
