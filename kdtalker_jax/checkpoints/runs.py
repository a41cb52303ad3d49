"""Checkpoints of training runs, of every kind.

    RUN/run.json                     format version, kind, configuration, number of clips, what the run has found out
    RUN/checkpoints/<step>/<item>/   trees of the task: what is learnt, its moving average, the optimiser's numbers
                           progress/ step, position in the data, sums of the trees
                           metrics/  validation loss, where it was measured

Orbax writes each step beside its place and renames it when complete, in the background.
"""

import dataclasses
import json
import math
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import jax

from kdtalker_jax.checkpoints.converted import Checkpoint
from kdtalker_jax.checkpoints.formats import FORMAT, current_run
from kdtalker_jax.checkpoints.trees import as_numpy, fault_of, quiet_failure, read_tree, sum_of
from kdtalker_jax.checkpoints.writing import checkpoint_writer
from kdtalker_jax.errors import CheckpointError, OutputError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.records import UnknownSettingError, from_json, read_json
from kdtalker_jax.systems import find_system
from kdtalker_jax.training.kinds import Kind, kind_of_run
from kdtalker_jax.unfinished import unfinished_file

if TYPE_CHECKING:
    from configs.training import CheckpointConfig

RECORD_FILE = "run.json"
FOLDER = "checkpoints"

Tree = Any
Which = int | Literal["latest", "best"]


@dataclass(frozen=True)
class RunRecord:
    """What a run was started with.

    Attributes:
        kind: of `training.kinds`.
        config: of the kind's configuration.
        clips: of the data set, that can be trained on.
        init: what the first parameters were taken from, if not from the seed.
        found: what the run has found out before its first step, by name, as `Kind.found` says.
    """

    kind: str
    config: Any
    clips: int
    init: str | None = None
    found: Mapping[str, Any] = field(default_factory=dict)


def is_run(directory: str | Path) -> bool:
    """Whether a directory is that of a training run."""
    return (Path(directory) / RECORD_FILE).is_file()


def run_kind(directory: str | Path) -> Kind:
    """What a run trains. Raises CheckpointError where the directory is no run, or of a kind that is not known."""
    content = _read_content(directory)
    return kind_of_run(content["kind"], Path(directory) / RECORD_FILE)


def read_record(directory: str | Path, kind: str) -> RunRecord:
    """What a run was started with.

    Raises:
        CheckpointError: the directory is no run, or of another kind, or its record is damaged or of a newer format.
    """
    content, path = _read_content(directory), Path(directory) / RECORD_FILE
    known = kind_of_run(content["kind"], path)
    if known.name != kind:
        raise CheckpointError(f"{directory} is the run of a {known.name}: name another")
    try:
        config = from_json(known.config, content.get("config"), "config")
        found = from_json(dict, content.get("found", {}), "found")
        return RunRecord(
            kind,
            config,
            from_json(int, content.get("clips"), "clips"),
            from_json(str | None, content.get("init"), "init"),
            {name: from_json(of, found.get(name, {}), f"found.{name}") for name, of in known.found.items()},
        )
    except UnknownSettingError as error:
        raise CheckpointError(f"{path} was written by another version ({error}): update kdtalker_jax") from error
    except ValueError as error:
        raise _damaged(path, error) from error


def _read_content(directory: str | Path) -> dict[str, Any]:
    """What the record's file says, in today's format."""
    path = Path(directory) / RECORD_FILE
    if not path.is_file():
        raise CheckpointError(f"{directory} is not a training run: there is no {RECORD_FILE} in it")
    try:
        content = read_json(path)
        version = from_json(int, content.get("format"), "format")
        if version > FORMAT:
            raise CheckpointError(f"{path} has format {version}, newer than this program's {FORMAT}: update it")
        content = current_run(content)
        from_json(str, content.get("kind"), "kind")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise _damaged(path, error) from error
    return content


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} is damaged ({error}): start the run anew in another folder")


def write_record(directory: str | Path, record: RunRecord) -> None:
    """Raises OutputError where the file cannot be written."""
    path = Path(directory) / RECORD_FILE
    found = {name: dataclasses.asdict(value) for name, value in record.found.items()}
    content = {"format": FORMAT, "kind": record.kind, "config": dataclasses.asdict(record.config)}
    content |= {"clips": record.clips, "init": record.init, "found": found}
    try:
        with unfinished_file(path) as partial:
            partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror})") from error


class RunCheckpoints:
    """The checkpoints of a run that is being trained. All processes of the run make the same calls."""

    def __init__(self, directory: str | Path, policy: "CheckpointConfig") -> None:
        """Raises OutputError where the folder cannot be made."""
        import orbax.checkpoint as ocp  # takes half a second
        from orbax.checkpoint.checkpoint_managers import preservation_policy

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
        import orbax.checkpoint as ocp

        if step in self._manager.all_steps():
            return
        self.check_room(trees)
        items = {name: ocp.args.PyTreeSave(tree) for name, tree in trees.items()}
        sums = {name: sum_of(tree) for name, tree in trees.items()}
        items["progress"] = ocp.args.JsonSave({"step": step, "sums": sums, **progress})
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
        import orbax.checkpoint as ocp

        items = {name: ocp.args.PyTreeRestore(tree, restore_args=as_numpy(tree)) for name, tree in templates.items()}
        items["progress"] = ocp.args.JsonRestore()
        try:
            with quiet_failure():
                restored = self._manager.restore(self.latest, args=ocp.args.Composite(**items))
            trees, progress = {name: restored[name] for name in templates}, restored["progress"]
            sums = from_json(dict[str, str], progress.pop("sums", {}), "sums")
            _check_whole(trees, sums)
        except Exception as error:  # Orbax and its storage raise many kinds
            raise CheckpointError(
                f"{self._path / str(self.latest)} is damaged: remove that folder to go on from the one before"
            ) from error
        return trees, progress

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


def items_for(ema: bool | None) -> tuple[str, ...]:
    """For `load_item`: the moving average, the parameters themselves, or (None) the average if the run keeps one."""
    return {None: ("ema", "params"), True: ("ema",), False: ("params",)}[ema]


def load_item(run: str | Path, names: tuple[str, ...], which: Which = "latest") -> tuple[str, Tree, int]:
    """One tree of a run's checkpoint, also while the run goes on; reads nothing else of it.

    Args:
        run: the folder of the run.
        names: of items, the one that is preferred first: the first that the checkpoint has is read.
        which: "latest", "best" by validation loss, or a step.

    Returns:
        The item's name, the tree of NumPy arrays, and the step.

    Raises:
        CheckpointError: no such run, step or item, or it is damaged.
    """
    step = _find_step(Path(run), which)
    folder = Path(run) / FOLDER / str(step)
    for name in names:
        if (folder / name).is_dir():
            return name, _read_item(folder, name), step
    raise CheckpointError(f"{folder} has no {' and no '.join(names)}: name another run or step")


def load_networks(run: str | Path, *, which: Which = "latest") -> tuple[dict[str, dict[str, Any]], int]:
    """The networks of a run that keeps `weights`: the moving average, where it keeps one.

    Returns:
        The variables of each network by name, as `save_checkpoint` wants them, and the step.

    Raises:
        CheckpointError: as `load_item`.
    """
    _, weights, step = load_item(run, ("ema", "weights"), which)
    networks = {
        name: {"params": tree, **weights["statistics"].get(name, {})} for name, tree in weights["params"].items()
    }
    return networks, step


def write_model(
    out: str | Path,
    config: ModelConfig,
    trained: Mapping[str, Tree],
    others: Checkpoint | None = None,
    *,
    without: Collection[str] = (),
    overwrite: bool = False,
) -> None:
    """A model of what was trained and, beside it, the parts of another that the system has, its base's among them.

    Args:
        without: parts that do not come along.

    Raises:
        OutputError: `out` cannot be written, or has these parts already.
    """
    kept = [
        name
        for name in (others.available if others else ())
        if name in find_system(config.system).parts and name not in (*trained, *without)
    ]
    with checkpoint_writer(out, config, [*kept, *trained], overwrite=overwrite) as writer:
        for name in kept:
            writer.add(name, others.variables(name), others.origin(name))
        for name, variables in trained.items():
            writer.add(name, variables)
        if others and others.landmarks:
            writer.add_landmarks(others.landmarks)
        if others and (sliders := others.sliders_file):
            writer.copy_sliders(*sliders)


def _read_item(folder: Path, name: str) -> Tree:
    """One tree of a run's checkpoint. Raises CheckpointError where it is damaged."""
    try:
        sums = from_json(dict[str, str], read_json(folder / "progress" / "metadata").get("sums", {}), "sums")
        tree = read_tree(folder / name)
        _check_whole({name: tree}, sums)
    except Exception as error:  # Orbax and its storage raise many kinds
        raise CheckpointError(f"{folder} is damaged: name another step") from error
    return tree


def _check_whole(trees: Mapping[str, Tree], sums: Mapping[str, str]) -> None:
    """Raises ValueError where the trees of a checkpoint are not what was written, or not finite."""
    for name, tree in trees.items():
        if fault := fault_of(tree, sums.get(name)):
            raise ValueError(f"{name}: {fault}")


def _find_step(run: Path, which: Which) -> int:
    """The step of one of a run's complete checkpoints."""
    steps = sorted(int(path.name) for path in (run / FOLDER).glob("*") if path.name.isdigit())
    if not steps:
        raise CheckpointError(f"{run} has no checkpoint yet")
    if which == "latest":
        return steps[-1]
    if which == "best":
        losses = {step: _read_loss(run / FOLDER / str(step)) for step in steps}
        best = min(steps, key=losses.__getitem__)
        if losses[best] == math.inf:
            raise CheckpointError(f"{run} has no checkpoint with a validation loss{_why_no_loss(run)}: name a step")
        return best
    if which not in steps:
        raise CheckpointError(f"{run} has no checkpoint of step {which}: there are {', '.join(map(str, steps))}")
    return which


def _read_loss(folder: Path) -> float:
    try:
        return _loss(read_json(folder / "metrics" / "metrics"))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(f"{folder} is damaged: remove that folder, or name a step") from error


def _why_no_loss(run: Path) -> str:
    """What follows "a checkpoint without a validation loss", as far as the run's record tells."""
    config = _read_content(run).get("config")
    validation = config.get("validation") if isinstance(config, dict) else None
    for name in ("windows", "pairs", "performances"):
        if isinstance(validation, dict) and validation.get(name) == 0:
            return f", because it was trained with validation.{name}=0"
    return (
        ", because no clip in its validation split is long enough, or no step was both validated and saved (of a "
        "renderer, of those with pictures of the last size)"
    )


def _loss(metrics: Mapping[str, float | None]) -> float:
    """Of validation; a checkpoint where it was not measured is worse than any other."""
    return math.inf if metrics["loss"] is None else metrics["loss"]
