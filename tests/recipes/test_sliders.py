"""Sliders found in the drawn world: of the model in the package they do to its pictures what the truth would do.

The truth is read back: a stranger is drawn with and without what a slider moves, and the model's picture changes as the
drawing does.
"""

import jax
import numpy as np
import pytest

from configs import SMALL
from configs.renderer import DEMO_RENDERER
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.compiling import compiling_seconds
from kdtalker_jax.edits.directions import with_directions
from kdtalker_jax.edits.sliders import SLIDERS
from kdtalker_jax.errors import InputError
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.recipes.sliders import DRAWN, _observer, add_sliders
from kdtalker_jax.seeds import random_key
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.people import random_people
from kdtalker_jax.synthetic.state import FaceState, neutral_state


@pytest.fixture(scope="module")
def model() -> TalkingPortrait:
    return TalkingPortrait.load()


@pytest.fixture(scope="module")
def stranger():
    """Who is in no data set."""
    return jax.tree.map(lambda field: field[0], random_people(random_key(9022), 1))


# A slider's value, what the drawn state has then, and how much of that the renderer shows at least.
CASES = {
    "mouth=60": ({"jaw": 0.5}, 0.65),
    "mouth=120": ({"jaw": 1.0}, 0.65),
    "blink=-20": ({"lid_left": 1.0, "lid_right": 1.0}, 0.4),
    "wink=39": ({"lid_left": 1.0}, 0.4),
}


@pytest.fixture(scope="module")
def shown(model, stranger) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """How pictures change by each case, as the model renders it and as it is drawn."""
    state = FaceState(*(field.copy() for field in neutral_state(1 + len(CASES))))
    for i, (fields, _) in enumerate(CASES.values(), start=1):
        for name, value in fields.items():
            getattr(state, name)[i] = value
    truths = draw_frames(stranger, state, 256)
    source = model.prepare(truths[0], crop="none")
    motions = [model.drive(source, source.motion, edits=edits) for edits in (None, *CASES)]
    frames = np.concatenate(list(model.render(source, motions[0].join(*motions[1:]))))
    rendered, drawn = (pictures.astype(np.float32) for pictures in (frames, truths))
    return {name: (rendered[i] - rendered[0], drawn[i] - drawn[0]) for i, name in enumerate(CASES, start=1)}


@pytest.mark.parametrize("asked", CASES)
def test_the_drawn_truth_is_read_back(shown, asked):
    """The picture changes as the drawing does, and not as the drawings of the other sliders."""
    change, truth = shown[asked]
    amount = (change * truth).sum() / np.square(truth).sum()
    assert CASES[asked][1] < amount < 1.3
    alike = {name: (change * other).sum() / np.linalg.norm(change) / np.linalg.norm(other)
             for name, (_, other) in shown.items()}  # fmt: skip
    assert alike[asked] > 0.6
    same = {"mouth=60", "mouth=120"} if asked.startswith("mouth") else {asked}
    lids = {name for name in alike if name.startswith(("blink", "wink"))}  # a blink holds the wink
    nearer = {name: 0.0 if {asked, name} <= lids else 0.1 for name in alike.keys() - same}
    assert all(alike[asked] > alike[name] + margin for name, margin in nearer.items()), alike


def test_it_says_which_sliders_it_has(model):
    assert (
        {"smile", "eyebrow", "mouth", "ah", "blink", "wink", "yaw", "move_x"}
        <= set(model.sliders.sliders)
        < set(SLIDERS)
    )
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    with pytest.raises(InputError, match="This model has no slider 'pout': there are smile, wink, "):
        model.drive(source, source.motion, edits="pout=0.05")


def test_heads_are_moved_as_asked(model):
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    still = model.drive(source, source.motion).keypoints
    moved = model.drive(source, source.motion, edits="move_x=0.1,move_y=0.05").keypoints - still
    np.testing.assert_allclose(moved, np.broadcast_to([0.1, 0.05, 0], moved.shape), atol=1e-6)


def test_what_describes_people_is_compiled_once(small_checkpoint):
    """However often a process looks for sliders of models of one size."""

    def look(pictures: int) -> None:
        observe, size = _observer(load_checkpoint(small_checkpoint))
        assert len(observe(np.zeros((pictures, size, size, 3), np.uint8))["yaw"]) == pictures

    look(3)
    before = compiling_seconds()
    look(9)
    assert compiling_seconds() - before < 0.05, "what JAX does besides; the program takes seconds"


@pytest.fixture(scope="module")
def found(small_variables, tmp_path_factory):
    """A small model with sliders that were found on two people; its random networks see nothing in particular."""
    directory = tmp_path_factory.mktemp("found") / "model"
    save_checkpoint(directory, small_variables, SMALL)
    add_sliders(directory, 0, 2, DEMO_RENDERER.guided)
    return directory


def test_the_recipe_fills_the_models_directory(found, small_variables):
    checkpoint = load_checkpoint(found)
    assert {"yaw", "move_x"} <= set(checkpoint.sliders.sliders) <= set(DRAWN) | set(with_directions({}).sliders)
    assert set(checkpoint.parts) == set(small_variables)
    TalkingPortrait.load(found)
