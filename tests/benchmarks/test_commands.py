"""The benchmarks run, say what they measured, race equal work, and count right. No time is asserted."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from jax import lax

from configs import PUBLISHED, SMALL

torch = pytest.importorskip("torch", reason="races PyTorch, which is an extra")

from benchmarks import counts, end_to_end, layers, networks  # noqa: E402
from benchmarks.contestants import Inputs, jax_works, torch_works  # noqa: E402
from benchmarks.flops import ByteCounterMode, product_flops, published_work  # noqa: E402
from benchmarks.race import race  # noqa: E402
from benchmarks.random_params import random_params  # noqa: E402
from kdtalker_jax.portrait import TalkingPortrait  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread():
    """PyTorch's threads wait for each other actively: where tests share the cores with others that takes minutes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(command, folder, *arguments):
    """The JSON that a command writes at the small sizes, and what it prints."""
    file = folder / "result.json"
    result = CliRunner().invoke(
        command.main, ["--model", "small", "--json", str(file), *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return json.loads(file.read_text()), result.output


def test_networks(tmp_path):
    result, output = run(networks, tmp_path, "--repeats", "1", "--half", "--only", "audio")
    assert set(result["seconds"]) == {"audio encoder, a window"}
    for contestants in result["seconds"].values():
        assert set(contestants) == {"PyTorch", "JAX", "PyTorch, bfloat16", "JAX, bfloat16"}
        for times in contestants.values():
            assert 0 < times["lowest"] <= times["median"] <= times["highest"]
            assert times["ratio"] == pytest.approx(times["median"] / contestants["PyTorch"]["median"])
    assert {"device", "versions", "model", "load"} <= set(result)
    assert "| audio encoder, a window | JAX |" in output


def test_unknown_work_is_one_line():
    result = CliRunner().invoke(networks.main, ["--model", "small", "--only", "nothing"])
    assert result.exit_code == 2
    assert "chooses nothing" in result.output


def test_counts(tmp_path):
    result, _ = run(counts, tmp_path, "--repeats", "1")
    frame = result["counts"]["frame path"]
    assert frame["products"] < frame["published"]
    assert min(frame["xla"], frame["bytes"], frame["published_bytes"]) > 0
    assert result["rates"]["share"] > 0


def test_bytes_are_those_of_operations_and_not_of_views():
    with ByteCounterMode() as moved:
        torch.relu(torch.empty(16).view(4, 4).t())
    assert moved.total == 4 * (16 + 16 + 16), "made, read, written"


def test_layers(tmp_path):
    """Time is attributed to the modules that the operations come from."""
    result, _ = run(layers, tmp_path)
    assert {"WarpingModule/hourglass", "SpadeGenerator/up_1"} <= set(result["seconds"])
    assert layers.layer_of("jit(render)/WarpingModule.warp/hourglass/up_0/conv/add", 2) == "WarpingModule/hourglass"
    assert layers.layer_of("jit(render)/mul", 2) == "between networks"


def test_end_to_end(tmp_path):
    result, _ = run(end_to_end, tmp_path, "--seconds", "0.2", "--repeats", "1", "--no-peak")
    assert result["frames"] == 5
    for times in result["files_to_file"].values():
        assert 0 < times["first_frame"] < times["highest"]


@pytest.mark.slow
def test_peak_memory(tmp_path):
    result, _ = run(end_to_end, tmp_path, "--seconds", "0.2", "--repeats", "1")
    assert all(1e8 < peak["host"] < 1e10 for peak in result["peak_bytes"].values())


def test_the_work_raced_is_the_same():
    """All contestants get the same weights and inputs, so that their results agree."""
    inputs = Inputs(SMALL)
    own = jax_works(TalkingPortrait(SMALL, random_params(SMALL), dtype="float32"), inputs, [3])
    theirs = torch_works(SMALL, inputs, [3], "float32")
    assert list(own) == list(theirs)

    def close(name, result, tolerance=1e-3):
        expected = theirs[name]().numpy()
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance * expected.std())

    close("audio encoder, a window", own["audio encoder, a window"]())
    close("motion of a window, 50 steps each", own["motion of a window, 50 steps each"]())
    close("denoiser, a step", own["denoiser, a step"]())
    close("generator", np.moveaxis(own["generator"](), -1, 1))
    frames = [works["frame path, batch 3"]() for works in (own, theirs)]
    difference = np.abs(frames[0].astype(int) - frames[1].numpy())
    assert frames[0].shape == difference.shape
    assert np.mean(difference <= 1) > 0.999


def test_contestants_take_turns():
    calls = []
    result = race({name: lambda name=name: calls.append(name) for name in ("PyTorch", "JAX")}, 2)
    assert calls == ["PyTorch", "JAX"] * 3
    assert result["PyTorch"]["ratio"] == 1


def test_published_cost():
    """The numbers that the published system is known for: 342 GFLOP to warp, 892 to generate."""
    assert {name: round(work.flops / 1e9) for name, work in published_work(PUBLISHED).items()} == {
        "warping": 342,
        "generator": 892,
    }


def test_products_of_a_frame_are_counted_whole():
    """Whatever primitives they are in: on an accelerator 0.86 of the published ones."""
    traced = counts.trace_programs(PUBLISHED, "bfloat16", 1)[counts.FRAME]
    assert round(product_flops(traced.jaxpr.jaxpr) / 1e9) == 1056


def test_products_by_hand():
    """Matrix products, strided convolutions, loops, branches, calls and complex numbers."""

    def flops(function, *shapes, dtype=jnp.float32):
        arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        return product_flops(jax.jit(function).trace(*arguments).jaxpr.jaxpr)

    assert flops(jnp.matmul, (4, 5), (5, 6)) == 2 * 4 * 5 * 6
    assert flops(jnp.matmul, (4, 5), (5, 6), dtype=jnp.complex64) == 8 * 4 * 5 * 6

    def convolution(x, kernel):
        return lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    assert flops(convolution, (1, 8, 8, 3), (3, 3, 3, 7)) == 2 * 4 * 4 * 7 * 3 * 9

    def loop(x):
        return lax.map(jax.jit(lambda row: row @ x), x)

    assert flops(loop, (4, 4)) == 4 * 2 * 4 * 4

    def branches(x):
        return lax.platform_dependent(x, cpu=lambda x: x @ x @ x, default=lambda x: x @ x)

    assert flops(branches, (4, 4)) == 2 * 2 * 4**3
    assert flops(jnp.fft.fft, (3, 8), dtype=jnp.complex64) == 3 * 5 * 8 * 3
