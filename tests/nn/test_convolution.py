"""Every form of a convolution against the plain one, in values and in gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.nn import convolution
from kdtalker_jax.nn.blocks import upsample_nearest
from kdtalker_jax.nn.convolution import (
    conv2d_direct,
    conv2d_of_library,
    conv2d_winograd,
    conv3d_by_planes,
    conv3d_direct,
    conv_upsampled,
    depthwise2d_by_shifts,
    depthwise2d_direct,
    plane_kernel,
    winograd_kernel,
)
from kdtalker_jax.nn.fourier import conv3d_fourier, fourier_kernel


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def assert_equal_form(form, plain, x, kernel, tolerance=1e-5):
    """Same values and same gradients, to `tolerance` of their standard deviation."""
    weights = normal(*jax.eval_shape(plain, x, kernel).shape, seed=2)

    def gradients(function):
        return jax.grad(lambda *arguments: jnp.sum(weights * function(*arguments)), argnums=(0, 1))(x, kernel)

    pairs = [(form(x, kernel), plain(x, kernel)), *zip(gradients(form), gradients(plain), strict=True)]
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, atol=tolerance * float(jnp.std(expected)), rtol=0)


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("bands", [1, 12, 1024], ids=lambda positions: f"{positions} positions at once")
def test_gradients_of_the_plain_form(size, bands, monkeypatch):
    """Those of the kernel have a form of their own on CPUs."""
    monkeypatch.setattr(convolution, "BAND_POSITIONS", bands)

    assert_equal_form(conv2d_direct, conv2d_of_library, normal(2, 8, 6, 5), normal(size, size, 5, 4, seed=1))


@pytest.mark.parametrize("size", [3, 7])
def test_depthwise_convolution_by_shifts(size):
    x, kernel = normal(2, 6, 9, 5), normal(size, size, 1, 5, seed=1)
    assert_equal_form(depthwise2d_by_shifts, depthwise2d_direct, x, kernel)


@pytest.mark.parametrize(
    ("form", "plain", "inputs"),
    [(conv2d_direct, conv2d_of_library, 5), (depthwise2d_by_shifts, depthwise2d_direct, 1)],
    ids=["2-D", "depthwise"],
)
def test_gradients_of_our_own_do_not_stand_in_the_way_of_others(form, plain, inputs):
    """Derivatives forwards, forwards over backwards and twice backwards, and all of it in batches."""
    x, kernel = normal(3, 2, 4, 6, 5), normal(3, 3, 3, inputs, 5, seed=1)
    tangents = normal(*x.shape, seed=2), normal(*kernel.shape, seed=3)

    def derivatives(function):
        def loss(x, kernel):
            return jnp.sin(function(x, kernel)).sum()

        def of_one(x, kernel, *tangents):
            twice = jax.grad(lambda kernel: jnp.sum(jax.grad(loss)(x, kernel) ** 2))(kernel)
            forwards = jax.jvp(function, (x, kernel), tangents)[1]
            return forwards, jax.jvp(jax.grad(loss, argnums=1), (x, kernel), tangents)[1], twice

        return jax.vmap(of_one)(x, kernel, *tangents)

    for actual, expected in zip(derivatives(form), derivatives(plain), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5 * float(jnp.std(expected)), rtol=0)


@pytest.mark.parametrize("size", [3, 7])
def test_3d_convolution_by_planes(size):
    assert_equal_form(conv3d_by_planes, conv3d_direct, normal(2, 5, 6, 4, 3), normal(size, size, size, 3, 2, seed=1))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_2d_convolution_of_a_repeated_map(size, factor):
    def plain(x, kernel):
        return conv2d_direct(upsample_nearest(x, factor, axes=(1, 2)), kernel)

    def form(x, kernel):
        return conv_upsampled(x, kernel, (factor, factor))

    assert_equal_form(form, plain, normal(2, 4, 5, 3), normal(size, size, 3, 2, seed=1))


def test_3d_convolution_of_a_map_repeated_in_height_and_width():
    """The hourglass's decoder; its innermost map is smaller than its kernel."""

    def plain(x, kernel):
        return conv3d_direct(upsample_nearest(x, 2, axes=(2, 3)), kernel)

    def form(x, kernel):
        return conv_upsampled(x, kernel, (1, 2, 2))

    assert_equal_form(form, plain, normal(2, 4, 2, 2, 3), normal(3, 3, 3, 3, 2, seed=1))


@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 8, 2), (2, 32, 64)])
def test_winograd_form(shape):
    """Also for several bands a picture (the last shape), whose edges are rows of their neighbours."""

    def form(x, kernel):
        return conv2d_winograd(x, winograd_kernel(kernel))

    assert_equal_form(form, conv2d_direct, normal(*shape, 5), normal(3, 3, 5, 4, seed=1))


def test_winograd_form_of_a_3d_convolution():
    def form(x, kernel):
        return conv3d_by_planes(x, kernel, winograd_kernel(plane_kernel(kernel)))

    assert_equal_form(form, conv3d_direct, normal(2, 3, 4, 6, 5), normal(3, 3, 3, 5, 4, seed=1))


@pytest.mark.parametrize("size", [5, 7])
def test_fourier_form_of_a_3d_convolution(size):
    def form(x, kernel):
        return conv3d_fourier(x, fourier_kernel(plane_kernel(kernel)), kernel.shape[:3])

    assert_equal_form(form, conv3d_direct, normal(2, 3, 8, 16, 4), normal(3, size, size, 4, 5, seed=1))


def test_the_sum_over_taps_is_not_rounded_to_bfloat16():
    """One rounding at the end, as in the plain form: rounding every tap's product costs several times its error."""
    x, kernel = normal(1, 8, 8, 16), normal(3, 3, 16, 8, seed=1)
    low = conv_upsampled(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16), (4, 4)).astype(jnp.float32)
    inputs = [a.astype(jnp.bfloat16).astype(jnp.float32) for a in (x, kernel)]
    exact = conv_upsampled(*inputs, (4, 4))
    np.testing.assert_allclose(low, exact, rtol=2**-8, atol=1e-6)
