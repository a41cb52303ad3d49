"""Directions of a model of its own: what is written is read, what is none is refused, and they turn with the head."""

import numpy as np
import pytest

from kdtalker_jax.edits.directions import read_directions, with_directions, write_directions
from kdtalker_jax.edits.sliders import SLIDERS, edited
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.spaces.heads import Heads, rotation_of


@pytest.fixture
def table():
    directions = {"smile": np.zeros((2, 5, 3), np.float32), "eyebrow": np.zeros((2, 5, 3), np.float32)}
    directions["smile"][:, 3] = (0.0, -0.02, 0.01)
    directions["eyebrow"][0, 1, 1], directions["eyebrow"][1, 2, 0] = 0.001, 0.002
    return with_directions(directions)


@pytest.fixture
def heads() -> Heads:
    rng = np.random.default_rng(0)
    return Heads(np.ones(2), rotation_of(*rng.uniform(-40, 40, (3, 2))), rng.normal(size=(2, 5, 3)), np.zeros((2, 3)))


def test_they_turn_with_the_head(table, heads):
    moved = edited(heads, {"smile": 0.5}, table).exp - heads.exp
    np.testing.assert_allclose(moved[:, 3], [(0.0, -0.01, 0.005) @ r for r in heads.rotation], atol=1e-6)
    np.testing.assert_array_equal(moved[:, [0, 1, 2, 4]], 0)
    also = edited(heads, {"smile": 0.5, "yaw": 20}, table)
    np.testing.assert_allclose(
        (also.exp - heads.exp)[:, 3], [(0.0, -0.01, 0.005) @ r for r in also.rotation], atol=1e-6
    )


def test_up_and_down_are_directions_of_their_own(table, heads):
    up, down = (edited(heads._replace(rotation=np.stack([np.eye(3)] * 2)), {"eyebrow": v}, table).exp - heads.exp
                for v in (10, -10))  # fmt: skip
    np.testing.assert_allclose(up[:, 1, 1], 0.01, atol=1e-6)
    np.testing.assert_allclose(down[:, 2, 0], -0.02, atol=1e-6)


def test_every_head_moves_and_turns(table, heads):
    assert set(table.sliders) == {"smile", "eyebrow", "pitch", "yaw", "roll", "size", "move_x", "move_y"}
    assert table.sliders["smile"].low == SLIDERS["smile"].low
    np.testing.assert_allclose(edited(heads, {"move_x": 0.1, "move_y": -0.05}, table).t, [[0.1, -0.05, 0]] * 2)


def test_what_the_model_has_not(table, heads):
    with pytest.raises(InputError, match="This model has no slider 'pout': there are smile, "):
        edited(heads, {"pout": 0.05}, table)
    with pytest.raises(InputError, match="known for 5 keypoints, and this model has 4"):
        edited(heads._replace(exp=heads.exp[:, :4]), {"smile": 1}, table)


def test_a_model_that_sees_nothing_has_head_and_place(tmp_path):
    write_directions(tmp_path / "sliders.npz", {})
    assert "smile" not in with_directions(read_directions(tmp_path / "sliders.npz")).sliders


def test_what_is_written_is_read(tmp_path):
    directions = {"smile": np.random.default_rng(0).normal(size=(2, 21, 3)).astype(np.float32)}
    write_directions(tmp_path / "sliders.npz", directions)
    np.testing.assert_array_equal(read_directions(tmp_path / "sliders.npz")["smile"], directions["smile"])


@pytest.mark.parametrize(
    "directions",
    ({"smile": np.zeros((2, 21, 2))}, {"nonsense": np.zeros((2, 21, 3))}, {"smile": np.full((2, 21, 3), np.nan)},
     {"smile": np.full((2, 21, 3), 1e3)}, {"smile": np.zeros((2, 21, 3)), "mouth": np.zeros((2, 5, 3))}),
)  # fmt: skip
def test_directions_that_are_none(tmp_path, directions):
    write_directions(tmp_path / "sliders.npz", directions)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_directions(tmp_path / "sliders.npz")


@pytest.mark.parametrize("content", (b"", b"PK\x03\x04" + bytes(18), b"words"))
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "sliders.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_directions(tmp_path / "sliders.npz")
