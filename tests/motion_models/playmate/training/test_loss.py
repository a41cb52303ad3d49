"""What is told in training, and how often not; equation 9 in both forms."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.diffusion.schedule import schedule_of
from kdtalker_jax.motion_models.playmate.training.input import LabelledClip, stack_windows, statistics_of
from kdtalker_jax.motion_models.playmate.training.loss import augmented, draw, dropped, noised_past, to_examples
from tests.motion_models.playmate.training.tiny import FIRST, SECOND

COUNT = 400  # samples, of which shares are counted


@pytest.fixture(scope="module")
def drawn_from(clips):
    kept = [LabelledClip.of(clip) for clip in clips[1:5]]
    windows = stack_windows(kept * (COUNT // 4), [1] * COUNT, 74, np.arange(COUNT, dtype=np.int32))
    examples = to_examples(windows, statistics_of(kept), 10)

    def of(config):
        def all_of(step):
            drawn = draw(config, examples, windows.position, step)
            after = augmented(config, examples, drawn)
            return drawn._replace(dropout=jnp.zeros(())), after, *dropped(config, after, drawn)

        return examples, *jax.jit(all_of)(jnp.int32(3))

    return of


def test_examples_are_normalised(drawn_from, clips):
    examples, *_ = drawn_from(FIRST)
    assert examples.previous.shape == (COUNT, 10, 70)
    assert examples.motion.shape == (COUNT, 64, 70)
    pose = np.stack([clips[4][name] for name in ("scale", "yaw", "pitch", "roll")], axis=1)
    expected = (pose[11:75] - pose.mean(axis=0)) / pose.std(axis=0)
    np.testing.assert_allclose(examples.motion[3, :, :4], expected, atol=2e-3)


def test_a_part_of_the_samples_begins_as_a_recording_does(drawn_from):
    """Copies of the frame before the window, in silence; the noise of the past comes on top."""
    examples, drawn, after, *_ = drawn_from(replace(FIRST, previous_times=1))
    first = np.asarray(drawn.chances[:, 0] < 0.2)
    assert 0.13 < first.mean() < 0.27
    silent = (np.asarray(after.audio[:, :10]) == 0).all(axis=(1, 2))
    np.testing.assert_array_equal(silent, first)
    np.testing.assert_array_equal(after.audio[:, 10:], examples.audio[:, 10:])
    np.testing.assert_array_equal(after.previous[~first], examples.previous[~first])
    repeated = np.asarray(examples.previous)[first][:, -1:].repeat(10, axis=1)
    np.testing.assert_array_equal(np.asarray(after.previous)[first], repeated)


def test_sound_is_dropped_in_a_part_and_emotions_on_their_own(drawn_from):
    *_, heard = drawn_from(FIRST)
    assert 0.05 < 1 - np.mean(heard) < 0.16
    examples, _, _, told, heard = drawn_from(SECOND)
    none = np.asarray(told.emotions[..., 0] == 1).all(axis=1)
    known = np.asarray(examples.emotions[..., 0] == 0).all(axis=1)
    silent = np.asarray(heard) == 0
    assert 0.05 < silent.mean() < 0.16
    assert 0.13 < none[known].mean() < 0.28
    assert none[silent].all(), "without sound there is no emotion"
    assert set(np.unique(heard)) == {0, 1}


def test_the_past_is_noised_little_and_by_its_own_time(drawn_from):
    examples, drawn, after, *_ = drawn_from(replace(FIRST, first_window=0.0))
    times = np.asarray(drawn.previous_times)
    assert times.min() >= 1
    assert times.max() <= 49
    assert len(set(times.tolist())) > 40
    deviation = np.asarray(after.previous - examples.previous).std(axis=(1, 2))
    assert np.corrcoef(times, deviation)[0, 1] > 0.9
    assert deviation.max() < 0.3
    assert abs(np.corrcoef(times, np.asarray(drawn.times))[0, 1]) < 0.15, "independent of the diffusion's"


def test_the_printed_form_has_the_noise_s_share_without_its_root():
    schedule = schedule_of(FIRST.diffusion)
    previous, noise = np.ones((1, 10, 70), np.float32), np.full((1, 10, 70), 2, np.float32)
    share = 1 - schedule.alpha_bars[49]
    for form, spread in (("root", np.sqrt(share)), ("printed", share)):
        noised = noised_past(schedule, form, previous, np.int32([49]), noise)
        np.testing.assert_allclose(noised, np.sqrt(1 - share) + 2 * spread, rtol=1e-5)
    assert 0.16 < np.sqrt(share) < 0.26


def test_random_numbers_go_with_the_position(drawn_from):
    _, drawn, *_ = drawn_from(FIRST)
    _, again, *_ = drawn_from(FIRST)
    jax.tree.map(np.testing.assert_array_equal, drawn, again)
    assert np.abs(np.asarray(drawn.noise[0] - drawn.noise[1])).max() > 1
