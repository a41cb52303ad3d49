"""What audio encoders hear of a mouth, without the networks behind them: `python -m benchmarks.hearing`.

A linear map from a model's audio features to the jaw is fitted on invented speakers and asked about others, about what
programs read aloud where these are installed, and about real recordings, whose jaws nobody knows: there it is compared
with their loudness, as `benchmarks.demo_quality` compares the pictures of a whole model. Two encoders take a minute.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.demo import measures
from benchmarks.demo.unseen import SEED, unseen_performances
from benchmarks.race import describe_run, echo_table, json_option, write_json
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.cli import MODEL_HELP, Command
from kdtalker_jax.errors import InputError
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.files import files_below, looks_like_recording
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.synthetic.performance import Performance
from kdtalker_jax.synthetic.readers import installed_readers
from kdtalker_jax.synthetic.reading import read_performance

FITTED, ASKED, FRAMES = 40, 10, 150  # speakers that the map is fitted on, others, and frames of each
SECONDS = 8.0  # at most of each recording
_RIDGE = 1e-3
HEAD = ("model", "invented speakers, r", "read aloud, r", "recordings, r to loudness", "lowest", "offset", "in pauses")

Hear = Callable[[np.ndarray], np.ndarray]


@click.command(cls=Command)
@click.option("--checkpoint", "models", multiple=True, default=["demo"], show_default=True, help=MODEL_HELP)
@click.option(
    "--recordings", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of real speech.",
)  # fmt: skip
@json_option
def main(models: tuple[str, ...], recordings: Path, json_file: Path | None) -> None:
    """Print what the audio encoders of models hear: give --checkpoint several times to compare them."""
    files = [path for path in files_below(recordings) if looks_like_recording(path)]
    if not files:
        raise InputError(f"There are no recordings in {recordings}.")
    hearers = {model: hearer(model) for model in models}
    real = [load_waveform(file)[: int(SECONDS * SAMPLE_RATE)] for file in files]
    invented = unseen_performances(FITTED + ASKED, FRAMES)
    read = list(read_aloud())
    found = {model: judge(hear, invented, read, real) for model, hear in hearers.items()}
    echo_table(HEAD, [(model, *values.values()) for model, values in found.items()])
    write_json(json_file, {**describe_run(", ".join(models)), "files": [file.name for file in files], "found": found})


def hearer(model: str) -> Hear:
    """From a waveform to its features, (samples,) -> (F, C)."""
    checkpoint = load_checkpoint(find_model(model))
    _, family, _ = checkpoint.system.families
    names = [part.name for part in family.parts]
    checkpoint.require(*names)
    params, features = {name: fold(checkpoint.variables(name)) for name in names}, family(checkpoint.config)
    return lambda waveform: np.concatenate([np.asarray(rows) for rows in features.windows(params, [waveform], 64)])


def read_aloud() -> Iterator[Performance]:
    """By programs, where some are installed."""
    if readers := installed_readers():
        for number in range(ASKED):
            yield read_performance(np.random.default_rng([SEED, number, 2]), FRAMES, readers)


def judge(
    hear: Hear, invented: Sequence[Performance], read: Sequence[Performance], real: Sequence[np.ndarray]
) -> dict[str, str]:
    """A row of the table, by the names of its columns but the first."""
    fitted, asked = invented[:FITTED], invented[FITTED:]
    jaw = linear_map(
        np.concatenate([hear(performance.waveform) for performance in fitted]),
        np.concatenate([performance.states.jaw for performance in fitted]),
    )

    def agreement(performances: Sequence[Performance]) -> str:
        if not performances:
            return "no program"
        heard = [jaw(hear(performance.waveform)) for performance in performances]
        return f"{measures.following(heard, [performance.states.jaw for performance in performances]).pooled:.3f}"

    heard, loud = [jaw(hear(waveform)) for waveform in real], [measures.envelope(waveform) for waveform in real]
    own = [measures.correlation(a, b) for a, b in zip(heard, loud, strict=True)]
    quiet = np.concatenate([measures.pauses(values) for values in loud])
    joined = np.concatenate(heard)
    paused = f"{joined[quiet].mean():.2f}, elsewhere {joined[~quiet].mean():.2f}" if quiet.any() else ""
    offset = measures.following(heard, loud).offset
    values = agreement(asked), agreement(read), f"{np.mean(own):.3f}", f"{min(own):.3f}", f"{offset:+d}", paused
    return dict(zip(HEAD[1:], values, strict=True))


def linear_map(inputs: np.ndarray, targets: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Ridge regression of (N, C) on (N,): a function from (n, C) to (n,)."""
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = np.float64((inputs - mean) / deviation)
    weights = np.linalg.solve(
        scaled.T @ scaled / len(scaled) + _RIDGE * np.eye(scaled.shape[1]),
        scaled.T @ (targets - targets.mean()) / len(scaled),
    )
    return lambda rows: (rows - mean) / deviation @ weights + targets.mean()


if __name__ == "__main__":
    main()
