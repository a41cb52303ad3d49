"""The synthetic world on disk: a TFDS data set of array records, with everything that is true about each clip.

WORLD/dataset_info.json, features.json, *.array_record*     as TFDS writes them
WORLD/world.json                                            how it was made
"""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from kdtalker_jax.data.clips import SPLITS
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.features.mel import BANDS
from kdtalker_jax.synthetic.clips import ClipPlan, WorldOptions, fingerprint, plan_world
from kdtalker_jax.synthetic.feelings import UNKNOWN
from kdtalker_jax.synthetic.state import FaceState, FeelingState, State
from kdtalker_jax.synthetic.workers import drawing
from kdtalker_jax.unfinished import in_one_go

WORLD_FILE = "world.json"

Progress = Callable[[Sequence[ClipPlan]], Iterator[ClipPlan] | Sequence[ClipPlan]]


class SyntheticTalkingHeads(tfds.core.GeneratorBasedBuilder):
    """Drawn heads that speak, and their truth: the fields of `World`.

    Args:
        look: of the world.
        plans: of its clips.
        clip_of: waits for a clip and gives it.
        progress: wraps the clips of a split as they are made, as `tqdm` does.
        data_dir, file_format: of TFDS.
    """

    name = "synthetic_talking_heads"
    code_path = None  # TFDS would look for texts beside the code, by means of a package that it does not install
    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        *,
        look: str,
        plans: Sequence[ClipPlan],
        clip_of: Callable[[ClipPlan], dict[str, Any]],
        progress: Progress = iter,
        file_format: str = "array_record",
        **arguments: Any,
    ) -> None:
        self._look, self._plans, self._clip_of, self._progress = look, plans, clip_of, progress
        super().__init__(file_format=file_format, **arguments)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(builder=self, features=_features(self._look))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        splits = {split: [plan for plan in self._plans if plan.split == split] for split in SPLITS}
        return {split: self._generate_examples(clips) for split, clips in splits.items() if clips}

    def _generate_examples(self, plans: Sequence[ClipPlan]) -> Iterator[tuple[str, dict[str, Any]]]:
        for plan in self._progress(plans):
            yield plan.name, self._clip_of(plan)


class World(Sequence[dict[str, Any]]):
    """The clips of one split; each is read when it is asked for. Can be pickled for worker processes.

    A clip of F frames, 25 a second, is a dict of

        name: str, unique in the world.
        kind: str, speech (synthetic), recording, moments (silent; frames of a performance, apart from each other), or
            expressive (silent; frames without order).
        performance: int; clips that share it show different people with the same states and sound.
        frames: F. jpeg: list of F encoded frames, see `data.clips.decode_frame`.
        yaw ... gaze_y: (F,) float32 each, the fields of `FaceState`; see `states_of`. In a varied world also those of
            `Expression`, corner_left ... press.
        emotion: (F,) int8, numbers in `feelings.EMOTIONS`, -1 unknown; intensity: (F,) float32, 0 to 1. Data sets of
            plain worlds do not hold them: -1 and 0 throughout.
        landmarks: (F, L, 2) float32, places in the picture, -1 to 1, in the order of `landmarks.LANDMARKS`.
        person: (P,) float32; see `clips.unflatten_person`.
        waveform: (640 F,) int16, 16 kHz. mel: (columns, 80) float32, as in `data.clips.Clips`.
        phoneme: (M,) int32, numbers in `phonemes.PHONEMES`. phoneme_start, phoneme_end: (M,) seconds.
            phoneme_stress: (M,). All are empty where a recording is spoken.
    """

    def __init__(self, source: Sequence[dict[str, Any]]) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        clip = self._source[range(len(self))[index]]
        names = {name: clip[name].decode() for name in ("name", "kind")}
        unknown = {
            "emotion": np.full(clip["frames"], UNKNOWN, np.int8),
            "intensity": np.zeros(clip["frames"], np.float32),
        }
        return {**unknown, **clip, **names, "jpeg": list(clip["jpeg"])}


def states_of(clip: dict[str, Any]) -> State:
    """The states of a clip, (F,) each; those of a varied world have feelings."""
    kind = FeelingState if "press" in clip else FaceState
    return kind(*(clip[field] for field in kind._fields))


def build_world(out: Path, options: WorldOptions, progress: Progress = iter) -> None:
    """Write a world, all of it or nothing. An interrupted run goes on when it is given the same options again.

    Args:
        out: the data set, which must not exist yet.
        progress: wraps the clips of a split as they are made, as `tqdm` does.

    Raises:
        OutputError: `out` exists already, or cannot be written.
        InputError: there is no recording in the folder of recordings, or one of them is damaged.
    """
    if out.exists():
        raise OutputError(f"{out} exists already: name another folder, or remove it first.")
    plans = plan_world(options)
    work = out.with_name(f"{out.name}.unfinished")
    kept, staging = work / fingerprint(options), work / "tfds"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{work} cannot be written ({error.strerror}).") from error
    shutil.rmtree(staging, ignore_errors=True)  # of a run that was interrupted
    tfds.disable_progress_bar()
    with drawing(plans, options, kept) as clip_of:
        builder = SyntheticTalkingHeads(
            look=options.look, plans=plans, clip_of=clip_of, progress=progress, data_dir=staging
        )
        with redirect_stdout(io.StringIO()):  # it would tell where the data set is, before it is there
            builder.download_and_prepare()
    directory = Path(builder.data_dir)
    text = json.dumps(dataclasses.asdict(options), default=str, indent=1)
    (directory / WORLD_FILE).write_text(text, encoding="utf-8")
    with in_one_go():
        directory.rename(out)
        shutil.rmtree(work)


def open_world(directory: str | Path, split: str) -> World:
    """Open the "train" or "validation" clips that `build_world` has written.

    Raises:
        InputError: the folder is not a world, is damaged, or there is no split of that name.
    """
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    if not (Path(directory) / WORLD_FILE).is_file():
        raise InputError(f"{directory} is not a synthetic world (no {WORLD_FILE}): make it with pipelines.synthesize.")
    try:
        builder = tfds.builder_from_directory(Path(directory).resolve())
        return World(builder.as_data_source(split) if split in builder.info.splits else ())
    except Exception as error:  # TFDS and array_record raise many kinds
        raise InputError(f"{directory} is damaged ({error}): make it again with pipelines.synthesize.") from error


def _features(look: str) -> tfds.features.FeaturesDict:
    """As documented by `World`."""

    def tensor(*shape: int | None, dtype: type = np.float32) -> tfds.features.Tensor:
        return tfds.features.Tensor(shape=shape, dtype=dtype)

    feelings = {} if look == "plain" else {"emotion": tensor(None, dtype=np.int8), "intensity": tensor(None)}
    return tfds.features.FeaturesDict(
        {
            "name": tfds.features.Text(),
            "kind": tfds.features.Text(),
            "performance": tfds.features.Scalar(np.int64),
            "frames": tfds.features.Scalar(np.int64),
            "jpeg": tfds.features.Sequence(tfds.features.Scalar(np.object_)),
            **{field: tensor(None) for field in (FaceState if look == "plain" else FeelingState)._fields},
            **feelings,
            "landmarks": tensor(None, len(LANDMARKS), 2),
            "person": tensor(None),
            "waveform": tensor(None, dtype=np.int16),
            "mel": tensor(None, BANDS),
            "phoneme": tensor(None, dtype=np.int32),
            "phoneme_start": tensor(None),
            "phoneme_end": tensor(None),
            "phoneme_stress": tensor(None),
        }
    )
