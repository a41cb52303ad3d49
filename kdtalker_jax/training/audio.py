"""Trains an audio encoder to hear what a mouth does, on speech of the synthetic world, whose mouths are known.

Wav2Lip's encoder, which the published model uses, learns from a synchronisation loss between pictures and sound. Here
the truth is at hand, so that a regression does: a linear layer on top of the feature tells jaw, width and rounding of
the lips, and is thrown away afterwards.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from configs.audio import AudioConfig
from configs.networks import ModelConfig
from kdtalker_jax.data.synthetic.performance import random_performance
from kdtalker_jax.media.mel import BANDS, mel_spectrogram, mel_windows
from kdtalker_jax.networks import build, initialise

DECIBEL = 8 / 100  # in normalised mel values, see `media.mel.mel_spectrogram`
TARGETS = ("jaw", "lip_width", "lip_rounding")

Report = Callable[[str], None]


class Spoken(NamedTuple):
    """A performance without pictures."""

    mel: np.ndarray  # (columns, 80)
    mouth: np.ndarray  # (F, 3): TARGETS


class AudioState(NamedTuple):
    """What is learnt: variables of the encoder, the layer on top, and the optimiser's memory of both."""

    params: dict[str, Any]  # {"encoder": ..., "head": (features, 3)}
    batch_stats: dict[str, Any]
    opt_state: optax.OptState


def train_audio_encoder(
    config: AudioConfig, *, report: Report = lambda sentence: None, progress: bool = False
) -> tuple[dict[str, Any], dict[str, float]]:
    """Trains from nothing, in minutes; the same seed gives the same encoder.

    Returns:
        Variables of the encoder with `folded=False`, and for each of `TARGETS` the correlation of what the encoder
        hears with the truth, on speakers that it was not trained on.
    """
    every = range(config.performances + config.validation)
    spoken = [speak(config, i) for i in tqdm(every, "speaking", disable=not progress)]
    training, validation = spoken[: config.performances], spoken[config.performances :]
    step, state = make_audio_step(config), initial_audio_state(config)
    bar = tqdm(batches(config, training), "audio encoder", total=config.steps, disable=not progress)
    for mel, mouth in bar:
        state, loss = step(state, mel, mouth)
    report(f"Audio encoder: loss {float(loss):.4f} after {config.steps} steps.")
    variables = jax.device_get({"params": state.params["encoder"], "batch_stats": state.batch_stats})
    return variables, correlations(config, state, validation)


def speak(config: AudioConfig, number: int) -> Spoken:
    """The performance of this number, of a seed's endless row of them."""
    performance = random_performance(np.random.default_rng([config.seed, number]), config.frames)
    mouth = np.stack([getattr(performance.states, name) for name in TARGETS], axis=-1)  # (F, 3)
    return Spoken(mel_spectrogram(performance.waveform), mouth)


def batches(config: AudioConfig, spoken: list[Spoken]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """As many as there are steps: windows (B, 80, 16), changed as `alter` does, and mouths (B, 3)."""
    rng = np.random.default_rng([config.seed, 1 << 32])
    for _ in range(config.steps):
        chosen = rng.integers(len(spoken), size=config.batch_size)
        frames = rng.integers(config.frames, size=config.batch_size)
        mel = np.concatenate([mel_windows(spoken[i].mel, f, f + 1) for i, f in zip(chosen, frames, strict=True)])
        mouth = np.stack([spoken[i].mouth[f] for i, f in zip(chosen, frames, strict=True)])
        yield alter(config, mel, rng), mouth


def alter(config: AudioConfig, mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other microphones and rooms: gain, spectral tilt and a noise floor for each window of (B, 80, 16)."""
    count = len(mel)
    gain = rng.normal(0, config.gain, (count, 1, 1))
    tilt = rng.normal(0, config.tilt, (count, 1, 1)) * np.linspace(-0.5, 0.5, BANDS)[:, None]
    floor = rng.uniform(-70, -35, (count, 1, 1)) + tilt + rng.normal(0, 2.5, mel.shape)  # decibels
    floor = np.where(rng.uniform(size=(count, 1, 1)) < config.noise, floor, -120)
    neper = DECIBEL * 10 / np.log(10)  # of power: that is what adds up
    sum_ = neper * np.logaddexp((mel + DECIBEL * (gain + tilt)) / neper, (DECIBEL * (floor + 100) - 4) / neper)
    return np.clip(sum_, -4, 4).astype(np.float32)


def initial_audio_state(config: AudioConfig) -> AudioState:
    """Fresh parameters from the seed."""
    model = ModelConfig(audio_encoder=config.encoder)
    key, head_key = jax.random.split(jax.random.key(config.seed))
    variables = jax.jit(lambda: initialise("audio_encoder", model, key))()
    features = config.encoder.widths[-1]
    head = jax.random.normal(head_key, (features, len(TARGETS))) / np.sqrt(features)
    params = {"encoder": variables["params"], "head": head}
    return AudioState(params, variables["batch_stats"], _optimizer(config).init(params))


def make_audio_step(config: AudioConfig) -> Callable[..., tuple[AudioState, jax.Array]]:
    """The compiled step: (state, mel (B, 80, 16), mouth (B, 3)) -> state, mean squared error."""
    network = build("audio_encoder", ModelConfig(audio_encoder=config.encoder), folded=False)
    optimizer = _optimizer(config)

    def loss(params: dict, batch_stats: dict, mel: jax.Array, mouth: jax.Array) -> tuple[jax.Array, dict]:
        variables = {"params": params["encoder"], "batch_stats": batch_stats}
        features, updated = network.apply(variables, mel, train=True, mutable=["batch_stats"])  # (B, C)
        return jnp.square(features @ params["head"] - mouth).mean(), updated["batch_stats"]

    def step(state: AudioState, mel: jax.Array, mouth: jax.Array) -> tuple[AudioState, jax.Array]:
        (value, batch_stats), gradients = jax.value_and_grad(loss, has_aux=True)(
            state.params, state.batch_stats, mel, mouth
        )
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        return AudioState(optax.apply_updates(state.params, updates), batch_stats, opt_state), value

    return jax.jit(step, donate_argnums=0)


def correlations(config: AudioConfig, state: AudioState, spoken: list[Spoken]) -> dict[str, float]:
    """Of what the encoder hears in each frame of these performances with their truth."""
    network = build("audio_encoder", ModelConfig(audio_encoder=config.encoder), folded=False)
    variables = {"params": state.params["encoder"], "batch_stats": state.batch_stats}
    hear = jax.jit(lambda mel: network.apply(variables, mel) @ state.params["head"])
    heard = np.concatenate([hear(mel_windows(each.mel, 0, config.frames)) for each in spoken])  # (N, 3)
    truth = np.concatenate([each.mouth for each in spoken])  # (N, 3)
    return {name: float(np.corrcoef(heard[:, i], truth[:, i])[0, 1]) for i, name in enumerate(TARGETS)}


def _optimizer(config: AudioConfig) -> optax.GradientTransformation:
    rate = optax.cosine_onecycle_schedule(config.steps, config.learning_rate, pct_start=0.1)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=config.weight_decay))
