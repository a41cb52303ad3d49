"""Persons before another background: who they are, and that they stay when they move."""

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.compositing.background import Background, filling, replaced
from kdtalker_jax.compositing.following import Follower, foreground
from kdtalker_jax.compositing.person import person_in
from kdtalker_jax.compositing.placing import Placement, matrix_of
from kdtalker_jax.compositing.sizing import Beside, fitted, sized
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.media.image import alpha_of
from kdtalker_jax.media.video import VideoWriter

SIZE = 128


def figure(shift=0, size=SIZE):
    """A textured person before a plain wall, and where the person is."""
    y, x = np.mgrid[:size, :size] * 128 / size
    x = x - shift
    inside = (np.hypot((x - 64) / 26, (y - 48) / 34) < 1) | ((np.abs(x - 64) < 44 - 0.2 * (128 - y)) & (y > 84))
    wall = np.stack([150 + 0 * x, 170 + 8 * np.sin(y / 9), 190 + 0 * x], axis=-1)
    skin = np.stack([190 + 30 * np.sin(x / 3), 110 + 40 * np.sin(y / 4), 70 + 30 * np.sin((x + y) / 5)], axis=-1)
    return np.where(inside[..., None], skin, wall).astype(np.uint8), inside


def agreement(mask, inside):
    """Intersection over union."""
    mask = mask > 0.5
    return (mask & inside).sum() / (mask | inside).sum()


def test_a_person_is_found_by_colours():
    picture, inside = figure()
    assert agreement(person_in(picture, Box(40, 20, 88, 78)) / 255, inside) > 0.9
    large, inside = figure(size=500)
    alpha = person_in(large, None)
    assert alpha.shape == (500, 500) and agreement(alpha / 255, inside) > 0.9


@pytest.mark.filterwarnings("ignore:The person cannot be told")
def test_pictures_without_a_person_do_not_crash():
    for picture in (np.full((64, 64, 3), 99, np.uint8), np.zeros((5, 200, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)):
        assert person_in(picture).shape == picture.shape[:2]


@pytest.mark.parametrize("shift", [0, 3, -7, 10])
def test_the_outline_follows(shift):
    still, inside = figure()
    moved, now = figure(shift)
    follower = Follower(still, inside.astype(np.uint8) * 255)
    assert agreement(follower(moved), now) > 0.93
    assert shift == 0 or agreement(inside, now) < agreement(follower(moved), now)


def test_colours_of_the_wall_do_not_shine_through():
    alpha = np.tile(np.clip((np.arange(64) - 28) / 4, 0, 1), (64, 1)).astype(np.float32)
    person, wall = np.array([200.0, 40, 40]), np.array([20.0, 200, 60])
    picture = (person * alpha[..., None] + wall * (1 - alpha[..., None])).astype(np.uint8)
    colours = foreground(picture, alpha)
    soft = (alpha > 0.1) & (alpha < 0.9)
    assert np.abs(colours[soft] - person).mean() < 0.3 * np.abs(picture[soft] - person).mean()


def test_backgrounds(tmp_path):
    still, inside = figure()
    alpha, frames = inside.astype(np.uint8) * 255, [np.stack([figure(shift)[0] for shift in (0, 2)])]
    corner, middle = (slice(0, 8), slice(0, 8)), (slice(44, 52), slice(60, 68))
    Image.fromarray(np.full((30, 90, 3), (1, 2, 3), np.uint8)).save(tmp_path / "wall.png")
    with VideoWriter(tmp_path / "clip.mp4") as video:
        video.write(np.stack([np.full((32, 32, 3), level, np.uint8) for level in (60, 120, 180)]))
    for what, colour in (("#102030", (16, 32, 48)), ("white", (255, 255, 255)), (tmp_path / "wall.png", (1, 2, 3))):
        results = [batch[0] for batch in replaced(frames, still, alpha, Background(what))]
        assert all((np.abs(result[corner].astype(int) - colour) <= 1).all() for result in results)
        assert np.abs(results[0][middle].astype(int) - still[middle]).mean() < 3
    many = [np.repeat(still[None], 5, axis=0)]
    results = [batch[0] for batch in replaced(many, still, alpha, Background(str(tmp_path / "clip.mp4")))]
    levels = [int(result[corner].mean()) for result in results]
    assert np.abs(np.array(levels) - (60, 120, 180, 60, 120)).max() < 6  # begins anew
    (first, _) = (batch[0] for batch in replaced(frames, still, alpha, Background("transparent")))
    assert first.shape == (SIZE, SIZE, 4) and (first[corner][..., 3] == 0).all() and (first[middle][..., 3] > 250).all()


def test_only_where_frames_move_anything_is_computed():
    still, inside = figure()
    where = Placement.of(matrix_of(Box(32, 16, 96, 80), 64), 64, SIZE, SIZE)
    frame = still.copy()
    where.inside(frame)[:] = figure(2)[0][where.box.top : where.box.bottom, where.box.left : where.box.right]
    alpha = inside.astype(np.uint8) * 255
    ours = next(replaced([frame[None]], still, alpha, Background("black"), where=where))[0]
    plain = next(
        replaced([still[None]], still, alpha, Background("black"), where=Placement(1, np.eye(3), Box(0, 0, 0, 0)))
    )
    changed = (ours != plain[0]).any(axis=-1)
    assert changed.any()
    where.inside(changed)[:] = False
    assert not changed.any()


def test_what_is_no_background_is_said(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    for what, said in (("blau", "does not exist"), (tmp_path / "text.mp4", "neither a picture nor a video")):
        with pytest.raises(InputError, match=said):
            Background(what)


@pytest.mark.parametrize("shape", [(10, 100), (100, 10), (64, 64), (3, 5)])
def test_pictures_fill_the_frame(shape):
    assert filling(np.zeros((*shape, 3), np.uint8), 48, 80).shape == (48, 80, 3)


def test_the_portraits_own_alpha(tmp_path):
    alpha = np.tile(np.arange(0, 256, 4, np.uint8), (32, 1))
    rgba = np.dstack([np.full((32, 64, 3), 90, np.uint8), alpha])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    Image.fromarray(rgba[..., :3]).save(tmp_path / "b.png")
    for picture in (tmp_path / "a.png", Image.fromarray(rgba)):
        assert np.abs(alpha_of(picture).astype(int) - alpha).max() <= 1
    assert alpha_of(tmp_path / "b.png") is None and alpha_of(rgba[..., :3]) is None
    with pytest.raises(InputError):
        alpha_of(tmp_path / "absent.png")


def test_sizes():
    assert fitted(1000, 501, 500) == (500, 250)
    assert fitted(8192, 100, None) == (4096, 50)
    assert fitted(301, 203, None) == (301, 203)
    frames = np.random.default_rng(0).integers(0, 256, (2, 60, 40, 4), np.uint8)
    (same,) = sized([frames], None)
    assert same is frames
    for size, shape in ((30, (30, 20)), (120, (120, 80))):
        (result,) = sized([frames], size)
        assert result.shape == (2, *shape, 4)


def test_a_driver_beside(tmp_path):
    with VideoWriter(tmp_path / "driver.mp4") as video:
        video.write(np.stack([np.full((32, 64, 3), level, np.uint8) for level in (60, 180)]))
    frames = np.zeros((4, 48, 48, 3), np.uint8)
    results = [batch[0] for batch in Beside(tmp_path / "driver.mp4").compared([frames], 25)]
    assert {result.shape for result in results} == {(48, 96 + 48, 3)}
    assert np.abs(np.array([result[20, 20, 0] for result in results]).astype(int) - (60, 180, 180, 180)).max() < 5
    with pytest.raises(InputError, match="motion alone"):
        (tmp_path / "a.pkl").write_bytes(b"x")
        Beside(tmp_path / "a.pkl")
