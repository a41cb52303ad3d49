"""Published tensors become variables bit for bit, and whatever does not fit is listed in one error."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from configs import SMALL
from convert.network import to_published, to_variables, unused
from convert.rules import flatten
from kdtalker_jax.errors import CheckpointError
from tests.networks import PARTS

PATH = Path("some/file.pth")
EACH_NETWORK = pytest.mark.parametrize("name", PARTS)


class Array:
    """A tensor that is already in memory."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.shape = values.shape

    def numpy(self) -> np.ndarray:
        return self.values


def tensors(state: dict[str, np.ndarray]) -> dict[str, Array]:
    return {key: Array(values) for key, values in state.items()}


def error(name: str, state: dict[str, np.ndarray]) -> str:
    with pytest.raises(CheckpointError) as caught:
        to_variables(PARTS[name], tensors(state), SMALL, PATH)
    return str(caught.value)


@EACH_NETWORK
def test_variables_have_the_shapes_of_the_module_and_can_be_undone(small_states, name):
    state = small_states[name]
    variables = to_variables(PARTS[name], tensors(state), SMALL, PATH)
    shapes = {leaf: (x.shape, x.dtype) for leaf, x in flatten(PARTS[name].shapes(SMALL)).items()}
    assert {leaf: (x.shape, x.dtype) for leaf, x in flatten(variables).items()} == shapes
    back = to_published(PARTS[name], variables)
    assert len(back) == len(state) - unused(PARTS[name], state).total()
    for key, values in back.items():
        assert values.tobytes() == state[key].tobytes()
        assert values.shape == state[key].shape


def test_a_linear_layer_is_transposed(small_states):
    """One value followed by hand, lest the transforms and their inverses be wrong together."""
    state = small_states["retargeting"]
    variables = to_variables(PARTS["retargeting"], tensors(state), SMALL, PATH)
    weight = state["retarget_mouth.module.mlp.2.weight"]
    assert variables["params"]["lip"]["layer_1"]["kernel"][3, 5] == weight[5, 3]


def test_prefixes_of_parallel_training_may_be_there_or_not(small_states):
    state = {key.replace("module.", ""): values for key, values in small_states["audio_encoder"].items()}
    plain = to_variables(PARTS["audio_encoder"], tensors(state), SMALL, PATH)
    wrapped = {f"module.{key}": values for key, values in small_states["denoiser"].items()}
    assert plain.keys() == {"params", "batch_stats"}
    assert to_variables(PARTS["denoiser"], tensors(wrapped), SMALL, PATH).keys() == {"params"}


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_other_float_types_become_float32(small_states, dtype):
    state = {key: values.astype(dtype) for key, values in small_states["retargeting"].items()}
    variables = to_variables(PARTS["retargeting"], tensors(state), SMALL, PATH)
    kernel = variables["params"]["eye"]["layer_0"]["kernel"]
    assert kernel.dtype == np.float32
    assert np.array_equal(kernel.T, state["retarget_eye.module.mlp.0.weight"].astype(np.float32))


def test_all_problems_are_listed_at_once(small_states):
    state = dict(small_states["appearance"])
    del state["first.conv.bias"]
    state["second.weight"] = state["second.weight"][:-1]
    state["third.weight"] = np.zeros(3, np.float32)
    message = error("appearance", state).splitlines()
    assert message[0] == f"{PATH} does not fit appearance of the small model:"
    assert [line.strip() for line in message[1:]] == [
        "third.weight is not expected",
        "first.conv.bias is missing",
        "second.weight has shape (15, 16, 1, 1), expected (16, 16, 1, 1)",
    ]


def test_values_that_cannot_be_weights(small_states):
    state = dict(small_states["appearance"])
    state["first.conv.bias"] = state["first.conv.bias"].astype(np.int64)
    state["second.bias"] = np.full_like(state["second.bias"], np.nan)
    message = error("appearance", state)
    assert "first.conv.bias is of type int64, expected floating point" in message
    assert "second.bias holds values that are not finite" in message


def test_a_tensor_twice_is_not_guessed_about(small_states):
    state = dict(small_states["denoiser"])
    key = next(iter(state))
    state[f"module.{key}"] = state[key]
    assert f"module.{key} and {key} are the same tensor" in error("denoiser", state)


def test_a_wrong_file_under_the_right_name_is_recognised(small_states):
    message = error("motion_extractor", small_states["generator"])
    assert message == f"{PATH} is not a motion_extractor file: it looks like spade_generator"


def test_a_long_list_is_cut(small_states):
    state = {f"surprise.{i}": np.zeros(1, np.float32) for i in range(100)}
    message = error("retargeting", small_states["retargeting"] | state)
    assert len(message.splitlines()) == 22
    assert message.endswith("... and 80 more")
