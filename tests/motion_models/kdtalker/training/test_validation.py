"""Validation asks the same questions always, and its picture shows what was sampled."""

from dataclasses import replace

import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax import parallel
from kdtalker_jax.motion_models.kdtalker.training.curves import TRUTH, CurveSampler, curves, draw
from kdtalker_jax.motion_models.kdtalker.training.input import MotionClip, UsableClips
from kdtalker_jax.motion_models.kdtalker.training.step import initial_state
from kdtalker_jax.motion_models.kdtalker.training.validation import Validation, ask
from tests.training.synthetic import TINY, make_clip, make_clips


@pytest.fixture(scope="module")
def usable() -> UsableClips:
    return UsableClips(make_clips(), TINY.denoiser.window, TINY.input)


@pytest.fixture(scope="module")
def state():
    return initial_state(TINY)


def test_questions_spread_over_clips_places_and_times(usable):
    questions = ask(usable, 100, 64)
    assert sorted(questions.times // 10) == list(range(100))
    assert questions.windows.motion.shape == (100, 65, 70)
    assert len(np.unique(questions.windows.motion[:, 0, 0])) > 40
    assert abs(np.corrcoef(np.arange(100) % 6, questions.times)[0, 1]) < 0.2, "times do not go with clips"


def test_questions_ask_for_no_time_that_the_schedule_lacks(usable):
    times = ask(usable, 100, 64, 50).times
    assert (times.min(), times.max()) == (0, 49)


@pytest.mark.parametrize("changes", [{"seed": 5}, {"batch_size": 16}, {"audio_noise": 0.0}])
def test_the_loss_does_not_depend_on_the_run(usable, state, changes):
    """Batches of 4 are filled up with weight 0, one of 16 holds all six questions."""
    params = parallel.replicate(state.params)
    reference = Validation(TINY, PUBLISHED_STATISTICS, usable)(params)
    other = Validation(replace(TINY, **changes), PUBLISHED_STATISTICS, usable)(params)
    assert other == pytest.approx(reference, rel=1e-6)
    assert 0.5 < reference["loss"] < 10


def test_the_picture_depends_on_what_was_learnt(state):
    sampler = CurveSampler(TINY, PUBLISHED_STATISTICS, MotionClip.of(make_clip("a", 200)))
    image = sampler(state.params)
    assert image.shape == (4 * 140, 900, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(sampler(state.params), image)
    bias = state.params["output_projection"]["bias"]
    other = {**state.params, "output_projection": {**state.params["output_projection"], "bias": bias + 1}}
    assert (sampler(other) != image).any()


def test_equal_curves_lie_on_each_other():
    motion = np.zeros((64, 70), np.float32)
    motion[:, 1] = np.sin(np.arange(64) / 10)

    def visible_truth(sampled):
        """Pixels of the truth that the sampled curves leave uncovered, below the labels."""
        panels = draw(motion, sampled).reshape(4, 140, 900, 3)[:, 24:]
        return int((panels == TRUTH).all(axis=-1).sum())

    assert visible_truth(motion) == 0
    assert visible_truth(2 * motion) > 100


def test_curves_are_pose_and_the_lower_lip():
    motion = np.arange(70, dtype=np.float32)[None]
    assert {name: float(values[0]) for name, values in curves(motion).items()} == {
        "yaw": 1, "pitch": 2, "roll": 3, "mouth": 65,
    }  # fmt: skip
