"""Parameters prepared for rendering give the pictures that the plain ones give."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax.nn.folding import fold
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.liveportrait.config import GeneratorConfig
from kdtalker_jax.renderers.liveportrait.preparing import prepare
from tests.networks import PARTS

# Wide enough for the Winograd form, at the smallest size that takes it.
WIDE = SMALL.replace(
    warping=replace(SMALL.warping, feature_size=32),
    generator=GeneratorConfig(input_channels=8, width=256, middle_blocks=1, up_widths=(64,), modulation_width=128),
)
needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="only CPUs have kernels prepared")


@pytest.fixture(scope="module")
def generator():
    return fold(random_variables("generator", WIDE))


@needs_cpu
def test_prepared_parameters_give_the_same_picture(generator):
    prepared = prepare(WIDE, {"generator": generator})["generator"]
    assert {"conv_0", "norm_0", "norm_1"} <= set(prepared["transformed"]["middle_0"])
    features = np.random.default_rng(0).standard_normal((2, 32, 32, 8)).astype(np.float32)
    apply = jax.jit(PARTS["generator"].build(WIDE).apply)
    plain = apply(generator, features)
    np.testing.assert_allclose(apply(prepared, features), plain, atol=1e-4 * float(jnp.std(plain)), rtol=0)


@needs_cpu
def test_bfloat16_takes_no_kernels_made_for_float32(generator):
    assert prepare(WIDE, {"generator": generator}, jnp.bfloat16)["generator"] is generator
    prepared = prepare(WIDE, {"generator": generator})["generator"]
    features = jnp.ones((1, 32, 32, 8))
    apply = jax.jit(PARTS["generator"].build(WIDE, dtype=jnp.bfloat16).apply)
    np.testing.assert_array_equal(apply(prepared, features), apply(generator, features))
