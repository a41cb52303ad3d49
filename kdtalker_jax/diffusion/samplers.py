"""From noise to motion: one loop, and samplers that are nothing but tables of coefficients.

The network predicts noise and nothing is clipped, so every sampler here is linear in what it has seen. After
network call i, which answers epsilon_i,

    a_i     = answer_i0 * x_i  +  answer_i1 * epsilon_i
    x_{i+1} = sample_i * base_i  +  sum_k weights_ik * a_{i-k}  +  noise_i * z_i

where a_i is what the sampler remembers of the call, the noise itself or the clean motion that it implies, and base_i is
x_i, or the x at which a Runge-Kutta step of several calls began. A rule holds these numbers for each call; `sample`
applies them. A new sampler is a function that fills the tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.choices import check_sampler
from kdtalker_jax.diffusion.noise import window_noise
from kdtalker_jax.diffusion.schedule import NoiseSchedule
from kdtalker_jax.nn.shapes import assert_equal_shape, assert_shape

ADAMS_BASHFORTH = np.array([55, -59, 37, -9]) / 24  # of the latest estimate, the one before, ...
RUNGE_KUTTA = np.array([1, 2, 2, 1]) / 6


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StepRule:
    """What a sampler does at each call of the network: a pytree, so jit depends on the number of calls alone.

    Attributes:
        time: (calls,) int32, the time the network is told.
        starts_step: (calls,) bool, whether base_i is x_i; else it stays what it was at the call before.
        answer: (calls, 2) float32, coefficients of x_i and of the predicted noise in what is remembered.
        sample: (calls,) float32, coefficient of base_i.
        weights: (calls, memory) float32, coefficients of what is remembered, the latest first.
        noise: (calls,) float32, coefficient of fresh noise, 0 at the last call; None where a sampler adds none.
    """

    time: np.ndarray
    starts_step: np.ndarray
    answer: np.ndarray
    sample: np.ndarray
    weights: np.ndarray
    noise: np.ndarray | None = None

    @property
    def calls(self) -> int:
        """How often the network is called."""
        return len(self.time)

    @property
    def memory(self) -> int:
        """How many calls are remembered."""
        return self.weights.shape[1]


def sample(
    denoise: Callable[[jax.Array, Any], jax.Array],
    rule: StepRule,
    x_T: jax.Array,
    *,
    key: jax.Array | None = None,
    noise: jax.Array | None = None,
    noise_offset: float = 0.0,
    told: Any = None,
) -> jax.Array:
    """Run a sampler from noise to motion. Pure; works under jit, with the rule as an argument or closed over.

    Args:
        denoise: (x, time) -> epsilon, the noise in x, of x's shape and any float dtype. x is float32, time an
            int32 scalar. It holds everything else: parameters, reference frame, canonical keypoints, audio.
        rule: from `make_sampler`.
        x_T: standard normal noise of any shape, here (B, 64, 70): one window of motion for each portrait.
        key: random key for the noise of samplers that add some (`ddpm`); the others ignore it.
        noise_offset: of the noise that the key draws, see `window_noise`.
        noise: (calls - 1, *x_T.shape), that noise itself, in the order of the calls: none follows the last one.
        told: pytree of (calls, ...), what `denoise` gets in place of each call's time, for example embedded.

    Returns:
        float32, of x_T's shape: clean normalised motion.
    """
    x_T = jnp.asarray(x_T, jnp.float32)  # (B, 64, 70)
    noise = _noise_of_calls(rule, x_T.shape, key, noise, noise_offset)

    def call(carry: tuple, inputs: tuple) -> tuple[tuple, None]:
        x, base, answers = carry
        step, z, time = inputs
        epsilon = denoise(x, time).astype(jnp.float32)  # (B, 64, 70)
        assert_equal_shape([x, epsilon])
        answer = step.answer[0] * x + step.answer[1] * epsilon
        answers = jnp.concatenate([answer[None], answers[:-1]])  # (memory, B, 64, 70)
        base = jnp.where(step.starts_step, x, base)
        x = step.sample * base + jnp.tensordot(step.weights, answers, axes=1, precision=jax.lax.Precision.HIGHEST)
        if z is not None:
            x += step.noise * z
        return (x, base, answers), None

    answers = jnp.zeros((rule.memory, *x_T.shape), jnp.float32)
    (x, _, _), _ = jax.lax.scan(call, (x_T, x_T, answers), (rule, noise, rule.time if told is None else told))
    return x


def _noise_of_calls(
    rule: StepRule, shape: tuple[int, ...], key: jax.Array | None, noise: jax.Array | None, offset: float
) -> jax.Array | None:
    """(calls, *shape) noise, zeros for the last call; None for a sampler that adds none."""
    if rule.noise is None:
        return None
    if (key is None) == (noise is None):
        raise ValueError("this sampler adds noise: pass either key or noise")
    if noise is None:
        noise = window_noise(key, (rule.calls - 1, *shape), offset)
    assert_shape(noise, (rule.calls - 1, *shape))
    return jnp.concatenate([jnp.asarray(noise, jnp.float32), jnp.zeros((1, *shape), jnp.float32)])


def _move(now: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of x and epsilon that take x from one alpha-bar to another along a given epsilon.

    DDIM with eta 0 (arXiv 2010.02502, equation 12); PNDM's transfer (arXiv 2202.09778, equation 11) is the same.
    """
    sample = np.sqrt(after / now)
    return sample, np.sqrt(1 - after) - sample * np.sqrt(1 - now)


def _single_steps(schedule: NoiseSchedule, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, alpha-bar at each and alpha-bar after each step, after the last that where sampling ends."""
    times = schedule.sampling_times(steps)  # (steps,)
    now = schedule.alpha_bars[times]
    return times, now, np.append(now[1:], schedule.last_alpha_bar)


def _tables(time, sample, weights, *, starts_step=None, answer=None, noise=None) -> StepRule:
    """Round the finished float64 tables. By default every call starts a step, and the noise itself is remembered."""
    calls = len(time)
    return StepRule(
        time=np.asarray(time, np.int32),
        starts_step=np.ones(calls, bool) if starts_step is None else np.asarray(starts_step, bool),
        answer=np.asarray(np.tile([0, 1], (calls, 1)) if answer is None else answer, np.float32),
        sample=np.asarray(sample, np.float32),
        weights=np.asarray(weights, np.float32),
        noise=None if noise is None else np.asarray(noise, np.float32),
    )


def ddim(schedule: NoiseSchedule, steps: int) -> StepRule:
    """DDIM with eta 0 (arXiv 2010.02502, equation 12). `steps` network calls."""
    times, now, after = _single_steps(schedule, steps)
    sample, epsilon = _move(now, after)
    return _tables(times, sample, epsilon[:, None])


def ddpm(schedule: NoiseSchedule, steps: int) -> StepRule:
    """DDPM (arXiv 2006.11239, equation 11) on a strided schedule, with the smaller variance, beta-tilde.

    `steps` network calls.
    """
    times, now, after = _single_steps(schedule, steps)
    beta = 1 - now / after
    sample = np.sqrt(after / now)
    epsilon = -sample * beta / np.sqrt(1 - now)
    noise = np.sqrt(beta * (1 - after) / (1 - now))
    return _tables(times, sample, epsilon[:, None], noise=noise)


def pndm(schedule: NoiseSchedule, steps: int) -> StepRule:
    """PNDM (arXiv 2202.09778, F-PNDM): three Runge-Kutta steps of four calls, then Adams-Bashforth steps of one.

    `steps` + 8 network calls, at least 4 steps. The published sampler makes one call more, from time 0 to time 0,
    which changes nothing.
    """
    times, stride = schedule.sampling_times(steps), schedule.stride(steps)
    half = stride // 2  # an odd stride has no middle: the published code comes to a different one from each side
    moves = []  # time told to the network, time where the step begins, time it leads to, {calls ago: weight}
    on_grid = []  # the calls that Adams-Bashforth looks back on
    for begin in times[:3]:
        end = begin - stride
        on_grid.append(len(moves))
        moves += [
            (begin, begin, begin - half, {0: 1.0}),
            (end + half, begin, end + half, {0: 1.0}),
            (end + half, begin, end, {0: 1.0}),
            (end, begin, end, dict(enumerate(RUNGE_KUTTA))),
        ]
    for begin in times[3:-1]:
        on_grid.append(len(moves))
        ago = (len(moves) - call for call in on_grid[:-5:-1])
        moves.append((begin, begin, begin - stride, dict(zip(ago, ADAMS_BASHFORTH, strict=True))))

    weights = np.zeros((len(moves), 13))  # the first Adams-Bashforth step looks back on the very first call
    for row, (*_, terms) in zip(weights, moves, strict=True):
        row[list(terms)] = list(terms.values())
    time, begin, end = np.array([move[:3] for move in moves]).T
    sample, epsilon = _move(schedule.alpha_bars[begin], schedule.alpha_bars[end])
    starts_step = np.append(True, begin[1:] != begin[:-1])
    return _tables(time, sample, epsilon[:, None] * weights, starts_step=starts_step)


def dpm(schedule: NoiseSchedule, steps: int) -> StepRule:
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): second order, for few steps. `steps` network calls.

    It extrapolates the clean motion from the last two calls, along half the log of the signal-to-noise ratio. The last
    call's clean motion is the result.

    The first step is where 50 published steps begin. The others come closer together towards the clean end, as
    (i / steps)^1.5: equal steps in time leave out what happens there, equal steps in the ratio leave out the rest.
    """
    start = max(schedule.times - max(schedule.times // 50, 1), steps - 1)
    rising = np.rint(start * (np.arange(1, steps + 1) / steps) ** 1.5)
    ranks = np.arange(steps)
    times = (np.maximum.accumulate(rising - ranks) + ranks).astype(int)[::-1]  # no two the same

    signal, noise = np.sqrt(schedule.alpha_bars[times]), np.sqrt(1 - schedule.alpha_bars[times])
    log_ratio = np.log(signal / noise)
    sample, weights = np.zeros(steps), np.zeros((steps, 2))
    weights[-1, 0] = 1
    for i in range(steps - 1):
        step = log_ratio[i + 1] - log_ratio[i]
        bend = step / (log_ratio[i] - log_ratio[i - 1]) / 2 if i else 0.0
        sample[i] = noise[i + 1] / noise[i]
        weights[i] = -signal[i + 1] * np.expm1(-step) * np.array([1 + bend, -bend])
    return _tables(times, sample, weights, answer=np.stack([1 / signal, -noise / signal], axis=1))


SAMPLERS = {"ddim": ddim, "ddpm": ddpm, "pndm": pndm, "dpm++": dpm}


def make_sampler(name: str, steps: int, schedule: NoiseSchedule | None = None) -> StepRule:
    """The rule of a sampler by its name: `ddim`, `ddpm`, `pndm` or `dpm++`.

    Raises:
        InputError: unknown name, or a number of steps that the sampler cannot make.
    """
    schedule = schedule or NoiseSchedule()
    check_sampler(name, steps, schedule.times)
    return SAMPLERS[name](schedule, int(steps))
