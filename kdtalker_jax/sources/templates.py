"""Motion templates: LivePortrait's `.pkl`, read without running anything in them, and our own `.npz`."""

import os
import pickle
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from kdtalker_jax.edits.retargeting import Openings
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.media.files import input_file
from kdtalker_jax.pickles import RefusedPickleError
from kdtalker_jax.sources.driver import DEFAULT_RATE, Driver
from kdtalker_jax.sources.pickled_arrays import array_of, read_pickle
from kdtalker_jax.spaces.files import write_arrays
from kdtalker_jax.spaces.heads import Heads, heads_of, motion_of, placed, rotation_of
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.unfinished import unfinished_file

SUFFIXES = (".pkl", ".npz")
LARGEST_FILE = 2**30  # bytes, days of motion
HIGHEST_RATE = 1000
_NOT_ONE = "The template {} cannot be used: it {}."
_NO_ROTATION = 1e-3  # how far R R^T may be from the identity


def read_template(path: str | os.PathLike[str]) -> Driver:
    """A template of either kind, told by what the file begins with.

    LivePortrait's may be of any version, also those for animals, which have no openings of eyes and lips; so may those
    of programs that share its format.

    Raises:
        InputError: the file is missing, no template, damaged, or asks for more than data.
    """
    path = input_file(path, "template")
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        return _read_npz(path)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(_NOT_ONE.format(path, "is larger than any"))
    try:
        return _driver_of(read_pickle(path.read_bytes()))
    except RefusedPickleError as error:
        raise InputError(f"The template {path} {error}.") from None
    except _NoTemplateError as error:
        raise InputError(_NOT_ONE.format(path, error)) from None
    except InputError as error:
        raise InputError(f"The template {path} cannot be used: {error}") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # of values that no template has
        raise InputError(_NOT_ONE.format(path, "is damaged")) from error


def write_template(driver: Driver, path: str | os.PathLike[str]) -> None:
    """Write a template: `.npz`, or `.pkl` with the keys of LivePortrait's newest version.

    LivePortrait counts whole frames a second: others are resampled. Where openings are not known, the lists are empty,
    and LivePortrait cannot retarget by the file.

    Raises:
        InputError: another suffix. OutputError: the file cannot be written; what was there before is then still there.
    """
    path = check_template_name(path)
    if path.suffix.lower() == ".npz":
        _write_npz(driver, path)
        return
    content = _pickled(driver.at_rate(Fraction(max(round(driver.rate), 1))))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_file(path) as partial, partial.open("wb") as file:
            pickle.dump(content, file, protocol=4)
    except OSError as error:
        raise OutputError(f"The template cannot be written to {path} ({error.strerror}).") from error


def check_template_name(path: str | os.PathLike[str]) -> Path:
    """Raises InputError where the suffix is no template's."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"A template is a file named .pkl or .npz, not {path.name!r}.")
    return path


class _NoTemplateError(Exception):
    """The end of a sentence about a file that begins with "it"."""


def _driver_of(content: Any) -> Driver:
    """What a pickle holds."""
    frames = content.get("motion") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise _NoTemplateError("holds no list of motion")
    count = array_of(content.get("n_frames", len(frames)))
    if count is None or count.size != 1 or int(count.reshape(())) != len(frames):
        raise _NoTemplateError(f"claims another number of frames than the {len(frames)} that it holds")
    scale, t, exp = (_stacked(frames, name) for name in ("scale", "t", "exp"))  # (T, n) each
    if scale.shape[1] != 1 or t.shape[1] != 3 or not exp.shape[1] or exp.shape[1] % 3:
        raise _NoTemplateError("holds arrays of other shapes than a template")
    if not scale.all():  # motion relative to nothing is none
        raise _NoTemplateError("holds heads without size")
    motion = motion_of(Heads(scale[:, 0], _rotations(frames), exp.reshape(len(exp), -1, 3), t))
    canonical = _stacked(frames, "kp") if all("kp" in frame for frame in frames) else None
    if canonical is not None and canonical.shape != exp.shape:
        canonical = None
    return Driver(motion, _rate(content), _openings(content, len(frames)), canonical)


def _stacked(frames: list[dict], *names: str) -> np.ndarray:
    """The first of these keys that is there, of all frames: (T, n) float64."""
    name = next((name for name in names if name in frames[0]), names[0])
    arrays = [array_of(frame.get(name)) for frame in frames]
    if any(array is None or array.dtype.kind not in "fiu" for array in arrays):
        raise _NoTemplateError(f"has a frame without the numbers {name!r}")
    if len({array.size for array in arrays}) > 1:
        raise _NoTemplateError(f"has frames with other numbers of values in {name!r}")
    # Values beyond any head's are refused where a motion is made of them; here they only must be numbers.
    numbers = np.stack([array.reshape(-1).astype(np.float64) for array in arrays])
    if not np.isfinite(numbers).all():
        raise _NoTemplateError(f"holds values in {name!r} that are not finite")
    return numbers


def _rotations(frames: list[dict]) -> np.ndarray:
    """(T, 3, 3), from matrices or from angles in degrees."""
    if "R" not in frames[0] and "R_d" not in frames[0] and "pitch" in frames[0]:
        angles = [_stacked(frames, name) for name in ("pitch", "yaw", "roll")]
        if any(angle.shape[1] != 1 for angle in angles):
            raise _NoTemplateError("holds angles of other shapes than a template")
        return rotation_of(*(angle[:, 0] for angle in angles))
    matrices = _stacked(frames, "R", "R_d")
    if matrices.shape[1] != 9:
        raise _NoTemplateError("holds rotations that are not 3 x 3")
    matrices = matrices.reshape(-1, 3, 3)
    turned = np.abs(matrices).max() < 2 and np.abs(matrices @ matrices.mT - np.eye(3)).max() < _NO_ROTATION
    if not turned or (np.linalg.det(matrices) < 0).any():
        raise _NoTemplateError("holds matrices that are no rotations")
    return matrices


def _rate(content: dict) -> Fraction:
    rate = array_of(content.get("output_fps", float(DEFAULT_RATE)))
    if rate is None or rate.size != 1 or not 0 < float(rate.reshape(())) <= HIGHEST_RATE:
        raise _NoTemplateError("is of no frame rate that can be")
    return Fraction(float(rate.reshape(()))).limit_denominator(1001)


def _openings(content: dict, count: int) -> Openings | None:
    """None where there are none, as in templates of animals."""
    eyes, lips = (
        _listed(content.get(names[0], content.get(names[1])))
        for names in (("c_eyes_lst", "c_d_eyes_lst"), ("c_lip_lst", "c_d_lip_lst"))
    )
    if len(eyes) != count or len(lips) != count:
        return None
    eyes, lips = (_stacked([{"opening": one} for one in values], "opening") for values in (eyes, lips))
    if eyes.shape[1] != 2 or lips.shape[1] != 1:
        raise _NoTemplateError("holds openings of eyes and lips of other shapes than a template")
    return Openings(eyes, lips[:, 0])


def _listed(value: object) -> list:
    """A list, or an array's rows; nothing of anything else."""
    if isinstance(value, list):
        return value
    array = array_of(value)
    return [] if array is None or not array.ndim else list(array)


def _pickled(driver: Driver) -> dict[str, Any]:
    """As LivePortrait has it: int, and arrays of float32 with a first axis of 1."""
    heads = heads_of(driver.motion)
    frames: dict[str, np.ndarray] = {
        "scale": heads.scale[:, None],
        "R": heads.rotation,
        "exp": heads.exp,
        "t": heads.t,
    }
    if driver.canonical is not None:
        canonical = driver.canonical.reshape(heads.exp.shape)
        frames |= {"kp": canonical, "x_s": placed(canonical, heads)}
    arrays = {name: np.asarray(values, np.float32)[:, None] for name, values in frames.items()}
    openings = driver.openings
    if openings is None:
        warnings.warn(
            "How far eyes and lips are open is not known: LivePortrait cannot retarget by this template.", stacklevel=3
        )
    eyes = [] if openings is None else list(np.asarray(openings.eyes, np.float32)[:, None])
    lips = [] if openings is None else list(np.asarray(openings.lips, np.float32)[:, None, None])
    return {
        "n_frames": len(driver),
        "output_fps": int(driver.rate),
        "motion": [{name: values[i] for name, values in arrays.items()} for i in range(len(driver))],
        "c_eyes_lst": eyes,
        "c_lip_lst": lips,
    }


def _write_npz(driver: Driver, path: Path) -> None:
    """A motion file with more in it, so that `Motion.load` reads it as well."""
    more = {"rate": np.array([driver.rate.numerator, driver.rate.denominator]), "held": np.array(driver.held)}
    if driver.openings is not None:
        more |= {"eyes": driver.openings.eyes, "lips": driver.openings.lips}
    if driver.canonical is not None:
        more["canonical"] = driver.canonical
    write_arrays(path, {**driver.motion.arrays(), **more})


def _read_npz(path: Path) -> Driver:
    """Any motion file; one without a rate is of 25 frames a second."""
    motion = Motion.load(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            more = {name: file[name] for name in ("rate", "held", "eyes", "lips", "canonical") if name in file.files}
        if any(array.dtype.kind not in "fiu" for array in more.values()):
            raise ValueError
        rate = Fraction(*(int(number) for number in more["rate"])) if "rate" in more else DEFAULT_RATE
        openings = Openings(more["eyes"], more["lips"]) if {"eyes", "lips"} <= more.keys() else None
        return Driver(motion, rate, openings, more.get("canonical"), int(more.get("held", 0)))
    except Exception as error:  # whatever numpy, zipfile and zlib raise on bytes that they did not write
        raise InputError(_NOT_ONE.format(path, "is damaged")) from error
