"""Poses from a table: met at their times, and tables that are none are refused."""

import numpy as np
import pytest

from kdtalker_jax.edits.poses import PoseKeyframes, read_poses
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.heads import angles_of

ROWS = [(0, 10, 0, 0), (1, -20, 5, 3), (2.5, -20, 5, 3)]
TABLE = "\n".join(",".join(map(str, row)) for row in ROWS)


@pytest.mark.parametrize(
    "text",
    (TABLE, f"seconds,yaw,pitch,roll\n{TABLE}\n", f"\ufeffSeconds, Yaw, Pitch, Roll\r\n{TABLE}\r\n\r\n",
     f"# walk\n\n{TABLE}", "roll,pitch,yaw,seconds\n" + "\n".join(",".join(map(str, row[::-1])) for row in ROWS)),
)  # fmt: skip
def test_a_table_is_read(tmp_path, text):
    (tmp_path / "pose.csv").write_text(text, encoding="utf-8", newline="")
    np.testing.assert_array_equal(read_poses(tmp_path / "pose.csv").rows, ROWS)


def test_keyframes_are_met_and_held():
    pitch, yaw, roll = angles_of(PoseKeyframes(ROWS).rotations(np.array([0, 1, 1.7, 2.5, 60])))
    np.testing.assert_allclose(yaw, [10, -20, -20, -20, -20], atol=1e-9)
    np.testing.assert_allclose(pitch, [0, 5, 5, 5, 5], atol=1e-9)
    np.testing.assert_allclose(roll, [0, 3, 3, 3, 3], atol=1e-9)


def test_between_nothing_jumps():
    _, yaw, _ = angles_of(PoseKeyframes(ROWS).rotations(np.arange(0, 3, 0.04)))
    assert np.abs(np.diff(yaw)).max() < 2 * 30 * 0.04
    assert yaw.min() >= -20 - 1e-9


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ("", "empty"),
        ("seconds,yaw,pitch,roll\n", "four numbers"),
        ("seconds,yaw,pitch\n1,2,3", "columns"),
        ("0,1,2\n", "Row 1"),
        ("0,1,2,3\n1,x,2,3", "Row 2"),
        ("0,1,2,nan", "Row 1"),
        ("1,0,0,0\n0,0,0,0", "grow from row to row"),
        ("-1,0,0,0", "begin at 0"),
        ("0,91,0,0", "-90 to 90"),
    ),
)
def test_tables_that_are_none(tmp_path, text, said):
    (tmp_path / "pose.csv").write_text(text)
    with pytest.raises(InputError, match=said) as refused:
        read_poses(tmp_path / "pose.csv")
    assert "pose.csv" in str(refused.value)


def test_no_text_and_no_file(tmp_path):
    (tmp_path / "pose.csv").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="no table of poses"):
        read_poses(tmp_path / "pose.csv")
    with pytest.raises(InputError, match="does not exist"):
        read_poses(tmp_path / "absent.csv")
