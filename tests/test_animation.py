"""What a portrait can be asked for is known before anything is computed."""

import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.animation import Animation
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.source import Source

NOISE = np.zeros((1, 64, 70), np.float32)

WRONG = {
    "seed": [-1, 2**64, 1.5, "3", None, True],
    "sampler": ["euler", 3, "", ["ddim"]],
    "steps": [0, -1, 1001, 10**9, 1.5, "5", True, float("nan")],
    "smooth": [-1, float("nan"), float("inf"), "True", None, 1e40, 1j],
    "relative": ["no", 1, None],
    "stitch": ["no", 0, None],
    "initial_noise": [
        NOISE[0], NOISE[:, :5], np.zeros((2, 64, 70)), np.full((1, 64, 70), np.nan), np.full((1, 64, 70), 1e30),
        NOISE.astype(str), NOISE.astype(complex), "noise", 3,
    ],
}  # fmt: skip
CASES = [(name, value) for name, values in WRONG.items() for value in values]


class Untouched(Source):
    """Stands where work would begin: to touch it is to have begun. Also where a portrait belongs."""

    def __init__(self):
        pass

    def __getattr__(self, name):
        raise AssertionError(f"asked for {name} before the settings were checked")

    def __call__(self, *arguments, **keywords):
        raise AssertionError("called before the settings were checked")


@pytest.fixture
def idle(small_model):
    """The model, without anything that could compute."""
    model = TalkingPortrait(SMALL, small_model.params)
    model.detector = Untouched()
    model.features.windows = model.motion_model.window = Untouched()
    for name in ("describe", "stitch", "frames"):
        setattr(model.renderer, name, Untouched())
    return model


def ids(case):
    return repr(case)[:30]


@pytest.mark.parametrize(("name", "value"), CASES, ids=ids)
def test_wrong_values_are_refused_before_any_work(idle, tmp_path, name, value):
    word = {"smooth": "smoothing strength", "initial_noise": "initial noise"}.get(name, name)
    silence = np.zeros(640, np.float32)
    with pytest.raises(InputError, match=rf"(?i){word}"):
        idle.animate(Untouched(), silence, **{name: value})
    with pytest.raises(InputError, match=rf"(?i){word}"):
        idle.sample(demo.PORTRAITS[0], demo.RECORDINGS[0], tmp_path / "talk.mp4", **{name: value})
    if name == "initial_noise" and np.shape(value) == (2, 64, 70):
        return  # a stream may be as long as that
    with pytest.raises(InputError, match=rf"(?i){word}"):
        idle.stream(Untouched(), Untouched(), **{name: value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "8", True, 10**9])
def test_batch_sizes_are_looked_at_first(idle, tmp_path, batch_size):
    with pytest.raises(InputError, match="batch size"):
        idle.sample(demo.PORTRAITS[0], demo.RECORDINGS[0], tmp_path / "talk.mp4", batch_size=batch_size)
    with pytest.raises(InputError, match="batch size"):
        idle.stream(Untouched(), Untouched(), batch_size=batch_size)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"crop": "round"}, "crop mode 'round'"),
        ({"crop": "none", "face_index": 0}, "looks for no faces"),
        ({"face_index": -1}, "face index"),
        ({"face_index": 1.5}, "face index"),
        ({"face_index": True}, "face index"),
    ],
)
def test_the_cut_is_looked_at_first(idle, tmp_path, options, word):
    with pytest.raises(InputError, match=word):
        idle.sample(demo.PORTRAITS[0], demo.RECORDINGS[0], tmp_path / "talk.mp4", **options)


def test_misspelt_arguments_are_named_before_any_work(idle, tmp_path):
    for call in (
        lambda **wrong: idle.animate(Untouched(), np.zeros(640, np.float32), **wrong),
        lambda **wrong: idle.sample(demo.PORTRAITS[0], demo.RECORDINGS[0], tmp_path / "talk.mp4", **wrong),
        lambda **wrong: idle.stream(Untouched(), Untouched(), **wrong),
        lambda **wrong: idle.stream_motion(Untouched(), Untouched(), **wrong),
    ):
        with pytest.raises(TypeError, match="sede"):
            call(sede=3)


def test_files_are_looked_at_before_any_work(idle, tmp_path):
    with pytest.raises(OutputError, match=r"\.mp4"):
        idle.sample(demo.PORTRAITS[0], demo.RECORDINGS[0], tmp_path / "talk.txt")
    with pytest.raises(InputError, match="nowhere"):
        idle.sample(demo.PORTRAITS[0], tmp_path / "nowhere.wav", tmp_path / "talk.mp4")


def test_a_sampler_that_the_model_is_made_for_may_need_more_steps(small_model):
    assert Animation(steps=2).of(small_model.motion_model, None)[0].calls == 2
    with pytest.raises(InputError, match="pndm takes from 4"):
        Animation(sampler="pndm", steps=3)


def test_numbers_of_numpy_are_numbers(small_model):
    asked = Animation(seed=np.uint64(3), steps=np.int32(4), smooth=np.float32(2), relative=np.bool_(True))
    assert asked.of(small_model.motion_model, None)[0].calls == 4
