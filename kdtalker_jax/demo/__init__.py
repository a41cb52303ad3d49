"""The model that comes with the package, and portraits and recordings to try it with: `pipelines.train_demo` made them.

It has learnt from drawings alone. docs/demo.md shows what it does.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent

MODEL = _FOLDER / "model"
PORTRAITS = tuple(sorted((_FOLDER / "portraits").glob("*.png")))  # 512x512, cut as the model wants them
RECORDINGS = tuple(sorted((_FOLDER / "recordings").glob("*.flac")))  # of six seconds


def landmarks_of(portrait: Path) -> Path:
    """The file of landmarks that lies beside one of PORTRAITS, as `spaces.landmarks.known` reads it."""
    return portrait.with_suffix(".npz")
