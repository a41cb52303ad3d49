"""Checkpoints of training runs.

    RUN/run.json                     format version, configuration, statistics, number of clips
    RUN/checkpoints/<step>/params/   what the denoiser has learnt
                           ema/      its moving average, where the run keeps one
                           optimizer/
                           weights/, adversary/, head/  in runs of other networks, instead of params
                           progress/ step and position in the data
                           metrics/  validation loss, where it was measured

Orbax writes each step beside its place and renames it when complete, in the background.
"""

import dataclasses
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from configs.audio import AudioConfig
from configs.renderer import RendererConfig
from configs.retargeting import RetargetingTrainingConfig
from configs.training import CheckpointConfig, TrainingConfig
from kdtalker_jax.checkpoints.converted import Checkpoint, checkpoint_writer, load_checkpoint
from kdtalker_jax.checkpoints.trees import UnknownSettingError, as_numpy, from_json, read_tree
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.spaces.statistics import MotionStatistics

FORMAT = 1
RECORD_FILE = "run.json"
FOLDER = "checkpoints"

Tree = Any
Which = int | Literal["latest", "best"]


@dataclass(frozen=True)
class RunRecord:
    """What a run was started with."""

    config: TrainingConfig
    statistics: MotionStatistics
    clips: int  # that are long enough
    init: str | None = None  # what the parameters were taken from, if not from the seed


@dataclass(frozen=True)
class RendererRecord:
    """What a run of the renderer was started with."""

    config: RendererConfig
    clips: int
    init: str | None = None


@dataclass(frozen=True)
class RetargetingRecord:
    """What a run of stitching and retargeting was started with."""

    config: RetargetingTrainingConfig
    clips: int
    init: str  # checkpoint of the renderer


@dataclass(frozen=True)
class AudioRecord:
    """What a run of the audio encoder was started with."""

    config: AudioConfig
    clips: int  # invented speakers
    init: None = None


RECORDS = {
    "denoiser": RunRecord,
    "renderer": RendererRecord,
    "retargeting": RetargetingRecord,
    "audio encoder": AudioRecord,
}

Record = TypeVar("Record", RunRecord, RendererRecord, RetargetingRecord, AudioRecord)


@dataclass(frozen=True)
class TrainedDenoiser:
    """A denoiser from a run, for `TalkingPortrait` or to train further.

    Attributes:
        variables: {"params": tree} of NumPy arrays.
        config: sizes of the denoiser and the statistics it was trained with; its other parts are not the run's.
        step: after how many steps.
        ema: whether these are the moving averages.
    """

    variables: dict[str, Any]
    config: ModelConfig
    step: int
    ema: bool


def is_run(directory: str | Path) -> bool:
    """Whether a directory is that of a training run."""
    return (Path(directory) / RECORD_FILE).is_file()


def run_kind(directory: str | Path) -> str:
    """What a run trains: a key of RECORDS. Raises CheckpointError where the directory is no run."""
    return _read_content(directory).get("kind", "denoiser")


def read_record(directory: str | Path, kind: type[Record] = RunRecord) -> Record:
    """What a run was started with.

    Raises:
        CheckpointError: the directory is no run, or of another kind, or its record is damaged or of a newer format.
    """
    content = _read_content(directory)
    found = content.pop("kind", "denoiser")
    if RECORDS.get(found) is not kind:
        raise CheckpointError(f"{directory} is the run of a {found}: name another")
    try:
        return from_json(kind, content)
    except UnknownSettingError as error:
        path = Path(directory) / RECORD_FILE
        raise CheckpointError(f"{path} was written by another version ({error}): update kdtalker_jax") from error
    except (LookupError, TypeError, AttributeError) as error:
        raise _damaged(Path(directory) / RECORD_FILE, error) from error


def _read_content(directory: str | Path) -> dict[str, Any]:
    """What the record's file says, without its version."""
    path = Path(directory) / RECORD_FILE
    if not path.is_file():
        raise CheckpointError(f"{directory} is not a training run: there is no {RECORD_FILE} in it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format")
        newer = version > FORMAT
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    if newer:
        raise CheckpointError(f"{path} has format {version}, newer than this program's {FORMAT}: update it")
    return content


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} is damaged ({error}): start the run anew in another folder")


def write_record(directory: str | Path, record: RunRecord | RendererRecord | RetargetingRecord | AudioRecord) -> None:
    """Raises OutputError where the file cannot be written."""
    path = Path(directory) / RECORD_FILE
    partial = path.with_suffix(".partial")
    (kind,) = (name for name, record_type in RECORDS.items() if record_type is type(record))
    content = {"format": FORMAT, "kind": kind, **dataclasses.asdict(record)}
    try:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror})") from error


class RunCheckpoints:
    """The checkpoints of a run that is being trained. All processes of the run make the same calls."""

    def __init__(self, directory: str | Path, policy: CheckpointConfig) -> None:
        """Raises OutputError where the folder cannot be made."""
        self._path = (Path(directory) / FOLDER).resolve()
        kept = [
            preservation_policy.LatestN(policy.keep_last),
            preservation_policy.BestN(get_metric_fn=_loss, reverse=True, n=policy.keep_best),
        ]
        if policy.keep_every:
            kept.append(preservation_policy.EveryNSteps(policy.keep_every))
        options = ocp.CheckpointManagerOptions(
            preservation_policy=preservation_policy.AnyPreservationPolicy(kept), best_fn=_loss, best_mode="min"
        )
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._manager = ocp.CheckpointManager(self._path, options=options)
        except OSError as error:
            raise OutputError(f"{directory} cannot be written to ({error.strerror})") from error

    @property
    def latest(self) -> int | None:
        """Step of the newest complete checkpoint."""
        return self._manager.latest_step()

    def save(self, step: int, trees: Mapping[str, Tree], progress: dict[str, Any], loss: float | None = None) -> None:
        """Starts writing; returns once the next step may change the arrays. A step that is there already stays.

        Args:
            trees: NumPy arrays by the name of the item.
            progress: whatever JSON can hold.
            loss: of validation, if it was measured at this step.

        Raises:
            OutputError: there is no room for this checkpoint, or the one before could not be written.
        """
        if step in self._manager.all_steps():
            return
        self.check_room(trees)
        items = {name: ocp.args.PyTreeSave(tree) for name, tree in trees.items()}
        items["progress"] = ocp.args.JsonSave({"step": step, **progress})
        arguments = ocp.args.Composite(**items)
        self._guarded(self._manager.save, step, args=arguments, metrics={"loss": loss}, force=True)

    def check_room(self, trees: Mapping[str, Tree]) -> None:
        """Raises OutputError where the disk has no room for one more checkpoint of these arrays."""
        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(dict(trees)))
        free = shutil.disk_usage(self._path).free
        if free < needed:
            raise OutputError(
                f"A checkpoint needs {needed / 1e6:.0f} MB and {self._path} has {free / 1e6:.0f} MB left: make room, "
                f"and run the same command to go on from step {self.latest or 0}."
            )

    def restore(self, templates: Mapping[str, Tree]) -> tuple[dict[str, Tree], dict[str, Any]]:
        """The newest checkpoint: trees of NumPy arrays with the structure of the templates, and the progress.

        Raises:
            CheckpointError: it is damaged.
        """
        items = {name: ocp.args.PyTreeRestore(tree, restore_args=as_numpy(tree)) for name, tree in templates.items()}
        items["progress"] = ocp.args.JsonRestore()
        try:
            restored = self._manager.restore(self.latest, args=ocp.args.Composite(**items))
        except Exception as error:  # Orbax and its storage raise many kinds
            raise CheckpointError(
                f"{self._path / str(self.latest)} is damaged: remove that folder to go on from the one before"
            ) from error
        return {name: restored[name] for name in templates}, restored["progress"]

    def close(self) -> None:
        """Waits until everything is on disk. Raises OutputError where that fails."""
        try:
            self._guarded(self._manager.wait_until_finished)
        finally:
            self._manager.close()

    def _guarded(self, function: Any, *arguments: Any, **keywords: Any) -> None:
        try:
            function(*arguments, **keywords)
        except Exception as error:  # a full disk surfaces as OSError, ValueError or an error of the storage library
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise OutputError(
                f"A checkpoint cannot be written to {self._path} ({reason}): make room, and run the same command to "
                f"go on from step {self.latest or 0}."
            ) from error


def load_denoiser(run: str | Path, *, ema: bool | None = None, which: Which = "latest") -> TrainedDenoiser:
    """Reads a denoiser from a training run, also while it goes on. Reads nothing else of the checkpoint.

    Args:
        run: the run's --workdir.
        ema: the moving average or the parameters themselves; None: the average, if the run keeps one.
        which: "latest", "best" by validation loss, or a step.

    Raises:
        CheckpointError: no such run, step or average, or it is damaged.
    """
    record = read_record(run)
    step = _find_step(Path(run), which)
    folder = Path(run) / FOLDER / str(step)
    has_ema = (folder / "ema").is_dir()
    if ema and not has_ema:
        raise CheckpointError(f"{run} keeps no moving average: it was trained without ema.enabled=true")
    ema = has_ema if ema is None else ema
    try:
        params = read_tree(folder / ("ema" if ema else "params"))
    except Exception as error:  # Orbax and its storage raise many kinds
        raise CheckpointError(f"{folder} is damaged: name another step") from error
    config = ModelConfig(name=record.config.name, denoiser=record.config.denoiser, statistics=record.statistics)
    return TrainedDenoiser({"params": params}, config, step, ema)


def load_networks(run: str | Path, *, which: Which = "latest") -> dict[str, dict[str, Any]]:
    """Reads the networks of a run of the renderer, of retargeting or of the audio encoder: the moving average, where it
    keeps one.

    Args:
        run: the run's --workdir.
        which: as in `load_denoiser`.

    Returns:
        The variables of each network by name, as `save_checkpoint` wants them.

    Raises:
        CheckpointError: no such run or step, or it is damaged.
    """
    folder = Path(run) / FOLDER / str(_find_step(Path(run), which))
    try:
        weights = read_tree(folder / ("ema" if (folder / "ema").is_dir() else "weights"))
    except Exception as error:  # Orbax and its storage raise many kinds
        raise CheckpointError(f"{folder} is damaged: name another step") from error
    return {name: {"params": tree, **weights["statistics"].get(name, {})} for name, tree in weights["params"].items()}


def export_renderer(
    run: str | Path, base: str | Path | None, out: str | Path, *, which: Which = "latest", overwrite: bool = False
) -> int:
    """Writes a converted checkpoint with the networks of a run of the renderer or of retargeting.

    Args:
        run: the run's --workdir.
        base: checkpoint that all else is taken from; may be None for a run of the renderer, whose networks are then
            all there is.
        out, overwrite: as in `export_denoiser`. which: as in `load_denoiser`.

    Returns:
        The step that they are from.

    Raises:
        CheckpointError: `run` or `base` cannot be read. OutputError: `out` cannot be written.
    """
    step = _find_step(Path(run), which)
    trained = load_networks(run, which=step)
    others = load_checkpoint(base) if base else None
    config = others.config if others else ModelConfig()
    if run_kind(run) == "renderer":
        record = read_record(run, RendererRecord).config
        names = {field.name for field in dataclasses.fields(ModelConfig)} & set(vars(record)) - {"name"}
        parts = {name: getattr(record, name) for name in names}
        config = dataclasses.replace(config, **parts, name=others.config.name if others else record.name)
    _write(out, config, trained, others, overwrite)
    return step


def _write(
    out: str | Path, config: ModelConfig, trained: Mapping[str, Tree], others: Checkpoint | None, overwrite: bool
) -> None:
    """A checkpoint of what was trained and, beside it, the parts of another."""
    kept = {name: source for name, source in others.parts.items() if name not in trained} if others else {}
    with checkpoint_writer(out, config, [*kept, *trained], overwrite=overwrite) as writer:
        for name, source in kept.items():
            writer.add(name, others.variables(name), source)
        for name, variables in trained.items():
            writer.add(name, variables)
        if others and others.landmarks:
            writer.add_landmarks(others.landmarks)


def export_denoiser(trained: TrainedDenoiser, base: str | Path, out: str | Path, *, overwrite: bool = False) -> None:
    """Writes a converted checkpoint with the trained denoiser, its statistics, and all else from the checkpoint `base`.

    Raises:
        CheckpointError: `base` cannot be read. OutputError: `out` cannot be written, or has these parts already.
    """
    others = load_checkpoint(base)
    config = dataclasses.replace(others.config, denoiser=trained.config.denoiser, statistics=trained.config.statistics)
    _write(out, config, {"denoiser": trained.variables}, others, overwrite)


def _find_step(run: Path, which: Which) -> int:
    """The step of one of a run's complete checkpoints."""
    steps = sorted(int(path.name) for path in (run / FOLDER).glob("*") if path.name.isdigit())
    if not steps:
        raise CheckpointError(f"{run} has no checkpoint yet")
    if which == "latest":
        return steps[-1]
    if which == "best":
        losses = {
            step: _loss(json.loads((run / FOLDER / str(step) / "metrics" / "metrics").read_text())) for step in steps
        }
        best = min(steps, key=losses.__getitem__)
        if losses[best] == math.inf:
            raise CheckpointError(f"{run} has no checkpoint with a validation loss: name a step")
        return best
    if which not in steps:
        raise CheckpointError(f"{run} has no checkpoint of step {which}: there are {', '.join(map(str, steps))}")
    return which


def _loss(metrics: Mapping[str, float | None]) -> float:
    """Of validation; a checkpoint where it was not measured is worse than any other."""
    return math.inf if metrics["loss"] is None else metrics["loss"]
