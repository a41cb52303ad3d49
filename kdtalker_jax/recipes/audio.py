"""Trains an audio encoder to hear what a mouth does, on speech of the synthetic world, whose mouths are known.

Wav2Lip's encoder, which the published model uses, learns from a synchronisation loss between pictures and sound. Here
the truth is at hand, so that a regression does: a linear layer on top of the feature tells jaw, width and rounding of
the lips, and is thrown away afterwards.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import flax.serialization
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax

from configs.audio import AudioConfig
from kdtalker_jax import parallel
from kdtalker_jax.errors import InputError
from kdtalker_jax.features.mel import BANDS, mel_spectrogram, mel_windows
from kdtalker_jax.features.wav2lip.parts import AUDIO_ENCODER
from kdtalker_jax.records import added
from kdtalker_jax.seeds import random_key
from kdtalker_jax.streams import progress_bar
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.readers import Reader, installed_readers
from kdtalker_jax.synthetic.reading import read_performance
from kdtalker_jax.training.batches import NumberedBatches
from kdtalker_jax.training.kinds import Kind
from kdtalker_jax.training.logs import Logs
from kdtalker_jax.training.loop import Outcome, Report, announce, open_run, run_task
from kdtalker_jax.training.optimizer import chain, global_norm, lenient
from kdtalker_jax.training.settings import check_positive
from kdtalker_jax.training.tail import mean_over, unless_not_finite
from kdtalker_jax.training.weights import Weights

NAME = AUDIO_ENCODER.name
DECIBEL = 8 / 100  # in normalised mel values, see `features.mel.mel_spectrogram`
TARGETS = ("jaw", "lip_width", "lip_rounding")


class Spoken(NamedTuple):
    """A performance without pictures."""

    mel: np.ndarray  # (columns, 80)
    mouth: np.ndarray  # (F, 3): TARGETS


class Heard(NamedTuple):
    """Windows of mel columns, and the mouths that spoke their middles."""

    mel: np.ndarray  # (B, 80, 16)
    mouth: np.ndarray  # (B, 3)


class AudioBatch(NamedTuple):
    """One process's share of a batch, and where it comes from."""

    heard: Heard
    sources: list[str]


class AudioState(flax.struct.PyTreeNode):
    """All that changes in training."""

    step: jax.Array  # () int32
    weights: Weights  # of the encoder
    head: jax.Array  # (features, 3): the layer on top
    opt_state: optax.OptState


@dataclass(frozen=True)
class Readers:
    """The programs that read for a run. Of runs that began before they were noted, nobody knows (None)."""

    names: tuple[str, ...] | None = added(None)


KIND = Kind(
    NAME,
    AudioConfig,
    recipes="configs.audio:AUDIO_CONFIGS",
    train=f"{__name__}:train_kind",
    export=None,  # a denoiser knows one audio encoder
    found={"readers": Readers},
)


def train_kind(
    config: AudioConfig, data: Path | None, workdir: Path, *, init: str | None = None, **telling: Any
) -> Outcome:
    """`kinds.Kind.train`: speakers are invented, so there is no data set."""
    if data is not None or init is not None:
        raise InputError("The audio encoder learns from nothing, on speakers that it invents: leave out data and init.")
    return train_audio_encoder(config, workdir, **telling)


def train_audio_encoder(
    config: AudioConfig,
    workdir: str | Path,
    *,
    report: Report = lambda sentence: None,
    progress: bool = False,
) -> Outcome:
    """Trains an audio encoder from nothing, or goes on where the run in `workdir` stopped.

    Args:
        config: of the run.
        workdir: of this run alone. `checkpoints.load_networks` reads the result from it.
        report, progress: as in `trainer.train`.

    Raises:
        InputError: settings that cannot be trained with, or a loss that is not finite.
        CheckpointError, OutputError: what cannot be read or written.
    """
    check_audio(config, parallel.device_count())
    return run_task(lambda: AudioTask(config, Path(workdir), report, progress), Path(workdir), report, progress)


def check_audio(config: AudioConfig, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    check_positive(config, ("steps", "batch_size", "performances", "frames"))
    if config.batch_size % devices:
        raise InputError(f"batch_size must be a multiple of the {devices} devices.")


class AudioTask:
    """A `loop.Task`: the audio encoder, on invented speakers."""

    def __init__(self, config: AudioConfig, workdir: Path, report: Report, progress: bool) -> None:
        self.config, self._report = config, report
        readers = find_readers(config, report)
        found = {"readers": Readers(tuple(readers))}
        record = open_run(workdir, NAME, config, None, config.performances, lambda init: found)
        check_readers(record.found["readers"], readers, workdir)
        announce(config, report)
        numbers = range(config.performances + config.validation.performances)
        spoken = [speak(config, i, readers) for i in progress_bar(numbers, "Speakers", show=progress)]
        self._validation = spoken[config.performances :]
        read = [bool(readers) and is_read(config, number) for number in numbers[config.performances :]]
        self._kinds = {"": slice(None)} | ({"read_": np.flatnonzero(read)} if any(read) else {})
        self.batches = AudioBatches(
            spoken[: config.performances], config, process=parallel.process_index(), processes=parallel.process_count()
        )
        self._step = parallel.map_step(make_audio_step(config), config.devices.mapping)
        network = _network(config)
        self._hear = jax.jit(lambda variables, head, mel: network.apply(variables, mel) @ head)

    def initial_state(self) -> AudioState:
        return initial_state(self.config)

    def trees(self, state: AudioState) -> dict[str, Any]:
        return {
            name: flax.serialization.to_state_dict(tree)
            for name, tree in (
                ("weights", state.weights),
                ("head", {"kernel": state.head}),
                ("optimizer", state.opt_state),
            )
        }

    def from_trees(self, step: int, trees: dict[str, Any]) -> AudioState:
        state = self.initial_state()
        return AudioState(
            np.int32(step),
            flax.serialization.from_state_dict(state.weights, trees["weights"]),
            trees["head"]["kernel"],
            flax.serialization.from_state_dict(state.opt_state, trees["optimizer"]),
        )

    def step(self, state: AudioState, batch: AudioBatch) -> tuple[AudioState, dict[str, jax.Array], jax.Array]:
        return self._step(state, batch.heard)

    def validate(self, state: AudioState, step: int, logs: Logs) -> float | None:
        """Logs how what is heard of the validation's speakers agrees with the truth; returns the mean squared error."""
        if not self._validation:
            return None
        state = parallel.to_host(state)
        mel = [mel_windows(each.mel, 0, self.config.frames) for each in self._validation]
        heard = np.stack([self._hear(state.weights.variables(NAME), state.head, windows) for windows in mel])
        truth = np.stack([each.mouth for each in self._validation])  # (N, F, 3)
        loss = float(np.square(heard - truth).mean())
        numbers = {"validation/loss": loss}
        for kind, chosen in self._kinds.items():
            found = _agreement(heard[chosen], truth[chosen])
            numbers |= {f"validation/{kind}{name}": r for name, r in found.items()}
            heard_well = ", ".join(f"{name} r = {value:.3f}" for name, value in found.items())
            whom = "that programs read for" if kind else "not trained on"
            self._report(f"Step {step}: of speakers {whom}, {heard_well}")
        logs.numbers(step, numbers)
        return loss if np.isfinite(loss) else None


def find_readers(config: AudioConfig, report: Report) -> dict[str, Reader]:
    """The programs that read aloud for this run, by name."""
    if not config.read:
        return {}
    readers = installed_readers()
    if readers:
        report(f"{config.read:.0%} of the speakers are read by {' and '.join(readers)}")
    else:
        report("Neither espeak-ng nor flite is installed: all speakers have invented voices")
    return readers


def check_readers(known: Readers, here: Mapping[str, Reader], workdir: Path) -> None:
    """Raises InputError where other programs read for a run than are here: its speakers would be other people."""
    if known.names is not None and known.names != tuple(here):
        began, found = (" and ".join(names) or "no program" for names in (known.names, here))
        raise InputError(
            f"{workdir} began with speakers that {began} reads for, and here {found} is installed: make that the same "
            "to resume it, or name a new workdir."
        )


def speak(config: AudioConfig, number: int, readers: Mapping[str, Reader] | None = None) -> Spoken:
    """The performance of this number, of a seed's endless row of them; some are read aloud where there are readers."""
    rng = np.random.default_rng([config.seed, number])
    if readers and is_read(config, number):
        performance = read_performance(rng, config.frames, readers)
    else:
        performance = random_performance(rng, config.frames)
    mouth = np.stack([getattr(performance.states, name) for name in TARGETS], axis=-1)  # (F, 3)
    return Spoken(mel_spectrogram(performance.waveform), mouth)


def is_read(config: AudioConfig, number: int) -> bool:
    """Whether the performance of this number is one that a program reads, evenly spread over the numbers."""
    return math.floor((number + 1) * config.read) > math.floor(number * config.read)


def _agreement(heard: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Pearson's r of (n, F, 3) and (n, F, 3), by target."""
    return {
        name: float(np.corrcoef(heard[..., i].ravel(), truth[..., i].ravel())[0, 1]) for i, name in enumerate(TARGETS)
    }


class AudioBatches(NumberedBatches[AudioBatch]):
    """This process's share of each batch of a run."""

    def __init__(self, spoken: list[Spoken], config: AudioConfig, *, process: int = 0, processes: int = 1) -> None:
        self._spoken, self._config = spoken, config
        self._mine = slice(process, None, processes)
        super().__init__(self._batch, config.steps, threads=1, prefetch=2)

    def _batch(self, number: int) -> AudioBatch:
        """Windows of random moments, changed as `alter` does."""
        config, mine = self._config, self._mine
        rng = np.random.default_rng([config.seed, 1 << 32, number])
        chosen = rng.integers(len(self._spoken), size=config.batch_size)
        frames = rng.integers(config.frames, size=config.batch_size)
        moments = list(zip(chosen.tolist(), frames.tolist(), strict=True))
        mel = np.concatenate([mel_windows(self._spoken[i].mel, f, f + 1) for i, f in moments])
        mouth = np.stack([self._spoken[i].mouth[f] for i, f in moments])
        sources = [f"speaker {i} frame {f}" for i, f in moments]
        return AudioBatch(Heard(alter(config, mel, rng)[mine], mouth[mine]), sources[mine])


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


def initial_state(config: AudioConfig) -> AudioState:
    """The state before the first step, from the seed."""
    key, head_key = jax.random.split(random_key(config.seed))
    variables = jax.jit(lambda: AUDIO_ENCODER.initialise(_sizes(config), key))()
    weights = Weights.of({NAME: variables})
    features = config.encoder.widths[-1]
    head = jax.random.normal(head_key, (features, len(TARGETS)), jnp.float32) / math.sqrt(features)
    return AudioState(jnp.int32(0), weights, head, _optimizer(config).init((weights.params, head)))


def make_audio_step(config: AudioConfig) -> Callable[..., tuple]:
    """train_step(state, heard, *, axis_name=None) -> (state, metrics, losses), as `step.make_train_step`."""
    optimizer, rate = _optimizer(config), _learning_rate(config)

    def train_step(
        state: AudioState, heard: Heard, *, axis_name: str | None = None
    ) -> tuple[AudioState, dict[str, jax.Array], jax.Array]:
        alone = axis_name is None or jax.lax.axis_size(axis_name) == 1  # means over one would change rounding alone
        network = _network(config, None if alone else axis_name)

        def objective(learnt: tuple) -> tuple[jax.Array, tuple]:
            params, head = learnt
            variables = {"params": params[NAME], **state.weights.statistics[NAME]}
            features, statistics = network.apply(variables, heard.mel, train=True, mutable=["batch_stats"])  # (B, C)
            losses = jnp.square(features @ head - heard.mouth).mean(axis=-1)
            return losses.mean(), (losses, statistics)

        learnt = state.weights.params, state.head
        gradients, (losses, statistics) = jax.grad(objective, has_aux=True)(learnt)
        gradients, statistics, loss = mean_over((gradients, statistics, losses.mean()), axis_name)
        updates, opt_state = optimizer.update(gradients, state.opt_state, learnt)
        params, head = optax.apply_updates(learnt, updates)
        updated = AudioState(state.step + 1, Weights(params, {NAME: statistics}), head, opt_state)
        grad_norm = global_norm(gradients)
        after, finite = unless_not_finite(updated, state, loss, grad_norm)
        metrics = {"loss": loss, "grad_norm": grad_norm, "learning_rate": rate(state.step), "finite": finite}
        return after, metrics, losses

    return train_step


def _network(config: AudioConfig, axis_name: str | None = None) -> Any:
    return AUDIO_ENCODER.build(_sizes(config), folded=False, axis_name=axis_name)


def _sizes(config: AudioConfig) -> SimpleNamespace:
    return SimpleNamespace(audio_encoder=config.encoder)


def _learning_rate(config: AudioConfig) -> optax.Schedule:
    return lenient(optax.cosine_onecycle_schedule(config.steps, config.learning_rate, pct_start=0.1))


def _optimizer(config: AudioConfig) -> optax.GradientTransformation:
    adam = optax.adamw(_learning_rate(config), weight_decay=config.weight_decay)
    return chain(optax.clip_by_global_norm(1.0), adam)
