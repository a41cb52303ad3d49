"""What `--pose_driver` and the options beside it ask for: the head of one video, the face that sound makes."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from kdtalker_jax.errors import InputError

if TYPE_CHECKING:
    from kdtalker_jax.animation import Animation
    from kdtalker_jax.motion_models.protocol import MotionModel
    from kdtalker_jax.portrait import TalkingPortrait
    from kdtalker_jax.source import Source

REPLACE, INPAINT = "replace", "inpaint"
MODES = (REPLACE, INPAINT)


@dataclass(frozen=True)
class Posing:
    """A head that turns as another one does.

    Attributes:
        pose_driver: its file; None: none.
        pose_mode: "replace": what sound makes is made freely, then turned; "inpaint": the expression is drawn to go
            with the pose, by models that can.
        pose_axes: what of the pose is taken. pose_absolute: as it is, not only its changes.
    """

    pose_driver: str | None
    pose_mode: str
    pose_axes: str
    pose_absolute: bool

    def check(self, animation: "Animation", *, driving: str | None, motion_in: str | None) -> None:
        """Raises InputError where the options do not go together, before any work."""
        from kdtalker_jax.edits.posing import axes_mask
        from kdtalker_jax.sources.video import check_driver

        if self.pose_driver is None:
            if self != NO_POSING:
                raise InputError("--pose_mode, --pose_axes and --pose_absolute are about a driver: give --pose_driver.")
            return
        axes_mask(self.pose_axes)
        check_driver(self.pose_driver)
        if driving:
            raise InputError("--driving and --pose_driver both turn the head: choose one.")
        if animation.edits.pose is not None:
            raise InputError("--pose and --pose_driver both turn the head: choose one.")
        if animation.relative:
            raise InputError("--relative is about the pose that sound makes, which --pose_driver replaces.")
        if motion_in and self.pose_mode == INPAINT:
            raise InputError("--motion_in is made already: --pose_mode inpaint needs a motion that is yet to be made.")

    def asked(self, poses: Any) -> dict[str, Any]:
        """What a motion model is asked for because of the poses."""
        return {"pose": poses, "pose_axes": self.pose_axes} if self.pose_mode == INPAINT else {}

    def check_model(self, model: "MotionModel") -> None:
        """Raises InputError where it cannot be asked for that."""
        names = [field.name for field in fields(model.Controls)]
        if any(name not in names for name in self.asked(None)):
            raise InputError("This model draws no face to go with a pose: say --pose_mode replace.")

    def poses(self, model: "TalkingPortrait", source: "Source", **found: Any) -> Any:
        """Of the portrait; None without a driver. `found`: how its face is, as of `TalkingPortrait.poses`."""
        if self.pose_driver is None:
            return None
        return model.poses(source, self.pose_driver, relative=not self.pose_absolute, **found, progress=True)


ALL_AXES = "scale,yaw,pitch,roll,t"
NO_POSING = Posing(None, REPLACE, ALL_AXES, False)
