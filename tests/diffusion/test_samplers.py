"""The table-driven loop does what each sampler's paper says."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.choices import with_defaults
from kdtalker_jax.diffusion.samplers import SAMPLERS, make_sampler, sample
from kdtalker_jax.diffusion.schedule import NoiseSchedule
from kdtalker_jax.errors import InputError

SHAPE = (3, 8, 5)  # portraits, frames, numbers
ALPHA_BARS = NoiseSchedule().alpha_bars
WEIGHTS = np.random.default_rng(0).normal(size=(5, 5), scale=0.6)


def toy_denoiser(x, time):
    """Cheap, not linear, depends on the time, treats each portrait alone; works on numpy and on JAX arrays."""
    return jnp.tanh(x @ jnp.asarray(WEIGHTS, x.dtype) + jnp.asarray(time, x.dtype) / 300.0)


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Textbook forms, one step after the other in double precision.


def numpy_denoiser(x, time):
    return np.tanh(x @ WEIGHTS + time / 300.0)


def clean_motion(x, epsilon, alpha_bar):
    return (x - np.sqrt(1 - alpha_bar) * epsilon) / np.sqrt(alpha_bar)


def alpha_bar_at(time, after_last):
    return ALPHA_BARS[time] if time >= 0 else after_last


def ddim_loop(x, steps, noise):
    stride = 1000 // steps
    for time in range((steps - 1) * stride, -1, -stride):
        epsilon = numpy_denoiser(x, time)
        after = alpha_bar_at(time - stride, 1.0)
        x = np.sqrt(after) * clean_motion(x, epsilon, ALPHA_BARS[time]) + np.sqrt(1 - after) * epsilon
    return x


def ddpm_loop(x, steps, noise):
    """Posterior mean and variance of DDPM, equation 7, between two visited times."""
    stride = 1000 // steps
    for i, time in enumerate(range((steps - 1) * stride, -1, -stride)):
        now, after = ALPHA_BARS[time], alpha_bar_at(time - stride, 1.0)
        alpha, x_0 = now / after, clean_motion(x, numpy_denoiser(x, time), now)
        x = (np.sqrt(after) * (1 - alpha) * x_0 + np.sqrt(alpha) * (1 - after) * x) / (1 - now)
        if time > 0:
            x = x + np.sqrt((1 - after) / (1 - now) * (1 - alpha)) * noise[i]
    return x


def pndm_loop(x, steps, noise):
    """PNDM with its transfer in the paper's own form, equation 11; even strides."""
    stride = 1000 // steps

    def transfer(x, epsilon, begin, end):
        now, after = ALPHA_BARS[begin], alpha_bar_at(end, ALPHA_BARS[0])
        below = np.sqrt(now) * (np.sqrt((1 - after) * now) + np.sqrt((1 - now) * after))
        return np.sqrt(after / now) * x - (after - now) / below * epsilon

    past = []
    for i, begin in enumerate(range((steps - 1) * stride, -1, -stride)):
        middle, end = begin - stride // 2, begin - stride
        e1 = numpy_denoiser(x, begin)
        past.append(e1)
        if i < 3:
            e2 = numpy_denoiser(transfer(x, e1, begin, middle), middle)
            e3 = numpy_denoiser(transfer(x, e2, begin, middle), middle)
            e4 = numpy_denoiser(transfer(x, e3, begin, end), end)
            epsilon = (e1 + 2 * e2 + 2 * e3 + e4) / 6
        else:
            epsilon = (55 * past[-1] - 59 * past[-2] + 37 * past[-3] - 9 * past[-4]) / 24
        x = transfer(x, epsilon, begin, end)
    return x


def dpm_loop(x, steps, noise):
    """Algorithm 2 of DPM-Solver++, with its own letters; times from the rule."""
    times = make_sampler("dpm++", steps).time
    alpha, sigma = np.sqrt(ALPHA_BARS[times]), np.sqrt(1 - ALPHA_BARS[times])
    lambdas = np.log(alpha / sigma)
    clean = []
    for i, time in enumerate(times):
        clean.append((x - sigma[i] * numpy_denoiser(x, time)) / alpha[i])
        if i + 1 == steps:
            return clean[-1]
        h, D = lambdas[i + 1] - lambdas[i], clean[-1]
        if i:
            r = (lambdas[i] - lambdas[i - 1]) / h
            D = (1 + 1 / (2 * r)) * clean[-1] - 1 / (2 * r) * clean[-2]
        x = sigma[i + 1] / sigma[i] * x - alpha[i + 1] * (np.exp(-h) - 1) * D
    raise AssertionError("no steps")


@pytest.mark.parametrize(
    ("name", "steps", "loop"),
    [
        ("ddim", 1, ddim_loop),
        ("ddim", 10, ddim_loop),
        ("ddim", 30, ddim_loop),
        ("ddpm", 1, ddpm_loop),
        ("ddpm", 10, ddpm_loop),
        ("ddpm", 30, ddpm_loop),
        ("pndm", 4, pndm_loop),
        ("pndm", 5, pndm_loop),
        ("pndm", 50, pndm_loop),
        ("dpm++", 1, dpm_loop),
        ("dpm++", 5, dpm_loop),
        ("dpm++", 30, dpm_loop),
    ],
)
def test_scan_equals_a_python_loop(name, steps, loop):
    x_T, noise = normal(*SHAPE), normal(steps - 1, *SHAPE, seed=2)
    result = jax.jit(lambda x: sample(toy_denoiser, make_sampler(name, steps), x, noise=noise))(x_T)
    np.testing.assert_allclose(result, loop(x_T.astype(np.float64), steps, noise), atol=2e-5)


def test_two_ddim_steps_by_hand():
    """betas 0.1, 0.2, 0.3, 0.4 give alpha-bars 0.9, 0.72, 0.504, 0.3024; two steps visit times 2 and 0."""
    rule = make_sampler("ddim", 2, NoiseSchedule(times=4, beta_start=0.1, beta_end=0.4))
    result = sample(lambda x, time: jnp.full_like(x, 0.5), rule, jnp.ones(1))
    x = (1 - 0.496**0.5 * 0.5) / 0.504**0.5 * 0.9**0.5 + 0.1**0.5 * 0.5  # from 0.504 to 0.9
    np.testing.assert_allclose(result, (x - 0.1**0.5 * 0.5) / 0.9**0.5, rtol=1e-6)


def test_three_dpm_steps_by_hand():
    """Four times as above; three steps visit 3, 2 and 1, where alpha-bar is 0.3024, 0.504 and 0.72."""
    rule = make_sampler("dpm++", 3, NoiseSchedule(times=4, beta_start=0.1, beta_end=0.4))
    assert rule.time.tolist() == [3, 2, 1]
    result = sample(lambda x, time: jnp.full_like(x, 0.1) * time.astype(x.dtype), rule, jnp.ones(1))
    clean_3 = (1 - 0.6976**0.5 * 0.3) / 0.3024**0.5  # 1.362845
    x = 0.504**0.5 * clean_3 + 0.496**0.5 * 0.3  # the first step is one of DDIM
    clean_2 = (x - 0.496**0.5 * 0.2) / 0.504**0.5  # 1.462048
    # log(signal / noise) is -0.417948, 0.008000 and 0.472231: steps of 0.425948 and 0.464231
    D = clean_2 + 0.464231 / 0.425948 / 2 * (clean_2 - clean_3)
    x = (0.28 / 0.496) ** 0.5 * x + 0.72**0.5 * (1 - np.exp(-0.464231)) * D
    np.testing.assert_allclose(result, (x - 0.28**0.5 * 0.1) / 0.72**0.5, rtol=1e-5)


@pytest.mark.parametrize(("name", "lowest", "highest"), [("ddim", 0.8, 1.3), ("dpm++", 1.7, 2.5)])
def test_order_of_convergence(name, lowest, highest):
    """On Gaussian data the noise is known, and so is the exact end of the way from any noise. Times finely divided."""
    schedule = NoiseSchedule(times=100_000, beta_start=1e-7, beta_end=8e-5)
    alpha_bars = jnp.asarray(schedule.alpha_bars)
    mean, deviation = normal(*SHAPE), 0.3 + np.abs(normal(*SHAPE, seed=2))

    def noise_of_gaussian(x, time):
        variance = alpha_bars[time] * deviation**2 + 1 - alpha_bars[time]
        return jnp.sqrt(1 - alpha_bars[time]) * (x - jnp.sqrt(alpha_bars[time]) * mean) / variance

    def error(steps):
        rule = make_sampler(name, steps, schedule)
        start = schedule.alpha_bars[rule.time[0]]
        x_T = normal(*SHAPE, seed=3)
        exact = mean + deviation * (x_T - np.sqrt(start) * mean) / np.sqrt(start * deviation**2 + 1 - start)
        return np.sqrt(np.mean((sample(noise_of_gaussian, rule, x_T) - exact) ** 2))

    errors = np.array([error(steps) for steps in (20, 40, 80)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert (lowest < orders).all() and (orders < highest).all(), orders


@pytest.mark.parametrize(("name", "steps"), [("ddim", 50), ("ddpm", 200), ("dpm++", 10)])
def test_spread_of_what_is_sampled(name, steps):
    """Of Gaussian data, whose noise is known, within a tenth."""
    deviation = np.linspace(0.2, 1.5, 5)[None, None]
    alpha_bars = jnp.asarray(ALPHA_BARS, jnp.float32)

    def noise_of_gaussian(x, time):
        return jnp.sqrt(1 - alpha_bars[time]) * x / (alpha_bars[time] * deviation**2 + 1 - alpha_bars[time])

    rule, x_T = make_sampler(name, steps), normal(20_000, 1, 5)
    result = sample(noise_of_gaussian, rule, x_T, key=jax.random.key(0))
    np.testing.assert_allclose(np.std(result, axis=0, keepdims=True), deviation, rtol=0.1)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [5, 50])
def test_denoiser_that_knows_the_noise_leads_to_the_clean_motion(name, steps):
    x_0, epsilon = normal(*SHAPE), normal(*SHAPE, seed=2)
    rule = make_sampler(name, steps)
    start = ALPHA_BARS[rule.time[0]]
    x_T = np.sqrt(start) * x_0 + np.sqrt(1 - start) * epsilon

    def true_noise(x, time):
        alpha_bar = jnp.asarray(ALPHA_BARS, jnp.float32)[time]
        return (x - jnp.sqrt(alpha_bar) * x_0) / jnp.sqrt(1 - alpha_bar)

    result = sample(true_noise, rule, x_T, key=jax.random.key(0))
    end = ALPHA_BARS[0] if name == "pndm" else 1.0  # PNDM stops at time 0, the others go on to no noise at all
    np.testing.assert_allclose(result, np.sqrt(end) * x_0 + np.sqrt(1 - end) * epsilon, atol=2e-3)


def test_denoiser_that_sees_no_noise_leaves_a_scaled_input():
    """With epsilon 0 DDIM only undoes the schedule's scaling."""
    x_T = normal(*SHAPE)
    result = sample(lambda x, time: jnp.zeros_like(x), make_sampler("ddim", 20), x_T)
    np.testing.assert_allclose(result, x_T / np.sqrt(ALPHA_BARS[950]), rtol=1e-5)


def test_network_calls_and_the_times_they_are_told():
    """dpm++ begins where 50 steps of ddim do, and takes the smaller steps at the end."""
    dpm = make_sampler("dpm++", 5).time
    assert dpm[0] == make_sampler("ddim", 50).time[0] == 980
    assert dpm.tolist() == [980, 701, 455, 248, 88]
    assert make_sampler("ddim", 50).calls == make_sampler("ddpm", 50).calls == 50
    pndm = make_sampler("pndm", 50)
    assert pndm.calls == 58
    warm_up = [980, 970, 970, 960, 960, 950, 950, 940, 940, 930, 930, 920]
    assert pndm.time.tolist() == warm_up + list(range(920, 0, -20))


@pytest.mark.parametrize("name", SAMPLERS)
def test_jit_equals_no_jit_and_traces_once(name):
    traced = jax.jit(chex.assert_max_traces(lambda rule, x, z: sample(toy_denoiser, rule, x, noise=z), n=1))
    chex.clear_trace_counter()
    schedules = NoiseSchedule(), NoiseSchedule(beta_end=9e-3)  # other tables of the same size: no new trace
    for schedule in schedules:
        rule, x_T, noise = make_sampler(name, 5, schedule), normal(*SHAPE), normal(4, *SHAPE)
        with jax.disable_jit():
            expected = sample(toy_denoiser, rule, x_T, noise=noise)
        np.testing.assert_allclose(traced(rule, x_T, noise), expected, atol=1e-5)


@pytest.mark.parametrize("name", SAMPLERS)
def test_batch_equals_one_at_a_time(name):
    rule, x_T, noise = make_sampler(name, 6), normal(*SHAPE), normal(5, *SHAPE, seed=2)
    together = sample(toy_denoiser, rule, x_T, noise=noise)
    alone = [sample(toy_denoiser, rule, x_T[i : i + 1], noise=noise[:, i : i + 1]) for i in range(len(x_T))]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_same_key_same_motion_other_key_other_motion():
    rule, x_T = make_sampler("ddpm", 5), normal(*SHAPE)
    first, again, other = (sample(toy_denoiser, rule, x_T, key=jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("name", ["ddim", "pndm", "dpm++"])
def test_deterministic_samplers_ignore_the_key(name):
    rule, x_T = make_sampler(name, 5), normal(*SHAPE)
    with_key = sample(toy_denoiser, rule, x_T, key=jax.random.key(0))
    np.testing.assert_array_equal(with_key, sample(toy_denoiser, rule, x_T))


@pytest.mark.parametrize("name", SAMPLERS)
def test_denoiser_can_be_told_more_than_the_time(name):
    """What is told at each call arrives there: embedded times, computed for all calls at once, give the same motion."""
    rule, x_T, noise = make_sampler(name, 5), normal(*SHAPE), normal(4, *SHAPE)
    told = {"scaled": rule.time / 300.0}
    result = sample(lambda x, t: jnp.tanh(x @ WEIGHTS + t["scaled"]), rule, x_T, noise=noise, told=told)
    np.testing.assert_allclose(result, sample(toy_denoiser, rule, x_T, noise=noise), atol=1e-5)


def test_what_nobody_names_is_as_the_denoiser_was_made_for():
    assert with_defaults(None, None, None) == ("dpm++", 5)
    assert with_defaults(None, None, "ddpm") == ("ddpm", 50)
    assert with_defaults(None, 9, "ddpm") == ("ddpm", 9)
    assert with_defaults("pndm", 7, "ddpm") == ("pndm", 7)
    assert with_defaults("euler", None, None) == ("euler", 50), "make_sampler says what is wrong with it"


def test_ddpm_needs_one_source_of_noise():
    rule, x_T = make_sampler("ddpm", 5), normal(*SHAPE)
    for arguments in ({}, {"key": jax.random.key(0), "noise": normal(4, *SHAPE)}):
        with pytest.raises(ValueError, match="either key or noise"):
            sample(toy_denoiser, rule, x_T, **arguments)


@pytest.mark.parametrize("name", SAMPLERS)
def test_update_stays_float32_around_a_low_precision_network(name):
    """Small steps would be lost in bfloat16: with answers exact in it, the result is as good as in float32."""
    rule, x_T, noise = make_sampler(name, 100), normal(*SHAPE), normal(99, *SHAPE)

    def constant(dtype):
        return lambda x, time: jnp.full(x.shape, 0.5, dtype)

    low, full = (sample(constant(dtype), rule, x_T, noise=noise) for dtype in (jnp.bfloat16, jnp.float32))
    assert low.dtype == jnp.float32
    np.testing.assert_array_equal(low, full)


@pytest.mark.parametrize(
    ("name", "steps", "message"),
    [
        ("euler", 50, "no sampler 'euler': choose one of ddim, ddpm, pndm, dpm"),
        ("ddim", 0, "ddim takes from 1 to 1000 steps, not 0"),
        ("ddpm", 1001, "ddpm takes from 1 to 1000 steps, not 1001"),
        ("pndm", 3, "pndm takes from 4 to 1000 steps, not 3"),
    ],
)
def test_impossible_choices_are_refused(name, steps, message):
    with pytest.raises(InputError, match=message):
        make_sampler(name, steps)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [4, 7, 333, 600, 1000])
def test_any_number_of_steps_gives_finite_tables(name, steps):
    rule = make_sampler(name, steps)
    assert rule.time.min() >= 0 and rule.time.max() < 1000
    if name in ("ddim", "ddpm"):
        assert rule.time.min() == 0
    if name != "pndm":  # whose Runge-Kutta steps visit times twice
        assert (np.diff(rule.time) < 0).all()
    chex.assert_tree_all_finite(rule)
