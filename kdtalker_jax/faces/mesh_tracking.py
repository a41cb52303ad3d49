"""One face through a video, as a mesh: each frame is cut by the points of the one before."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from kdtalker_jax.errors import NoFaceError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.mesh import FaceMesh, Mesh

Look = Callable[[np.ndarray], list[Box]]  # for faces in a frame, the one that is wanted first


@dataclass
class MeshTracker:
    """Follows a face, frame by frame, in memory that does not grow.

    A detector looks for it where there is none to follow: at first, and when the mesh has lost it.

    Attributes:
        mesh: the network.
        look: finds faces, the wanted one first; after the first the nearest to where it was is taken.
        points: (468, 3) where it was seen last; None: not yet.
        lost: how many frames since it was seen first do not show it.
    """

    mesh: FaceMesh
    look: Look
    points: np.ndarray | None = None
    lost: int = 0
    _following: bool = field(default=False, repr=False)

    def __call__(self, frame: np.ndarray) -> Mesh | None:
        """The face in the next frame, uint8 (H, W, 3); None: it is not seen."""
        found = self.mesh.again(frame, self.points) if self._following else None
        for box in [] if found else self._boxes(frame):
            if found := self.mesh.find(frame, box):
                break
        self._following = found is not None
        if found:
            self.points = found.points
        elif self.points is not None:
            self.lost += 1
        return found

    def _boxes(self, frame: np.ndarray) -> list[Box]:
        boxes = self.look(frame)
        if self.points is None:
            return boxes
        x, y = self.points[:, :2].mean(axis=0)
        return sorted(boxes, key=lambda box: np.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y))


@dataclass(frozen=True, eq=False)
class MeshTrack:
    """A face in all frames of a video.

    Attributes:
        points: float64 (T, 468, 3) as `Mesh.points`; where the face is not seen, those of the last frame that shows it,
            or of the first one that does.
        found: bool (T,).
    """

    points: np.ndarray
    found: np.ndarray

    @property
    def held(self) -> int:
        """How many frames do not show the face."""
        return int((~self.found).sum())


def track_mesh(frames: Iterable[np.ndarray], mesh: FaceMesh, look: Look, name: str = "the video") -> MeshTrack:
    """Follow the face through all frames, uint8 (H, W, 3). `name` is for messages.

    Raises:
        NoFaceError: no frame shows one.
    """
    tracker = MeshTracker(mesh, look)
    seen = [tracker(frame) for frame in frames]
    found = np.array([one is not None for one in seen], bool)
    if not found.any():
        raise NoFaceError(f"No face was found in {name}: take one that shows a face from the front.")
    last = np.maximum.accumulate(np.where(found, np.arange(len(seen)), -1))
    where = np.where(last < 0, np.argmax(found), last)
    return MeshTrack(np.stack([seen[index].points for index in where]), found)
