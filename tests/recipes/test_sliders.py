"""Sliders found in the drawn world: of the model in the package they do to its pictures what the truth would do.

The truth is read back: a stranger is drawn with each amount of what a slider moves, and the picture that the model
renders with the slider moved is nearest to the drawing of that amount.
"""

import jax
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.edits.sliders import SLIDERS
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.recipes.sliders import DRAWN, add_sliders
from kdtalker_jax.seeds import random_key
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import FaceState, neutral_state

AMOUNTS = np.array([0.0, 0.25, 0.5, 0.75, 1.0], np.float32)  # of a field of the drawn state


@pytest.fixture(scope="module")
def model() -> TalkingPortrait:
    return TalkingPortrait.load()


@pytest.fixture(scope="module")
def stranger():
    """Who is in no data set."""
    return jax.tree.map(lambda field: field[0], random_people(random_key(9022), 1))


def drawn(stranger, fields: dict[str, float]) -> np.ndarray:
    """With each amount, times what a field gets for 1, (5, 256, 256, 3)."""
    state = neutral_state(len(AMOUNTS))
    return draw_frames(stranger, FaceState(**{**state._asdict(), **{k: by * AMOUNTS for k, by in fields.items()}}), 256)


# A slider's value, and what that is in the drawn state.
CASES = {
    "mouth=60": ({"jaw": 1.0}, 0.5),
    "mouth=120": ({"jaw": 1.0}, 1.0),
    "smile=1": ({"lip_width": 1.0}, 1.0),
    "oo=15": ({"lip_rounding": 1.0}, 1.0),
    "blink=-20": ({"lid_left": 1.0, "lid_right": 1.0}, 1.0),
    "eyebrow=30": ({"brows": 1.0}, 1.0),
    "eyebrow=-30": ({"brows": -1.0}, 1.0),
}


@pytest.mark.parametrize("asked", CASES)
def test_the_drawn_truth_is_read_back(model, stranger, asked):
    fields, wanted = CASES[asked]
    truths = drawn(stranger, fields).astype(np.float32)
    source = model.prepare(truths[0].astype(np.uint8), crop="none")
    (frames,) = model.render(source, model.drive(source, source.motion, edits=asked))
    (still,) = model.render(source, model.drive(source, source.motion))
    rendered = resize(frames[0], *truths.shape[1:3]).astype(np.float32)
    own = resize(still[0], *truths.shape[1:3]).astype(np.float32)
    change, true = rendered - own, truths - truths[0]  # what the renderer cannot show of this person is in neither
    along = (change * true[-1]).sum() / (true[-1] ** 2).sum()
    read = AMOUNTS[np.argmin([np.square(change - along_true).sum() for along_true in true])]
    assert read == pytest.approx(wanted, abs=0.26), f"{asked}: {along:.2f} along the truth"


def test_it_says_which_sliders_it_has(model):
    assert set(DRAWN) < set(model.sliders.sliders) < set(SLIDERS)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    with pytest.raises(InputError, match="This model has no slider 'pout': there are smile, "):
        model.drive(source, source.motion, edits="pout=0.05")


def test_heads_are_moved_as_asked(model):
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    still = model.drive(source, source.motion).keypoints
    moved = model.drive(source, source.motion, edits="move_x=0.1,move_y=0.05").keypoints - still
    np.testing.assert_allclose(moved, np.broadcast_to([0.1, 0.05, 0], moved.shape), atol=1e-6)


@pytest.fixture(scope="module")
def found(small_variables, tmp_path_factory):
    """A small model with sliders that were found on two people; small networks show nothing."""
    directory = tmp_path_factory.mktemp("found") / "model"
    save_checkpoint(directory, small_variables, SMALL)
    add_sliders(directory, 0, 2)
    return directory


def test_the_recipe_fills_the_models_directory(found, small_variables):
    checkpoint = load_checkpoint(found)
    assert set(DRAWN) < set(checkpoint.sliders.sliders)
    assert set(checkpoint.parts) == set(small_variables)
    TalkingPortrait.load(found)
