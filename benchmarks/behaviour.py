"""What this version computes, to the bit, to hold another version against: `python -m benchmarks.behaviour --out FILE`.

For rebuilding the inside: record before, rebuild, compare after on the same machine with the same versions. Everything
goes through the interfaces that users have. Takes some minutes on two cores, more with `--checkpoint`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
from click.testing import CliRunner
from tqdm import tqdm

from benchmarks.race import describe_run
from configs.demo import SMALL_DEMO
from configs.kdtalker import SMALL
from configs.renderer import SMALL_RENDERER
from configs.training import SMALL_RUN
from kdtalker_jax import Motion, TalkingPortrait, demo
from kdtalker_jax.cli import Command, Failure
from kdtalker_jax.compilation import load_export
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.motion_models.kdtalker.model import Carry, Noise
from kdtalker_jax.recipes.demo import train_demo
from kdtalker_jax.seeds import random_key
from kdtalker_jax.training.logs import METRICS_FILE
from pipelines import compile as compile_command
from pipelines import sample as sample_command

PORTRAITS, RECORDINGS, SEEDS = demo.PORTRAITS[:2], demo.RECORDINGS[:2], (0, 2**31 + 7)
SHOWN = slice(None, None, 12)  # of a motion's frames, those that are rendered
CHUNKS = (1, 639, 641, 7_001, 16_000)  # samples that arrive at a time, over and over
STREAMED = 3 * SAMPLE_RATE + 123  # samples: more than a window of motion
TRAINED_STEPS = 20
# Of the trainings; a recipe of its own, so that records outlive changes of the dry run.
RECIPE = replace(
    SMALL_DEMO,
    expressive=3,
    expressive_frames=8,
    spoken=12,
    picture_size=256,
    model=SMALL,
    renderer=SMALL_RENDERER,
    details=None,
    denoiser=SMALL_RUN,
)
TIMES = ("samples_per_second", "data_wait")  # of a run's log, what no two runs share

Recorded = dict[str, Any]  # a sum of bytes, or numbers, by what was computed


@click.command(cls=Command)
@click.option("--out", type=click.Path(path_type=Path), help="Write what was computed to this file.")
@click.option("--compare", type=click.Path(path_type=Path, exists=True), help="Recorded file that must be met.")
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), help="Also five frames of this model.")
@click.option("--only", multiple=True, help="One part alone: " + "demo, stream, motion_in, training, export, frames.")
def main(out: Path | None, compare: Path | None, checkpoint: Path | None, only: tuple[str, ...]) -> None:
    """Record what this version computes, or compare it with a record; exits with 2 where anything differs."""
    parts: dict[str, Callable[[], Recorded]] = {
        "demo": performances,
        "stream": streamed,
        "motion_in": reused_motion,
        "training": trainings,
        "export": exported,
    }
    if checkpoint:
        parts["frames"] = lambda: five_frames(checkpoint)
    found: Recorded = {}
    for name in tqdm([name for name in parts if not only or name in only], "Parts", disable=None):
        found |= {f"{name}/{key}": value for key, value in parts[name]().items()}
    if out:
        out.write_text(json.dumps({"run": describe_run("demo"), "recorded": found}, indent=1), encoding="utf-8")
    if compare:
        recorded = json.loads(compare.read_text(encoding="utf-8"))["recorded"]
        asked = {key: value for key, value in recorded.items() if not only or key.partition("/")[0] in only}
        different = [key for key in sorted(asked.keys() | found.keys()) if asked.get(key) != found.get(key)]
        if different:
            raise Failure("\n".join([f"{len(different)} of {len(asked)} differ:", *different]))
        click.echo(f"All {len(asked)} are equal to the bit.")


def performances() -> Recorded:
    """The demo model's motion and frames: every portrait with every recording and seed."""
    model, found = TalkingPortrait.load(), {}
    for portrait in PORTRAITS:
        source = model.prepare(portrait, crop="none")
        for recording in RECORDINGS:
            for seed in SEEDS:
                motion = model.animate(source, recording, seed=seed)
                name = f"{portrait.stem} {recording.stem} {seed}"
                found[f"{name} motion"] = digest(motion.to_vector(), motion.keypoints)
                found[f"{name} frames"] = digest(*model.render(source, part_of(motion, SHOWN)))
    source = model.prepare(PORTRAITS[0])  # its face is found and cut out
    settings = {"sampler": "dpm++", "steps": 5, "relative": True, "stitch": True, "smooth": 20.0}
    motion = model.animate(source, RECORDINGS[0], **settings)
    found["other settings"] = digest(
        motion.to_vector(), motion.keypoints, *model.render(source, part_of(motion, SHOWN))
    )
    return found


def streamed() -> Recorded:
    """Motion and frames of a recording that comes in odd pieces."""
    model = TalkingPortrait.load()
    source = model.prepare(PORTRAITS[0], crop="none")
    waveform = load_waveform(RECORDINGS[0])[:STREAMED]
    motion = list(model.stream_motion(source, in_chunks(waveform), seed=3))
    frames = list(model.stream(source, in_chunks(waveform), seed=3, batch_size=5))
    return {
        "motion": digest(*(array for piece in motion for array in (piece.to_vector(), piece.keypoints))),
        "frames": digest(np.concatenate(frames)[SHOWN]),
        "lengths": [len(piece) for piece in motion],
    }


def reused_motion() -> Recorded:
    """The command line: a motion that is saved, and given to another portrait."""
    with TemporaryDirectory() as folder:
        saved, first, second = (Path(folder) / name for name in ("motion.npz", "first.mp4", "second.mp4"))
        run(sample_command, "--output", first, "--motion_out", saved, "--seed", 5, "--sampler", "dpm++", "--steps", 3)
        run(sample_command, "--output", second, "--motion_in", saved, "--relative", "--source_image", PORTRAITS[1])
        motion = Motion.load(saved)
        return {"motion": digest(motion.to_vector(), motion.keypoints)} | {
            f"{path.stem} {kind}": digest(*arrays)
            for path in (first, second)
            for kind, arrays in (("frames", read_frames(path)), ("sound", [load_waveform(path)]))
        }


def trainings() -> Recorded:
    """Twenty steps of every training, on each other's results: all losses that are logged."""
    every = {"log_every": 1}
    renderer = replace(
        RECIPE.renderer,
        first=replace(RECIPE.renderer.first, steps=TRAINED_STEPS // 2),
        second=replace(RECIPE.renderer.second, steps=TRAINED_STEPS // 2),
        **every,
    )
    phase = replace(RECIPE.retargeting.phase, steps=TRAINED_STEPS)
    optimizer = replace(RECIPE.denoiser.optimizer, warmup_steps=TRAINED_STEPS // 2)
    recipe = replace(
        RECIPE,
        renderer=renderer,
        retargeting=replace(RECIPE.retargeting, phase=phase, **every),
        audio=replace(RECIPE.audio, steps=TRAINED_STEPS, **every),
        denoiser=replace(RECIPE.denoiser, steps=TRAINED_STEPS, optimizer=optimizer, **every),
    )
    with TemporaryDirectory() as folder:
        train_demo(recipe, folder)
        return {run: logged(Path(folder) / run) for run in ("renderer", "retargeting", "audio", "denoiser")}


def exported() -> Recorded:
    """What exported programs of the demo model compute: a window of motion, and a batch of frames."""
    model = TalkingPortrait.load()
    source = model.prepare(PORTRAITS[0], crop="none")
    motion = model.animate(source, RECORDINGS[0], sampler="dpm++", steps=5)
    with TemporaryDirectory() as folder:
        options = ("--export", folder, "--batch_size", 2, "--sampler", "dpm++", "--steps", 5)
        run(compile_command, *options)
        programs = load_export(Path(folder))
        _, frames, _ = programs.frames(model.params, source.arrays, (), motion.keypoints[10:12])
        config, random = model.config.denoiser, np.random.default_rng(0)
        token, reference = np.float32(random.standard_normal((2, config.motion_size)))
        audio = np.float32(random.standard_normal((config.window, config.audio_features)))
        noise = np.float32(random.standard_normal((config.window, config.motion_size)))
        state, noise = Carry(token[None], reference[None]), Noise(noise[None], random_key(0)[None])
        _, window = programs.motion(model.params, state, audio[None], noise)
    return {"frames": digest(np.asarray(frames)), "motion": digest(np.asarray(window[0]))}


def five_frames(checkpoint: Path) -> Recorded:
    """The beginning of a performance by another model."""
    model = TalkingPortrait.load(checkpoint)
    source = model.prepare(PORTRAITS[0], crop="none")
    motion = model.animate(source, load_waveform(RECORDINGS[0])[:SAMPLE_RATE], sampler="ddim", steps=4)
    frames = list(model.render(source, part_of(motion, slice(5))))
    return {"motion": digest(motion.to_vector(), motion.keypoints), "frames": digest(*frames)}


def part_of(motion: Motion, part: slice) -> Motion:
    """Some frames of a motion."""
    return Motion(**{name: None if array is None else array[part] for name, array in vars(motion).items()})


def in_chunks(waveform: np.ndarray) -> Iterator[np.ndarray]:
    start, number = 0, 0
    while start < len(waveform):
        size = CHUNKS[number % len(CHUNKS)]
        yield waveform[start : start + size]
        start, number = start + size, number + 1


def digest(*arrays: np.ndarray) -> str:
    """Of the arrays' types, shapes and bytes."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array))
    return total.hexdigest()


def logged(run: Path) -> list[dict[str, float]]:
    """All numbers that a run has logged but its times."""
    lines = map(json.loads, (run / METRICS_FILE).read_text(encoding="utf-8").splitlines())
    return [{name: value for name, value in line.items() if not name.endswith(TIMES)} for line in lines]


def run(command: Any, *arguments: object) -> None:
    """A command line, in this process."""
    result = CliRunner().invoke(command.main, list(map(str, arguments)), catch_exceptions=False)
    if result.exit_code:
        raise Failure(result.output)


if __name__ == "__main__":
    main()
