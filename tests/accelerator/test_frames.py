"""Frames of the demo model: in bfloat16 as in float32, on all devices as on one, compiled once."""

import jax
import numpy as np
import pytest

from kdtalker_jax import parallel
from kdtalker_jax.metrics.similarity import compare
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion

pytestmark = pytest.mark.accelerator

COMPILED = "/jax/core/compile/backend_compile_duration"
FRAME = 640  # samples at 16 kHz


def moved(model, source, frames):
    """A head that turns from frame to frame."""
    motion = np.repeat(source.motion.to_vector(), frames, axis=0)  # (T, 70)
    motion += np.random.default_rng(0).normal(0, 0.02, motion.shape).astype(motion.dtype)
    return model.drive(source, Motion.from_vector(motion))


def frames_of(model, source, motion, size=4):
    return np.concatenate(list(model.render(source, motion, batch_size=size)))


def test_bfloat16_shows_the_same_as_float32(model, source):
    motion = moved(model, source, 6)
    exact = frames_of(model, source, motion)
    low = frames_of(TalkingPortrait.load(dtype="bfloat16"), source, motion)
    assert compare(low, exact).psnr > 30


def test_all_devices_render_what_one_renders(source, monkeypatch):
    """Six frames in batches of four, which end in the middle of one."""
    if parallel.local_device_count() == 1:
        pytest.skip("needs two devices: there is one here")
    spread = TalkingPortrait.load(dtype="float32")
    with monkeypatch.context() as patch:
        patch.setattr(parallel, "local_device_count", lambda: 1)
        alone = TalkingPortrait.load(dtype="float32")
    motion = moved(spread, source, 6)
    together, expected = (frames_of(model, source, motion) for model in (spread, alone))
    assert np.abs(np.diff(expected.astype(int), axis=0)).max() > 10  # frames in a wrong order would show
    assert np.abs(together.astype(int) - expected).max() <= 1


def test_other_lengths_compile_nothing(model, source):
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event) if event == COMPILED else None
    )

    def talk(frames):
        waveform = np.random.default_rng(frames).normal(0, 0.1, frames * FRAME).astype(np.float32)
        motion = model.animate(source, waveform, rate=16_000, steps=2)
        shown = model.drive(source, Motion.from_vector(motion.to_vector()[: frames // 10]))
        return len(frames_of(model, source, shown))

    jax.clear_caches()
    assert talk(30) == 3
    assert compiled, "the first length compiles, or nothing is counted"
    compiled.clear()
    assert [talk(frames) for frames in (70, 150)] == [7, 15]
    assert compiled == []
