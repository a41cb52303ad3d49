"""Frames are the same on any number of devices, and rendered ahead of whoever takes them."""

import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.loaded_model import DTYPES
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.rendering import Frames
from kdtalker_jax.spaces.keypoints import Motion

ROOT = Path(__file__).parents[1]

ON_FOUR_DEVICES = """
import sys
import jax, numpy
from kdtalker_jax import demo
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion
model = TalkingPortrait.load(sys.argv[3])
source = model.prepare(demo.PORTRAITS[0], crop="none")
motion = Motion.load(sys.argv[1])
frames = {str(size): list(model.render(source, motion, batch_size=size)) for size in (4, 6)}
lengths = {f"lengths {size}": [len(batch) for batch in batches] for size, batches in frames.items()}
frames = {size: numpy.concatenate(batches) for size, batches in frames.items()}
numpy.savez(sys.argv[2], devices=jax.local_device_count(), **frames, **lengths)
"""


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.fixture(scope="module")
def motion(small_model, source):
    """Nine frames that differ."""
    still = source.motion.to_vector()  # (1, 70)
    moved = still + np.random.default_rng(0).normal(0, 0.02, (9, still.shape[1]))
    return small_model.drive(source, Motion.from_vector(moved))


def test_four_devices_render_what_one_renders(small_checkpoint, small_model, source, motion, tmp_path):
    """Batches of 4 and of 6, which four devices cannot share evenly; nine frames end in the middle of both."""
    motion.save(tmp_path / "motion.npz")
    subprocess.run(
        [sys.executable, "-c", ON_FOUR_DEVICES, tmp_path / "motion.npz", tmp_path / "frames.npz", small_checkpoint],
        check=True,
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "4"},
    )
    expected = np.concatenate(list(small_model.render(source, motion, batch_size=1)))
    assert np.abs(np.diff(expected.astype(int), axis=0)).max() > 10  # frames in a wrong order would show
    result = np.load(tmp_path / "frames.npz")
    assert result["devices"] == 4
    for size, lengths in (("4", [4, 4, 1]), ("6", [6, 3])):
        assert result[f"lengths {size}"].tolist() == lengths
        assert np.abs(result[size].astype(int) - expected).max() <= 1


def test_the_next_batch_is_started_before_one_is_handed_out(small_model, source, motion):
    """So that devices work while the caller encodes; and never further ahead, so that memory is bounded."""
    started = []

    class Counting(LivePortrait):
        def frames(self, *arguments):
            started.append(len(started))
            return super().frames(*arguments)

    frames = Frames(Counting(small_model.config), small_model.params)
    for i, _ in enumerate(frames(source.arrays, motion.keypoints, 2)):
        assert len(started) == min(i + 2, 5)


def test_an_error_on_the_device_reaches_the_caller(small_model, source, motion):
    def fail(_):
        raise ValueError("the device gave up")

    class Failing(LivePortrait):
        def frames(self, *arguments):
            state, frames, finite = super().frames(*arguments)
            return state, jax.jit(lambda frames: jax.pure_callback(fail, frames, frames))(frames), finite

    with pytest.raises(jax.errors.JaxRuntimeError, match="the device gave up"):
        list(Frames(Failing(small_model.config), small_model.params)(source.arrays, motion.keypoints, 2))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_frame_that_is_not_finite_ends_the_rendering(small_model, source, motion, dtype):
    """Also one that has been rendered again in float32; those before it are handed out."""
    keypoints = motion.keypoints.copy()
    keypoints[4] = np.nan
    exact = partial(LivePortrait, SMALL)
    renderer = LivePortrait(SMALL, DTYPES[dtype])
    frames = Frames(renderer, small_model.params, None if dtype == "float32" else exact)(source.arrays, keypoints, 2)
    assert [len(next(frames)) for _ in range(2)] == [2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(CheckpointError, match=r"^Frame 5 holds values that are not finite: the model's weights"):
            next(frames)


def test_frames_that_depend_on_each_other_are_not_made_again_alone(small_model, source, motion):
    """They would begin with the portrait instead of the frame before: what overflows is said."""

    class Following(LivePortrait):
        stateful = True

    def never():
        raise AssertionError("made anew")

    keypoints = np.full_like(motion.keypoints[:2], np.nan)
    frames = Frames(Following(SMALL, DTYPES["bfloat16"]), small_model.params, never)
    with pytest.raises(CheckpointError, match=r"^Frame 1 holds values that are not finite"):
        next(frames(source.arrays, keypoints, 2))
