"""Mean and standard deviation over clips, in one pass and in any order."""

import json

import numpy as np
import pytest

from configs import PUBLISHED_STATISTICS
from kdtalker_jax.data.statistics import (
    QUANTITIES,
    Moments,
    clip_moments,
    load_statistics,
    motion_statistics,
    read_published_statistics,
    save_statistics,
)
from kdtalker_jax.errors import InputError

WIDTHS = {"t": 3, "exp": 63, "kp": 63}


@pytest.fixture
def clips():
    """Five clips of different lengths, far from 0 where one pass without care loses its digits."""
    random = np.random.default_rng(0)

    def draw(frames, name):
        shape = (frames, WIDTHS[name]) if name in WIDTHS else (frames,)
        return random.normal(300, 0.01, shape).astype(np.float32)

    return [{"frames": n, **{name: draw(n, name) for name in QUANTITIES}} for n in (1, 2, 70, 300, 5)]


def test_equal_to_numpy_over_all_frames(clips):
    statistics = motion_statistics(map(clip_moments, clips))
    for name in QUANTITIES:
        frames = np.concatenate([clip[name] for clip in clips]).astype(np.float64)
        np.testing.assert_allclose(np.squeeze(getattr(statistics, f"{name}_mean")), frames.mean(axis=0), rtol=1e-7)
        np.testing.assert_allclose(np.squeeze(getattr(statistics, f"{name}_std")), frames.std(axis=0), rtol=1e-5)


def test_what_is_heard_and_what_is_not_of_each_frame_is_left_out(clips):
    clip = clips[2] | {"audio": np.ones((70, 5)), "mel": np.ones((224, 80)), "jpeg": [b"x"] * 70, "glow": np.ones(70)}
    assert list(clip_moments(clip)) == [*QUANTITIES, "glow"]


def test_workers_may_merge_in_any_order(clips):
    a, b, c, d, e = (Moments.of(clip["exp"]) for clip in clips)
    one_by_one = a.merge(b).merge(c).merge(d).merge(e)
    in_a_tree = e.merge(b).merge(d.merge(c.merge(a)))
    assert one_by_one.count == in_a_tree.count == 378
    np.testing.assert_allclose(one_by_one.mean, in_a_tree.mean, rtol=1e-14)
    np.testing.assert_allclose(one_by_one.deviations, in_a_tree.deviations, rtol=1e-9)


def test_what_never_varies_has_deviation_one(clips):
    """As published; t_z of the published set is such a quantity."""
    for clip in clips:
        clip["t"][:, 2] = 0.1
    statistics = motion_statistics(map(clip_moments, clips))
    assert statistics.t_std[2] == 1
    assert statistics.t_mean[2] == np.float32(0.1)


def test_saved_statistics_keep_every_digit(tmp_path):
    save_statistics(tmp_path / "statistics.json", PUBLISHED_STATISTICS)
    for field, value in vars(load_statistics(tmp_path)).items():
        assert np.array_equal(np.float32(value), np.float32(getattr(PUBLISHED_STATISTICS, field)))


def test_a_byte_order_mark_is_no_damage(tmp_path):
    text = json.dumps(vars(PUBLISHED_STATISTICS))
    (tmp_path / "statistics.json").write_text(text, encoding="utf-8-sig")
    assert load_statistics(tmp_path) == PUBLISHED_STATISTICS


@pytest.mark.parametrize("values", [[0, 1, 1], [1, 1], [float("nan"), 1, 1], ["1", 1, 1], 1, None, [10**400, 1, 1]])
def test_statistics_that_nothing_can_be_divided_by(tmp_path, values):
    (tmp_path / "statistics.json").write_text(json.dumps(vars(PUBLISHED_STATISTICS) | {"t_std": values}))
    with pytest.raises(InputError, match=r"statistics\.json is damaged \(.*\): make the data set again"):
        load_statistics(tmp_path)


@pytest.mark.parametrize("content", [None, "{", "[1]", '{"yaw_mean": [0]}', '{"yaw_mean": "x"}'])
def test_damaged_statistics(tmp_path, content):
    if content:
        (tmp_path / "statistics.json").write_text(content)
    with pytest.raises(InputError, match=r"pipelines\.extract"):
        load_statistics(tmp_path)


def test_published_norm_file(parity):
    statistics = read_published_statistics(parity / "norm.npz")
    np.testing.assert_allclose(statistics.exp_std, PUBLISHED_STATISTICS.exp_std, rtol=1e-6)


def test_norm_file_that_lacks_a_quantity(tmp_path):
    np.savez(tmp_path / "norm.npz", yaw_mean=np.zeros(1))
    with pytest.raises(InputError, match="lacks scale_mean"):
        read_published_statistics(tmp_path / "norm.npz")


def test_norm_file_with_pickles_is_not_run(tmp_path):
    np.savez(tmp_path / "norm.npz", scale_mean=np.array([print], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        read_published_statistics(tmp_path / "norm.npz")
