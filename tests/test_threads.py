"""Several threads may use one fresh model: each late tool is made once, and all get what one thread gets."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import jax
import numpy as np

from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.rendering import Frames
from kdtalker_jax.spaces.keypoints import Motion

THREADS = 4


class SlowDetector(FaceDetector):
    """Notes what it loads, slowly, so that threads meet on the way."""

    def __init__(self):
        super().__init__()
        self.made = []

    @cached_property
    def _detector(self):
        return self._slowly(FaceDetector._detector)

    @cached_property
    def _predictor(self):
        return self._slowly(FaceDetector._predictor)

    def _slowly(self, tool):
        self.made.append(tool.attrname)
        time.sleep(0.1)
        return tool.func(self)


class Overflowing(LivePortrait):
    """None of its frames is finite."""

    def frames(self, *arguments):
        state, frames, finite = super().frames(*arguments)
        return state, frames, np.zeros_like(finite)


def all_at_once(function, count=THREADS):
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: function(), range(count)))


def test_portraits_are_prepared_alike(small_model):
    picture = demo.PORTRAITS[0]
    expected = small_model.prepare(picture)
    fresh = TalkingPortrait(SMALL, small_model.params)
    fresh.detector = SlowDetector()
    for source in all_at_once(lambda: fresh.prepare(picture), 2):
        np.testing.assert_array_equal(source.image, expected.image)
        np.testing.assert_array_equal(source.crop.landmarks, expected.crop.landmarks)
        jax.tree.map(np.testing.assert_array_equal, source.arrays, expected.arrays)
    assert sorted(fresh.detector.made) == ["_detector", "_predictor"]


def test_frames_are_rendered_alike_and_one_renderer_steps_in(small_model):
    """Where low precision overflows the same renderer is made in float32: once, whichever thread comes first."""
    source = small_model.prepare(demo.PORTRAITS[0], crop="none")
    still = source.motion.to_vector()  # (1, 70)
    moved = still + np.random.default_rng(0).normal(0, 0.02, (3, still.shape[1]))
    motion = small_model.drive(source, Motion.from_vector(moved))
    expected = np.concatenate(list(small_model.render(source, motion, batch_size=1)))
    renderers = []

    def exact():
        renderers.append(LivePortrait(SMALL))
        time.sleep(0.1)
        return renderers[-1]

    fresh = TalkingPortrait(SMALL, small_model.params)
    fresh._frames = Frames(Overflowing(SMALL), small_model.params, exact)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that frames overflow: each thread says so
        together = all_at_once(lambda: np.concatenate(list(fresh.render(source, motion, batch_size=1))))
    for frames in together:
        np.testing.assert_array_equal(frames, expected)
    assert len(renderers) == 1
