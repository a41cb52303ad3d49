"""Import of the `.mat` files that the published extraction writes: motion and audio features of a clip each."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.io

from kdtalker_jax.data import doubts
from kdtalker_jax.data.clips import Clip
from kdtalker_jax.data.extraction import SkippedClipError, check_length
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import BANDS
from kdtalker_jax.media.rates import FRAME_RATE

# Of each field the names that it may have in a file, the first one found is taken.
KEYS: Mapping[str, tuple[str, ...]] = {
    "yaw": ("yaw",),
    "pitch": ("pitch",),
    "roll": ("roll",),
    "scale": ("scale",),
    "t": ("t",),
    "exp": ("exp",),
    "kp": ("kp", "kps"),
    "audio": ("audio", "aud", "aud_feat", "audio_feat"),
}
AUDIO_FEATURES = 512


class MatClips:
    """Makes clips of `.mat` files (a `work.ClipMaker`).

    Args:
        keys: further names of fields: our name -> the one in the files.
        shortest: usable frames that one training sample takes.

    Raises:
        InputError: `keys` names a field that clips do not have.
    """

    system = "kdtalker"

    def __init__(self, keys: Mapping[str, str] | None = None, shortest: int = 65) -> None:
        if unknown := sorted(set(keys or ()) - set(KEYS)):
            raise InputError(f"Clips have no field {unknown[0]!r}: choose among {', '.join(KEYS)}.")
        self._keys = {**KEYS, **{name: (key,) for name, key in (keys or {}).items()}}
        self._shortest = shortest
        self.fingerprint = repr((sorted(self._keys.items()), shortest))

    def __call__(self, path: Path) -> Clip:
        """Raises SkippedClipError where the file is not such a one, or too short."""
        arrays = _read(path)
        found = {name: next((key for key in keys if key in arrays), None) for name, keys in self._keys.items()}
        if missing := [name for name, key in found.items() if key is None]:
            raise SkippedClipError(
                "unreadable",
                f"{path} lacks {', '.join(missing)}; it has {', '.join(sorted(arrays)) or 'nothing'}. "
                "Where a field has another name, give it with `keys`.",
            )
        clip = {name: arrays[key] for name, key in found.items()}
        return self._checked(path, clip)

    def _checked(self, path: Path, arrays: Mapping[str, np.ndarray]) -> Clip:
        """The arrays of a file in the shapes of `clips.Clips`; MATLAB has no arrays of fewer than two dimensions."""
        frames = arrays["yaw"].size
        shapes = dict.fromkeys(("yaw", "pitch", "roll", "scale"), (frames,))
        shapes |= {"t": (frames, 3), "exp": (frames, -1), "kp": (frames, -1), "audio": (-1, AUDIO_FEATURES)}
        clip = {}
        for name, shape in shapes.items():
            array = arrays[name]
            try:
                clip[name] = np.asarray(array, np.float32).reshape(shape)
            except (TypeError, ValueError) as error:
                explanation = f"{name} of {path} is {array.dtype} of shape {array.shape}, where {shape} is needed."
                raise SkippedClipError("unreadable", explanation) from error
            if not np.isfinite(clip[name]).all():
                raise SkippedClipError("unreadable", f"{name} of {path} holds values that are not finite.")
        if clip["exp"].shape != clip["kp"].shape or clip["exp"].shape[1] % 3:
            raise SkippedClipError(
                "unreadable", f"exp {clip['exp'].shape} and kp {clip['kp'].shape} of {path} do not go together."
            )
        check_length(frames, len(clip["audio"]), self._shortest)
        return {
            **clip,
            "mel": np.zeros((0, BANDS), np.float32),
            "frames": frames,
            "source_rate": float(FRAME_RATE),
            "jpeg": [],
            "notes": [note for note in [doubts.of_lengths(frames, len(clip["audio"]))] if note],
        }


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name. Nothing in it is run."""
    try:
        content = scipy.io.loadmat(path)
    except Exception as error:  # SciPy raises many kinds
        raise SkippedClipError("unreadable", f"{path} cannot be read as a MATLAB file: {error}") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}
