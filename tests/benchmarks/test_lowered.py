"""What is counted of programs for an NVIDIA GPU, on a machine without one."""

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="counts beside PyTorch, which is an extra")

from benchmarks import lowered

# As XLA writes it: a kernel on weights alone, a convolution on what it makes, a loop of five, and what is no kernel.
PROGRAM = """HloModule jit_render, is_scheduled=true

%body.1 (p.1: (s32[], f32[4])) -> (s32[], f32[4]) {
  %p.1 = (s32[], f32[4]{0}) parameter(0)
  %x.1 = f32[4]{0} get-tuple-element(%p.1), index=1
  %gemm_fusion_dot.1 = f32[4]{0} fusion(%x.1), kind=kCustom, calls=%dot, metadata={op_name="jit(f)/dot"}
  ROOT %tuple.1 = (s32[], f32[4]{0}) tuple(%x.1, %gemm_fusion_dot.1)
}

ENTRY %main.2 (k.1: f32[2,2], x.2: bf16[8]) -> bf16[8] {
  %k.1 = f32[2,2]{1,0} parameter(0), metadata={op_name="params['generator']['kernel']"}
  %x.2 = bf16[8]{0} parameter(1), metadata={op_name="driving"}
  %wrapped_convert = bf16[2,2]{1,0} fusion(%k.1), kind=kLoop, calls=%cast, metadata={op_name="convert"}
  %conv.3 = (bf16[8]{0}, u8[0]{0}) custom-call(%x.2, %wrapped_convert), custom_call_target="__cudnn$convForward"
  %y.1 = bf16[8]{0} get-tuple-element(%conv.3), index=0
  %while.7 = (s32[], f32[4]{0}) while(%t), condition=%c, body=%body.1, backend_config={"known_trip_count":{"n":"5"}}
  ROOT %loop_transpose_fusion = bf16[8]{0} fusion(%y.1), kind=kLoop, calls=%turn
}
"""


def test_kernels_are_told_apart():
    kernels = {kernel.name: kernel for kernel in lowered.kernels_of(PROGRAM)}
    assert {name: (kernel.kind, kernel.times, kernel.weights) for name, kernel in kernels.items()} == {
        "wrapped_convert": ("cast", 1, True),
        "conv.3": ("convolution", 1, False),
        "gemm_fusion_dot.1": ("product", 5, False),
        "loop_transpose_fusion": ("transpose or copy", 1, False),
    }
    assert kernels["wrapped_convert"].bytes == 4 * 4 + 4 * 2
    assert kernels["conv.3"].bytes == 8 * 2 + 4 * 2 + 8 * 2
    counts = lowered.summary(list(kernels.values()))
    assert counts["of weights alone"] == {"launches": 1, "bytes": 24}
    assert counts["product"] == {"launches": 5, "bytes": 5 * 32}
    assert counts["cast"]["launches"] == 0


def test_the_command_counts_what_networks_ask_for(tmp_path):
    """Of the small ones: a cast to float32 for each norm and softmax in bfloat16, and none where all is float32."""
    file = tmp_path / "result.json"
    done = CliRunner().invoke(lowered.main, ["--model", "small", "--json", str(file)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    counts = json.loads(file.read_text())["lowered"]
    assert set(counts) == {"warping", "generator", "frame path", lowered.MOTION}
    assert counts["frame path"]["convolution"] == counts["warping"]["convolution"] + counts["generator"]["convolution"]
    assert counts["generator"]["cast to float32"] > 0
    assert counts[lowered.MOTION]["cast to float32"] == 0
