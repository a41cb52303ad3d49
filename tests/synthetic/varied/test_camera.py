"""Cameras: what each of their faults does to a picture, and that none of them means none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.synthetic.varied.camera import Camera, develop, random_camera
from kdtalker_jax.synthetic.varied.draws import Draws

SIZE = 64
_develop = jax.jit(develop)


def _plain(**fields) -> Camera:
    zero = jnp.float32(0)
    camera = Camera(**dict.fromkeys(Camera._fields, zero))._replace(
        distance=jnp.float32(10), exposure=jnp.float32(1), contrast=jnp.float32(1), saturation=jnp.float32(1)
    )
    camera = camera._replace(
        balance=jnp.ones(3), lift=jnp.zeros(3), motion=jnp.zeros(2), border=jnp.zeros(4), border_colour=jnp.zeros(3)
    )
    return camera._replace(**{name: jnp.asarray(value, jnp.float32) for name, value in fields.items()})


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    """Noise upon a ramp."""
    rng = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(0.05, 0.8, SIZE)[:, None, None], (SIZE, SIZE, 3))
    return (ramp * np.exp(0.3 * rng.normal(size=ramp.shape))).astype(np.float32)


def _picture(light, moment=0, **fields) -> np.ndarray:
    return np.asarray(_develop(_plain(**fields), light, jnp.uint32(moment)))


def test_a_camera_without_faults_only_bends_tones(light):
    picture = _picture(light)
    assert picture.min() >= 0 and picture.max() <= 1
    order = np.argsort(light.ravel())
    assert np.all(np.diff(picture.ravel()[order]) >= -1e-5)


def test_blur_motion_and_sharpening_change_steps_between_neighbours(light):
    def steps(**fields) -> tuple[float, float]:
        picture = _picture(light, **fields)
        return tuple(np.abs(np.diff(picture, axis=axis)).mean() for axis in (0, 1))

    down, across = steps()
    assert steps(blur=6.0)[0] < 0.7 * down
    moved = steps(motion=[8.0, 0.0])
    assert moved[1] < 0.7 * across and moved[1] < 0.8 * moved[0]
    assert steps(blur=1.0, sharpening=1.0)[0] > steps(blur=1.0)[0]


def test_noise_is_another_in_each_frame_and_as_strong_as_said(light):
    calm = _picture(light)
    one, other = (_picture(light, moment, noise=0.02) for moment in (1, 2))
    inside = (calm > 0.1) & (calm < 0.9)
    assert 0.015 < (one - calm)[inside].std() < 0.025
    assert abs(np.corrcoef((one - calm)[inside], (other - calm)[inside])[0, 1]) < 0.1


def test_jpeg_has_blocks(light):
    coarse = _picture(light, quantiser=3.0)
    seams = np.abs(np.diff(coarse, axis=1)).mean(axis=(0, 2))
    assert seams[7::8].mean() > 1.15 * np.delete(seams, np.arange(7, SIZE - 1, 8)).mean()
    fine = _picture(light, quantiser=0.05)
    assert np.abs(fine - _picture(light)).mean() < 0.01 < np.abs(coarse - _picture(light)).mean()


def test_vignette_balance_saturation_and_borders(light):
    calm = _picture(light)
    assert _picture(light, vignette=0.6)[:4, :4].mean() < 0.9 * calm[:4, :4].mean()
    warm = _picture(light, balance=[1.3, 1.0, 0.7])
    assert (warm - calm)[..., 0].mean() > 0.02 and (warm - calm)[..., 2].mean() < -0.02
    assert np.ptp(_picture(light, saturation=0.0), axis=-1).max() < 1e-3
    framed = _picture(light, border=[0.25, 0.0, 0.0, 0.125], border_colour=[1.0, 0.0, 0.0])
    np.testing.assert_array_equal(framed[:, : SIZE // 4], np.broadcast_to([1, 0, 0], (SIZE, SIZE // 4, 3)))
    np.testing.assert_array_equal(framed[-SIZE // 8 :, :, 1], 0)
    np.testing.assert_array_equal(framed[: -SIZE // 8, SIZE // 4 :], calm[: -SIZE // 8, SIZE // 4 :])


def test_random_ones_give_pictures(light):
    for seed in range(20):
        camera = random_camera(Draws(np.random.default_rng(seed)))
        camera = jax.tree.map(lambda field: jnp.asarray(field, jnp.float32), camera)
        picture = np.asarray(_develop(camera, light, jnp.uint32(seed)))
        assert np.isfinite(picture).all() and picture.std() > 0.02
