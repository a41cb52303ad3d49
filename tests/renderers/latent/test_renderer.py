"""Mouths that are painted: nothing else changes, all frames begin with one noise, and what they rest on."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.errors import InputError, NoFaceError
from kdtalker_jax.renderers.latent.config import PaintingConfig, UNetConfig
from kdtalker_jax.renderers.latent.masks import NO_SEAMS, inside
from kdtalker_jax.renderers.latent.painting import canvas_of, joined, paint, reference_of
from kdtalker_jax.renderers.latent.renderer import LandmarkPainter
from kdtalker_jax.rendering import Frames
from kdtalker_jax.spaces.landmarks.contours import MOUTH, rows_of
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.spaces.landmarks.shapes import lip_gap
from kdtalker_jax.systems import disagreement
from tests.faces.discs import disc_mesh, scene
from tests.renderers.latent.portraits import CONFIG, POINTS, SIZE, STATISTICS, pictures, variables

PREVIOUS = CONFIG.replace(painting=replace(CONFIG.painting, reference="previous"))


@pytest.fixture(scope="module")
def params():
    return variables()


@pytest.fixture(scope="module")
def painter():
    return LandmarkPainter(CONFIG)


@pytest.fixture(scope="module")
def in_turn():
    return LandmarkPainter(PREVIOUS)


@pytest.fixture(scope="module")
def portrait(painter, params):
    return painter.describe_as(params, pictures(POINTS[:1]), POINTS[:1])


def outside(painter, face):
    """(S, S) bool."""
    return np.asarray(inside(painter.regions(face), SIZE))[0, ..., 0] == 0


def frames_of(painter, params, arrays, points, batch_size=3):
    return np.concatenate(list(Frames(painter, params)(arrays, points, batch_size)))


def test_all_but_the_mouth_stays_bit_by_bit(painter, params, portrait):
    arrays, face = portrait
    frames = frames_of(painter, params, arrays, POINTS[:5])
    assert frames.shape == (5, SIZE, SIZE, 3) and frames.dtype == np.uint8
    where = outside(painter, face)
    assert 0.2 < where.mean() < 0.95
    original = pictures(POINTS[:1])[0]
    np.testing.assert_array_equal(frames[:, where], np.repeat(original[where][None], 5, axis=0))
    assert np.abs(frames[:, ~where].astype(int) - original[~where]).max() > 20


def test_landmarks_decide(painter, params, portrait):
    """The same ones give the same frame, wherever it comes; other mouths another."""
    arrays, _ = portrait
    frames = frames_of(painter, params, arrays, POINTS[[0, 9, 0, 20, 0]]).astype(int)
    np.testing.assert_allclose(frames[2], frames[0], atol=1)
    np.testing.assert_allclose(frames[4], frames[0], atol=1)
    assert np.abs(frames[1] - frames[0]).max() > 1
    again = frames_of(painter, params, arrays, POINTS[[9]])
    np.testing.assert_allclose(again[0], frames[1], atol=1)


def test_another_seed_paints_otherwise(params, portrait):
    arrays, _ = portrait
    other = LandmarkPainter(CONFIG.replace(painting=replace(CONFIG.painting, seed=1)))
    one, two = (frames_of(painter, params, arrays, POINTS[:1]) for painter in (LandmarkPainter(CONFIG), other))
    assert np.abs(one.astype(int) - two).max() > 1


def test_one_after_the_other_each_rests_on_the_one_before(in_turn, params):
    assert in_turn.stateful and not LandmarkPainter(CONFIG).stateful
    arrays, face = in_turn.describe_as(params, pictures(POINTS[:1]), POINTS[:1])
    frames = frames_of(in_turn, params, arrays, POINTS[:5], batch_size=2)
    np.testing.assert_allclose(frames_of(in_turn, params, arrays, POINTS[:5], batch_size=5), frames, atol=1)
    where = outside(in_turn, face)
    np.testing.assert_array_equal(frames[:, where], np.repeat(pictures(POINTS[:1])[0][where][None], 5, axis=0))
    state = in_turn.begin(arrays)
    np.testing.assert_array_equal(state.picture, arrays.reference.picture)
    state, one, _ = in_turn.frames(params, arrays, state, POINTS[:1])
    expected = reference_of(in_turn_networks(), params, jnp.asarray(one), jnp.asarray(POINTS[:1]))
    np.testing.assert_allclose(state.picture, expected.picture, atol=1e-4)
    np.testing.assert_allclose(state.lines, expected.lines, atol=1e-4)


def test_pieces_in_turn_are_the_frames_of_the_whole(in_turn, params):
    """As of a stream, whose pieces are no whole batches."""
    arrays, _ = in_turn.describe_as(params, pictures(POINTS[:1]), POINTS[:1])
    frames = Frames(in_turn, params)
    begun = frames.begin(arrays)
    made = [batch for piece in (POINTS[:3], POINTS[3:5]) for batch in frames(arrays, piece, 2, begun)]
    np.testing.assert_allclose(np.concatenate(made), frames_of(in_turn, params, arrays, POINTS[:5], 2), atol=1)
    assert begun.done == 5


def in_turn_networks():
    from kdtalker_jax.renderers.latent.parts import PARTS

    return {part.name: part.build(CONFIG) for part in PARTS}


def test_the_first_frame_in_turn_is_that_of_the_portrait_as_reference(painter, in_turn, params, portrait):
    arrays, _ = portrait
    one = frames_of(painter, params, arrays, POINTS[3:4])
    two = frames_of(in_turn, params, arrays, POINTS[3:4])
    np.testing.assert_allclose(one.astype(int), two, atol=1)


def test_other_pictures_of_the_person_are_painted_into(painter, params, portrait):
    """A video, whose head moves: each frame has its own box."""
    arrays, _ = portrait
    shown, moved = slice(10, 14), POINTS[[0, 5, 20, 30]]
    targets, face = pictures(POINTS[shown]), STATISTICS.face(POINTS[shown])
    boxes = painter.regions(face)
    _, faces, finite = painter.repaint(params, arrays, (), targets, boxes, moved, np.ones(4, bool))
    shares = painter.shares(boxes, NO_SEAMS)
    assert np.asarray(finite).all() and faces.shape == targets.shape
    assert shares.shape == targets.shape[:3] and shares.dtype == np.uint8
    where = np.asarray(inside(boxes, SIZE))[..., 0] == 0
    assert not np.asarray(shares)[where].any() and np.asarray(shares).max() == 255
    one = paint(in_turn_networks(), CONFIG.painting, params, arrays.reference, arrays.canvas, jnp.asarray(POINTS[:1]))
    boxes, seen = arrays.canvas.boxes, np.ones(1, bool)
    _, again, _ = painter.repaint(params, arrays, (), pictures(POINTS[:1]), boxes, POINTS[:1], seen)
    share = painter.shares(boxes, NO_SEAMS)
    np.testing.assert_allclose(np.asarray(again).astype(int), one.faces, atol=2)
    share = np.asarray(share)[..., None].astype(int)
    mixed = (share * np.asarray(again) + (255 - share) * pictures(POINTS[:1])) / 255
    np.testing.assert_allclose(mixed, one.frames, atol=2)


def test_a_frame_that_shows_no_face_is_no_reference_for_those_after_it(in_turn, params):
    """Painted one after the other, the next frame rests on the last that shows the face."""
    arrays, _ = in_turn.describe_as(params, pictures(POINTS[:1]), POINTS[:1])
    seen, shown = np.array([True, False, False, True]), [0, 3]
    targets, points = pictures(POINTS[:4]), POINTS[[0, 9, 20, 30]]
    targets[1:3] = 0
    boxes, begun = in_turn.regions(STATISTICS.face(POINTS[:4])), in_turn.begin(arrays)
    state, faces, _ = in_turn.repaint(params, arrays, begun, targets, boxes, points, seen)
    alone = (targets[shown], boxes[shown], points[shown], seen[shown])
    expected, others, _ = in_turn.repaint(params, arrays, begun, *alone)
    np.testing.assert_allclose(np.asarray(faces)[shown].astype(int), others, atol=1)
    np.testing.assert_allclose(state.picture, expected.picture, atol=1e-3)


def test_the_person_in_a_video_is_recognised(painter):
    """What is not seen in a frame has the landmarks before; the mouth alone is another's."""
    probability = np.ones(5, np.float32)
    probability[[0, 3]] = 0.2
    face, seen = painter.recognise({"points": POINTS[:5], "face": probability})
    np.testing.assert_array_equal(seen, [False, True, True, False, True])
    np.testing.assert_allclose(face.motion.points, POINTS[[1, 1, 2, 2, 4]])
    assert painter.regions(face).shape == (5, 4)
    with pytest.raises(NoFaceError, match="in any frame"):
        painter.recognise({"points": POINTS[:5], "face": 0 * probability})
    spoken = painter.speaking(face, LandmarkMotion(face.motion.offsets + np.float32(0.1)))
    moved = np.abs(spoken - face.motion.points).max(axis=(0, 2)) > 1e-3
    np.testing.assert_array_equal(np.flatnonzero(moved), np.unique(rows_of(MOUTH)))


def test_frames_without_the_face_do_not_say_how_the_person_is_at_rest(painter):
    """Not even as the frame that is held over for them, here the one with the least open lips."""
    first = int(np.argmin(lip_gap(POINTS)))
    points = POINTS[[first] * 31 + [i for i in range(40) if i != first]]
    probability = np.ones(70, np.float32)
    probability[1:31] = 0
    face, seen = painter.recognise({"points": points, "face": probability})
    cut, _ = painter.recognise({"points": points[seen], "face": probability[seen]})
    np.testing.assert_allclose(face.identity, cut.identity, atol=1e-6)


def test_conditions_are_the_masked_picture_the_reference_and_the_landmarks_of_both():
    one = [jnp.full((1, 2, 2, 3), value, jnp.float32) for value in range(4)]
    from kdtalker_jax.renderers.latent.painting import Reference

    order = np.asarray(joined(one[0], Reference(one[1], one[3]), one[2]))[0, 0, 0, ::3]
    np.testing.assert_array_equal(order, [0, 1, 2, 3])


def test_what_is_masked_does_not_show_the_mouth(params):
    """Two pictures that differ in the mouth alone are one picture to the network."""
    networks = in_turn_networks()
    boxes = np.int32([[16, 32, 48, 64]])
    one = pictures(POINTS[:1])
    two = one.copy()
    two[:, 32:64, 16:48] = 255 - two[:, 32:64, 16:48]
    first, second = (jax.jit(partial(canvas_of, networks))(params, picture, boxes) for picture in (one, two))
    np.testing.assert_array_equal(first.masked, second.masked)
    assert np.abs(np.asarray(first.whole - second.whole)).max() > 1e-3


def test_latents_beyond_the_box_are_held(params):
    """A U-Net that answers nonsense leaves what lies outside as it is: also in latents."""

    class Nonsense:
        config = UNetConfig()

        def apply(self, params, x, time, conditions):
            return 100 * jnp.ones_like(x)

    networks = {**in_turn_networks(), "unet": Nonsense()}
    boxes = np.int32([[16, 32, 48, 56]])
    picture = jnp.asarray(pictures(POINTS[:1]))
    canvas = canvas_of(networks, params, picture, boxes)
    reference = reference_of(networks, params, picture, jnp.asarray(POINTS[:1]))
    settings = PaintingConfig(image_size=SIZE, steps=3)
    painted = paint(networks, settings, params, reference, canvas, jnp.asarray(POINTS[:1]))
    assert bool(painted.finite[0])
    where = np.asarray(inside(boxes, SIZE))[..., 0] == 0
    np.testing.assert_array_equal(np.asarray(painted.frames)[where], np.asarray(picture)[where])
    whole = paint(networks, settings, params, reference, canvas._replace(boxes=0 * boxes), jnp.asarray(POINTS[:1]))
    away = np.asarray(painted.faces).astype(int) - np.asarray(whole.faces)
    assert np.abs(away[:, :4]).max() < np.abs(away[:, 36:52, 20:44]).max(), "what is held is painted nearly the same"


def test_a_face_is_seen_in_the_picture(painter, params, tmp_path, monkeypatch):
    """By the face mesh; a portrait's mouth is closed to know it at rest."""
    (tmp_path / "discs.tflite").write_bytes(disc_mesh())
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "discs.tflite"))
    fresh = LandmarkPainter(CONFIG)
    arrays, face = fresh.describe(params, scene((32, 30), 17, (SIZE, SIZE))[None])
    assert face.motion.points.shape == (1, 162, 3)
    assert arrays.canvas.pictures.shape == (1, SIZE, SIZE, 3)
    with pytest.raises(NoFaceError, match="No face is seen"):
        fresh.describe(params, scene(None, 0, (SIZE, SIZE))[None])
    seen = jax.jit(partial(fresh.observe, {}))(np.stack([scene((32, 30), 17, (SIZE, SIZE))] * 2))
    assert seen["points"].shape == (2, 162, 3) and seen["face"].shape == (2,)
    np.testing.assert_allclose(seen["points"][0], face.motion.points[0], atol=1e-4)
    (tmp_path / "always.tflite").write_bytes(disc_mesh(always=True))
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "always.tflite"))
    fresh.describe(params, scene(None, 0, (SIZE, SIZE))[None])  # by the file that is named now


def test_it_neither_stitches_nor_retargets(painter, params, portrait):
    with pytest.raises(InputError, match="nothing to stitch"):
        painter.stitch(params, portrait[0], POINTS)
    with pytest.raises(InputError, match="no networks that retarget"):
        painter.retargeting(params)


def test_sizes_that_do_not_go_together_are_refused():
    LandmarkPainter.check(CONFIG)
    with pytest.raises(ValueError, match=r"painting\.image_size is 72, no multiple of"):
        LandmarkPainter.check(
            CONFIG.replace(
                painting=PaintingConfig(image_size=72), unet=replace(CONFIG.unet, multipliers=(1, 1, 1, 1, 1))
            )
        )
    with pytest.raises(ValueError, match="16 times smaller"):
        LandmarkPainter.check(CONFIG.replace(autoencoder=replace(CONFIG.autoencoder, multipliers=(1, 1, 1, 1, 1))))
    assert "channels of a latent" in disagreement(
        CONFIG.replace(unet=replace(CONFIG.unet, channels=4)), ["unet", "autoencoder"]
    )
