"""Pictures that move are videos wherever a video or a picture may be given."""

import warnings
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from kdtalker_jax.compositing.background import Background
from kdtalker_jax.compositing.sizing import Beside
from kdtalker_jax.media import animations
from kdtalker_jax.media.animations import is_still
from kdtalker_jax.media.image import read_image

PICTURES = [Image.new("RGB", (64, 48), (40 * i, 255 - 40 * i, 90)) for i in range(6)]


def save(path, count):
    PICTURES[0].save(path, save_all=True, append_images=PICTURES[1:count], duration=100, loop=0)
    return path


def test_a_gif_is_a_video_and_one_of_a_single_picture_none(tmp_path):
    moving, still = save(tmp_path / "a.gif", 6), save(tmp_path / "b.gif", 1)
    assert not is_still(moving) and is_still(still)
    assert Background(moving).moves and not Background(still).moves
    shown = list(islice(Beside(moving).pictures(Fraction(10)), 6))
    assert [int(picture[0, 0, 0]) for picture in shown] == pytest.approx([0, 40, 80, 120, 160, 200], abs=3)


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.avif"])
def test_other_animations_are_read_whole_or_told_of(tmp_path, name):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        still = is_still(save(tmp_path / name, 6))
    assert len(told) == still


def test_animations_that_ffmpeg_does_not_read_are_told_of(tmp_path, monkeypatch):
    moving = save(tmp_path / "a.webp", 6)
    monkeypatch.setattr(animations, "read_frames", lambda path, rate: iter([np.array(PICTURES[0])]))
    with pytest.warns(UserWarning, match=r"Of the animation .*a\.webp the first picture is taken"):
        assert is_still(moving)
    assert read_image(moving).shape == (48, 64, 3)
