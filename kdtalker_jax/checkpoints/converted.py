"""Models on disk: one Orbax tree per network and a `config.json`.

    DIR/config.json                     format version, system, sections of the configuration, the parts that are there,
                                        their origins and sums, and the directory that other parts are taken from
    DIR/networks/<name>/                variables of one network as trained: params, batch_stats, spectral
    DIR/shape_predictor_68_face_landmarks.dat      if it was given
    DIR/sliders.npz                     directions of sliders, of models whose keypoints are not the published ones

`writing` makes such directories.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdtalker_jax.checkpoints.contents import LARGEST_CONFIG, check_files
from kdtalker_jax.checkpoints.fit import misfit
from kdtalker_jax.checkpoints.formats import CONFIG_FILE, FORMAT, LANDMARKS_FILE, SLIDERS_FILE, current_model
from kdtalker_jax.checkpoints.landmarks import check_landmarks
from kdtalker_jax.checkpoints.trees import fault_of, read_layout, read_tree
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.records import UnknownSettingError, from_json, read_json
from kdtalker_jax.systems import OFFICIAL, System, disagreement, find_system

_ON_HUB = re.compile(r"(?:hf:|https?:/huggingface\.co/)?(\w[\w.-]*/\w[\w.-]*)", re.IGNORECASE | re.ASCII)  # of a Path
HOW_TO_CONVERT = "python -m convert.official --source DOWNLOADS --out"

if TYPE_CHECKING:
    from kdtalker_jax.edits.sliders import SliderTable

Variables = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """The file that a part was converted from."""

    file: str
    sha256: str


@dataclass(frozen=True)
class Sums:
    """Of a part when it was written: damage since then shows."""

    fit: str  # see `fit.fit_sum`; for earlier versions of this program, which believe it
    values: str  # see `trees.sum_of`


@dataclass(frozen=True)
class Base:
    """Another model, whose parts are this one's where it has none of its own.

    Attributes:
        directory: seen from this one.
        parts: that are taken from it, with the `values` of their sums.
    """

    directory: str
    parts: dict[str, str]


@dataclass(frozen=True)
class OwnSliders:
    """What was written beside the parts about `SLIDERS_FILE`.

    Attributes:
        file: its sum.
        parts: whose keypoints it moves, with the `values` of their sums: it is no other parts'.
    """

    file: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A model on disk. Parameters are read when asked for."""

    directory: Path
    config: ModelConfig
    parts: Mapping[str, Origin | None]  # None: trained here, not converted
    sums: Mapping[str, Sums] = field(default_factory=dict)  # some checkpoints have been written without
    landmarks_sum: str | None = None
    base: Base | None = None
    own_sliders: OwnSliders | None = None

    @property
    def system(self) -> System:
        return find_system(self.config.system)

    @property
    def available(self) -> tuple[str, ...]:
        """The names of all parts, here and in the base."""
        taken = self.base.parts if self.base else {}
        return tuple(name for name in self.system.parts if name in self.parts or name in taken)

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for name in self.system.required if name not in self.available)

    @property
    def landmarks(self) -> Path | None:
        """The 68-landmark predictor, if the checkpoint carries it. Raises CheckpointError where it is damaged."""
        path = self.directory / LANDMARKS_FILE
        if not path.is_file():
            return self._base().landmarks if self.base else None
        if self.landmarks_sum not in (None, file_sum(path)):
            raise CheckpointError(f"{path} is damaged: copy it again, or delete it to use another predictor")
        return path

    @property
    def predictor(self) -> Path | None:
        """`landmarks`, for dlib to read. Raises CheckpointError where nobody has said that it may."""
        path = self.landmarks
        if path is not None:
            check_landmarks(path)
        return path

    @property
    def sliders(self) -> "SliderTable":
        """That move its keypoints. Raises CheckpointError where their file is damaged."""
        from kdtalker_jax.edits.directions import own_sliders  # with what it imports not for a mere description

        found = self.sliders_file
        return own_sliders(found and found[0])

    @property
    def sliders_file(self) -> tuple[Path, OwnSliders] | None:
        """Of these very parts, here or in the base; None where it has none. Raises CheckpointError for damage."""
        own, path = self.own_sliders, self.directory / SLIDERS_FILE
        if own is None:
            found = self._base().sliders_file if self.base else None
            return found if found and self.has(found[1].parts) else None
        if not path.is_file() or file_sum(path) != own.file:
            raise CheckpointError(f"{path} is missing or damaged: copy the model again")
        if not self.has(own.parts):
            raise CheckpointError(f"{path} was made for other networks: copy the model again")
        return path, own

    def has(self, parts: Mapping[str, str]) -> bool:
        """Whether parts are those whose sums have these `values`."""
        taken = self.base.parts if self.base else {}
        sums = {name: sums.values for name, sums in self.sums.items()}
        return all((sums if name in self.parts else taken).get(name) == values for name, values in parts.items())

    def require(self, *names: str) -> None:
        """Raises CheckpointError that names the parts of `names` that are lacking, and how to convert them; or that no
        model of the system has; or two of them that do not work together.
        """
        lacking = [name for name in names if name not in self.available]
        if foreign := [name for name in lacking if name not in self.system.parts]:
            raise CheckpointError(f"{self.directory} is of the system {self.config.system}, which has no {foreign[0]}")
        if made := [name for name in lacking if self.system.parts[name].rules is None]:
            raise CheckpointError(
                f"{self.directory} lacks {', '.join(lacking)}: {made[0]} comes of a training, which "
                "'python -m pipelines.export' puts into a model"
            )
        if lacking:
            raise CheckpointError(
                f"{self.directory} lacks {', '.join(lacking)}: add with '{self._how_to_add(lacking)}'"
            )
        if problem := disagreement(self.config, names):
            raise CheckpointError(
                f"{self.directory / CONFIG_FILE} is damaged: its parts do not fit together ({problem})"
            )

    def variables(self, name: str) -> dict[str, Any]:
        """The variables of one network with `folded=False`, as NumPy arrays: params and, where it has them, batch_stats
        and spectral.

        Raises:
            CheckpointError: the part is lacking or damaged.
        """
        self.require(name)
        if name not in self.parts:
            return self._base().variables(name)
        folder, part, sums = part_folder(self.directory, name), self.system.parts[name], self.sums.get(name)
        try:
            fault = misfit(part, self.config, read_layout(folder), self.system.known_fits)
            if not fault:
                variables = read_tree(folder)
                fault = fault_of(variables, sums and sums.values)
        except Exception as error:  # Orbax and its storage raise many kinds
            raise self._damaged(name) from error
        if fault:
            raise self._damaged(name, f": {fault}")
        return variables

    def origin(self, name: str) -> Origin | None:
        """Where an available part came from, here or in the base; None of what was trained here."""
        return self.parts[name] if name in self.parts else self._base().parts[name]

    def _how_to_add(self, names: list[str]) -> str:
        if self.system.converter != OFFICIAL:  # whose files are of one model, whole
            return f"python -m {self.system.converter} --source DOWNLOADS --out {self.directory}"
        if not self.system.published:  # made of networks of other systems
            other = f"--model {self.directory} --model OTHER --out NEW"
            return f"python -m pipelines.combine --system {self.config.system} {other}"
        return f"{HOW_TO_CONVERT} {self.directory}" + "".join(f" --only {name}" for name in names)

    def _base(self) -> "Checkpoint":
        """The model that other parts are taken from, once it is seen to be the one that it was."""
        place = self.directory / self.base.directory
        other = load_checkpoint(place)
        if other.base:
            raise CheckpointError(f"{place} takes parts from yet another model: name that one as the base instead")
        for name, values in self.base.parts.items():
            same = name in other.parts and other.config.sections[name] == self.config.sections.get(name)
            if not same or name not in other.sums or other.sums[name].values != values:
                raise CheckpointError(
                    f"{self.directory} takes {name} from {place}, where it is another one: bring back the one it was "
                    "made with"
                )
        return other

    def _damaged(self, name: str, why: str = "") -> CheckpointError:
        return CheckpointError(
            f"{self.directory} is damaged: {name} cannot be read{why}; convert it again with "
            f"'python -m {self.system.converter} --overwrite', or copy the model again"
        )


def load_checkpoint(directory: str | Path) -> Checkpoint:
    """Opens a directory that `convert.official` or `save_checkpoint` wrote.

    Reads no parameters yet.

    Raises:
        CheckpointError: it does not exist, is no checkpoint, is damaged or of a newer format or version.
    """
    directory = Path(directory)
    path = directory / CONFIG_FILE
    try:
        is_file = directory.is_file()
    except OSError as error:  # too long
        raise CheckpointError(f"{str(directory)!r:.80} is no folder ({error.strerror})") from error
    if is_file:
        raise CheckpointError(f"{directory} is a file, not the folder of a converted checkpoint")
    if not path.is_file():
        if (directory / "run.json").is_file():
            raise CheckpointError(
                f"{directory} is the run of a training, not a model: make one of it with 'python -m pipelines.export "
                f"--run {directory} --checkpoint OTHER --out MODEL', where OTHER has all other networks, such as demo"
            )
        there = directory.exists()
        state = "is not a converted checkpoint (no config.json in it)" if there else "does not exist"
        raise CheckpointError(
            f"{directory} {state}: convert the published files with '{HOW_TO_CONVERT} {directory}', or name demo, "
            f"the model that comes along{'' if there else _on_hub(directory)}"
        )
    check_files(directory, (CONFIG_FILE,))
    checkpoint = read_description(path)
    known = checkpoint.system.parts
    gone = [name for name in checkpoint.parts if name not in known or not part_folder(directory, name).is_dir()]
    if gone:
        raise CheckpointError(f"{directory} is damaged: {gone[0]!r:.80} is named in {CONFIG_FILE} but not there")
    check_files(directory, (LANDMARKS_FILE, SLIDERS_FILE, *(f"networks/{name}" for name in checkpoint.parts)))
    return checkpoint


def _on_hub(directory: Path) -> str:
    """What to write where the name of a folder that is not there looks like one of the hub, or its address there."""
    match = _ON_HUB.fullmatch(directory.as_posix())
    return f"; for one on the hub write hf:{match[1]}" if match else ""


def read_description(path: Path) -> Checkpoint:
    """What a config.json says; whether the parts are there is not looked at. Errors as of `load_checkpoint`."""
    try:
        return _from_content(path.parent, read_json(path, LARGEST_CONFIG))
    except UnknownSettingError as error:
        raise CheckpointError(f"{path} was written by another version ({error}): update kdtalker_jax") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}): copy the model or convert the files again") from error


def _from_content(directory: Path, content: Mapping[str, Any]) -> Checkpoint:
    """Raises ValueError where it is damaged, UnknownSettingError and CheckpointError where it is newer."""
    if from_json(int, content.get("format"), "format") > FORMAT:
        raise CheckpointError(
            f"{directory} has format {content['format']}, newer than this program's {FORMAT}: update kdtalker_jax"
        )
    content = current_model(content)
    return Checkpoint(
        directory,
        _config(content),
        from_json(dict[str, Origin | None], content.get("parts"), "parts"),
        from_json(dict[str, Sums], content.get("sums", {}), "sums"),
        from_json(str | None, content.get("landmarks"), "landmarks"),
        from_json(Base | None, content.get("based_on"), "based_on"),
        from_json(OwnSliders | None, content.get("sliders"), "sliders"),
    )


def _config(content: Mapping[str, Any]) -> ModelConfig:
    """The configuration of a model, its sections those that its system has."""
    system = find_system(from_json(str, content.get("system"), "system"))
    sections = from_json(dict, content.get("model"), "model")
    unknown = sorted(sections.keys() - system.sections.keys())
    if unknown:
        raise UnknownSettingError(f"unknown setting {unknown[0]!r:.80}")
    unneeded = system.parts.keys() - system.required - from_json(dict, content.get("parts"), "parts").keys()
    missing = [name for name in system.sections if name not in sections and name not in unneeded]
    if missing:
        raise ValueError(f"model.{missing[0]} is missing")
    read = {
        name: from_json(kind, sections[name], f"model.{name}")
        for name, kind in system.sections.items()
        if name in sections
    }
    config = ModelConfig(from_json(str, content.get("name"), "name"), system.name, read)
    for family in system.members:
        family.check(config)
    return config


def file_sum(path: Path) -> str:
    """CRC-32 of a file."""
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return f"{total:08x}"


def part_folder(directory: Path, name: str) -> Path:
    return directory / "networks" / name
