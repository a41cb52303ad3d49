"""The models in the package, and portraits and recordings to try them with: `pipelines.train_demo` made them.

They have learnt from drawings alone. docs/demo.md, playmate.md and dreamhead.md show what they do.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent

MODEL = _FOLDER / "model"
PLAYMATE = _FOLDER / "playmate"  # takes all but its own networks from MODEL
DREAMHEAD = _FOLDER / "dreamhead"  # hears by MODEL's audio encoder
MODELS = {"demo": MODEL, "demo-playmate": PLAYMATE, "demo-dreamhead": DREAMHEAD}  # by the names that they are asked for
PORTRAITS = tuple(sorted((_FOLDER / "portraits").glob("*.png")))  # 512x512, cut as the model wants them
RECORDINGS = tuple(sorted((_FOLDER / "recordings").glob("*.flac")))  # of six seconds


def landmarks_of(portrait: Path) -> Path:
    """The file of landmarks that lies beside one of PORTRAITS, as `spaces.landmarks.known` reads it."""
    return portrait.with_suffix(".npz")
