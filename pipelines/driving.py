"""What `--driving` and the options beside it ask for, and the motion that comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdtalker_jax.errors import InputError

if TYPE_CHECKING:
    from kdtalker_jax.edits.editing import Edits
    from kdtalker_jax.edits.reenacting import Reenactment
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.source import Source
    from kdtalker_jax.sources.driver import Driver

# By the name of the option, what it is where nobody has asked for anything.
DEFAULTS: dict[str, Any] = {
    "driving_crop": "square",
    "driving_face_index": None,
    "regions": "all",
    "absolute": False,
    "reference": "0",
    "multiplier": 1.0,
    "eyes": None,
    "lips": None,
    "close_lips": False,
    "lip_strength": 0.0,
    "driving_out": None,
}
FINDING = ("driving_crop", "driving_face_index")  # those of how its face is found, be it to follow it or its pose alone


@dataclass(frozen=True)
class Driving:
    """A driver as it was asked for, checked before any work.

    Attributes:
        path: of its file. crop, face_index: how its face is found.
        how: it moves the portrait. out: where its template is saved.
    """

    path: str
    crop: str
    face_index: int | None
    how: "Reenactment"
    out: str | None

    def read(self, model: "TalkingPortrait") -> "Driver":
        """The driver's own motion; saves its template."""
        from kdtalker_jax.sources.templates import write_template
        from kdtalker_jax.sources.video import read_driver

        found = {"driving_crop": self.crop, "driving_face_index": self.face_index}
        driver = read_driver(self.path, model.renderer, model.params, model.detector, **found, progress=True)
        if self.out:
            write_template(driver, self.out)
        return driver

    def motion(self, model: "TalkingPortrait", source: "Source", driver: "Driver", sound: Any) -> Any:
        """The portrait's motion by what `read` gave; `sound` is that of a recording, or None."""
        return model.reenact(source, driver, sound=sound, **vars(self.how))


def asked_driving(
    driving: str | None,
    *,
    relative: bool,
    stitch: bool,
    edits: "Edits",
    motion_in: str | None,
    inputs: list[str],
    outputs: Sequence[str] = (),
    pose_driver: str | None = None,
    **options: Any,
) -> Driving | None:
    """What the options ask for; None without `--driving`. `options`: those of `DEFAULTS`, of which
    a `pose_driver` is told `FINDING`.

    Raises:
        InputError: a value that cannot be, or options that do not go together.
    """
    if driving is None:
        used = FINDING if pose_driver else ()
        changed = [name for name, value in options.items() if value != DEFAULTS[name] and name not in used]
        if changed:
            raise InputError(f"--{changed[0]} is about a driver: give one with --driving.")
        return None
    from kdtalker_jax.edits.reenacting import Reenactment
    from kdtalker_jax.media.files import output_file
    from kdtalker_jax.sources.templates import check_template_name
    from kdtalker_jax.sources.video import check_driver

    if motion_in:
        raise InputError("--motion_in and --driving both give the motion: choose one.")
    if relative and options["absolute"]:
        raise InputError("--relative and --absolute exclude each other.")
    check_driver(driving)
    if options["driving_out"]:
        check_template_name(options["driving_out"])
        output_file(options["driving_out"], "template", inputs, outputs)
    how = Reenactment(
        regions=options["regions"],
        relative=not options["absolute"],
        reference=_number(options["reference"], int),
        multiplier=options["multiplier"],
        stitch=stitch,
        eyes=_number(options["eyes"], float),
        lips=_number(options["lips"], float),
        close_lips=options["close_lips"],
        lip_strength=options["lip_strength"],
        edits=edits,
    )
    return Driving(driving, options["driving_crop"], options["driving_face_index"], how, options["driving_out"])


def _number(text: str | None, kind: type) -> Any:
    """A number where it is one; other words are left to be judged."""
    try:
        return None if text is None else kind(text)
    except ValueError:
        return text
