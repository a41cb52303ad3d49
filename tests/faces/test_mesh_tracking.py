"""A face is followed from frame to frame; gaps are held, and counted."""

import numpy as np
import pytest

from kdtalker_jax.errors import NoFaceError
from kdtalker_jax.faces.mesh import FaceMesh
from kdtalker_jax.faces.mesh_tracking import MeshTracker, track_mesh
from tests.faces.discs import box_of, disc_mesh, scene


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    file = tmp_path_factory.mktemp("mesh") / "discs.tflite"
    file.write_bytes(disc_mesh())
    return FaceMesh(file)


class Looks:
    """Finds discs where they are, and counts how often it is asked."""

    def __init__(self, *others):
        self.asked, self.others = 0, others

    def __call__(self, frame):
        self.asked += 1
        rows, columns = np.nonzero(frame[..., 0] > 127)
        here = [box_of((columns.mean() + 0.5, rows.mean() + 0.5))] if len(rows) else []
        return [*self.others, *here]


def path(frames):
    """Of a disc: 4 pixels a frame."""
    return [(100.0 + 4 * frame, 110.0 + 10 * np.sin(frame)) for frame in range(frames)]


def middles(points):
    return (points[:, 0] + points[:, 1])[:, :2] / 2  # the template's left and right ends


def test_a_face_is_followed_without_looking_again(mesh):
    look, places = Looks(), path(15)
    track = track_mesh((scene(place) for place in places), mesh, look)
    assert look.asked == 1 and track.held == 0 and track.found.all()
    assert track.points.shape == (15, 468, 3)
    np.testing.assert_allclose(middles(track.points), places, atol=0.7)


def test_gaps_are_held_and_counted(mesh):
    places = path(12)
    hidden = (0, 5, 6, 7)
    look = Looks()
    track = track_mesh((scene(None if i in hidden else place) for i, place in enumerate(places)), mesh, look)
    assert track.held == 4 and list(np.flatnonzero(~track.found)) == list(hidden)
    np.testing.assert_array_equal(track.points[0], track.points[1])
    for frame in (5, 6, 7):
        np.testing.assert_array_equal(track.points[frame], track.points[4])
    np.testing.assert_allclose(middles(track.points[8:]), places[8:], atol=0.7)
    assert look.asked == 6  # in each hidden frame, and where the face comes


def test_frames_may_come_one_by_one(mesh):
    tracker = MeshTracker(mesh, Looks())
    assert tracker(scene()) is None and tracker.lost == 0  # not seen yet
    assert tracker(scene((150, 110))).probability > 0.9
    assert tracker(scene()) is None and tracker.lost == 1
    np.testing.assert_allclose(middles(tracker.points[None]), [(150, 110)], atol=0.7)


def test_what_looks_like_a_face_and_is_none_is_passed_over(mesh):
    ornament = box_of((40, 40), 20)
    track = track_mesh([scene((200, 110))], mesh, Looks(ornament))
    np.testing.assert_allclose(middles(track.points), [(200, 110)], atol=0.7)


def test_a_lost_face_is_looked_for_where_it_was(mesh):
    """Of two faces the one that was followed is taken up again, though the other is named first."""
    both = np.maximum(scene((80, 110), 30), scene((240, 110), 30))
    tracker = MeshTracker(mesh, lambda frame: [box_of((240, 110), 30), box_of((80, 110), 30)])
    tracker(scene((80, 110), 30))
    np.testing.assert_allclose(middles(tracker.points[None]), [(80, 110)], atol=0.7)
    tracker(scene())
    tracker(both)
    np.testing.assert_allclose(middles(tracker.points[None])[0], (80, 110), atol=3)


def test_no_face_at_all(mesh):
    with pytest.raises(NoFaceError, match=r"No face was found in clip\.mp4"):
        track_mesh([scene()] * 3, mesh, Looks(), "clip.mp4")
