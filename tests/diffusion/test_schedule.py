"""The noise schedule has the published values."""

import numpy as np

from kdtalker_jax.diffusion.config import DiffusionConfig
from kdtalker_jax.diffusion.schedule import NoiseSchedule, schedule_of


def test_values_agree_with_the_closed_form():
    schedule = NoiseSchedule()
    index = np.arange(1000)
    betas = 1e-5 + index * (8e-3 - 1e-5) / 999
    np.testing.assert_allclose(schedule.betas, betas, rtol=1e-12)
    np.testing.assert_allclose(np.log(schedule.alpha_bars), np.cumsum(np.log1p(-betas)), rtol=0, atol=1e-12)


def test_tables_keep_double_precision():
    """1 - alpha_bar_0 is 1e-5: in single precision four of its digits would be lost."""
    assert NoiseSchedule().alpha_bars.dtype == np.float64
    np.testing.assert_allclose(1 - NoiseSchedule().alpha_bars[0], 1e-5, rtol=1e-10)


def test_sampling_times():
    schedule = NoiseSchedule()
    assert schedule.sampling_times(50).tolist() == list(range(980, -1, -20))
    assert schedule.sampling_times(3).tolist() == [666, 333, 0]
    assert schedule.sampling_times(1).tolist() == [0]
    assert schedule.sampling_times(1000).tolist() == list(range(999, -1, -1))


def test_steps_may_be_equal_in_the_square_root():
    schedule = NoiseSchedule(times=5, beta_start=0.01, beta_end=0.25, spacing="root")
    np.testing.assert_allclose(np.sqrt(schedule.betas), [0.1, 0.2, 0.3, 0.4, 0.5])


def test_sampling_may_end_before_all_noise_is_gone():
    """Where it begins at time 1, as in latent diffusion, what is left is what time 0 has."""
    schedule = NoiseSchedule(first=1)
    assert schedule.sampling_times(4).tolist() == [751, 501, 251, 1]
    assert schedule.last_alpha_bar == schedule.alpha_bars[0]
    assert NoiseSchedule().last_alpha_bar == 1
    assert schedule.sampling_times(1000)[0] == 999, "there is no time 1000"


def test_the_clean_share_may_fall_as_a_squared_cosine():
    """To the figures of Nichol and Dhariwal (arXiv 2102.09672); the last variances are held below 1."""
    schedule = NoiseSchedule(spacing="cosine")
    expected = np.cos((np.arange(1, 1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    expected /= np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(schedule.alpha_bars[:990], expected[:990], rtol=1e-9)
    assert schedule.betas.max() == 0.999
    assert schedule_of(DiffusionConfig(spacing="cosine")) == NoiseSchedule(spacing="cosine")
