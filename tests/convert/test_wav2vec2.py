"""Every layout in which the encoders are published gives the same model; what is none of them is refused in words."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from configs.wav2vec2 import SMALL_WAV2VEC2
from convert import official, wav2vec2
from convert.network import to_published
from convert.rules import flatten
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import find_system
from tests.convert.torch_writer import legacy_file, write, zip_file

PART = find_system("wav2vec2").parts["wav2vec2"]
KERNEL = "encoder.pos_conv_embed.conv.weight"
OLD = (f"{KERNEL}_g", f"{KERNEL}_v")
NEW = tuple(f"encoder.pos_conv_embed.conv.parametrizations.weight.original{i}" for i in (0, 1))
CONFIG = {
    "model_type": "wav2vec2",
    "architectures": ["Wav2Vec2ForCTC"],
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
    "hidden_act": "gelu",
    "feat_extract_norm": "group",
    "layer_norm_eps": 1e-5,
    "adapter_attn_dim": None,
    "vocab_size": 32,
}


@pytest.fixture(scope="module")
def variables():
    return random_variables("wav2vec2", SMALL_WAV2VEC2)


def state_dict(variables, names=OLD, prefix=""):
    """As published: the positional convolution's kernel as a length and a direction of another length."""
    state = to_published(PART, variables)
    kernel = state.pop(KERNEL).astype(np.float64)
    state[names[0]] = np.sqrt((kernel**2).sum(axis=(0, 1), keepdims=True)).astype(np.float32)
    state[names[1]] = (kernel * np.linspace(0.5, 2, kernel.shape[2])).astype(np.float32)
    return {prefix + key: values for key, values in state.items()}


def publish(folder, state, config=CONFIG, preprocessor=None, file="model.safetensors", writer=None):
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    if writer:
        write(folder / file, writer(state))
    else:
        save_file(state, folder / file)
    return folder


def converted(source, out):
    wav2vec2.convert(source, out)
    return load_checkpoint(out)


def refused(source, tmp_path):
    """The sentence with which it is refused; nothing is written."""
    with pytest.raises(CheckpointError) as caught:
        wav2vec2.convert(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    return str(caught.value)


@pytest.mark.parametrize("prefix", ["", "wav2vec2.", "hubert."])
@pytest.mark.parametrize("names", [OLD, NEW], ids=["old", "new"])
def test_names(variables, tmp_path, prefix, names):
    state = state_dict(variables, names, prefix) | {
        "lm_head.weight": np.ones((32, 16), np.float32),
        f"{prefix}masked_spec_embed": np.ones(16, np.float32),
    }
    checkpoint = converted(publish(tmp_path / "source", state), tmp_path / "out")
    assert checkpoint.config.sections == SMALL_WAV2VEC2.sections
    found, expected = flatten(checkpoint.variables("wav2vec2")), flatten(variables)
    assert found.keys() == expected.keys()
    for leaf, values in found.items():
        if leaf.endswith("position/conv/kernel"):
            np.testing.assert_allclose(values, expected[leaf], rtol=1e-6, atol=1e-9)
        else:
            np.testing.assert_array_equal(values, expected[leaf])


@pytest.mark.parametrize("writer", [zip_file, legacy_file])
def test_containers_of_torch(variables, tmp_path, writer):
    state = state_dict(variables)
    expected = converted(publish(tmp_path / "a", state), tmp_path / "from_safetensors")
    found = converted(publish(tmp_path / "b", state, file="pytorch_model.bin", writer=writer), tmp_path / "from_torch")
    assert found.sums == expected.sums


def test_a_file_with_its_configuration_beside_it(variables, tmp_path):
    folder = publish(tmp_path / "source", state_dict(variables), file="weights.safetensors")
    assert converted(folder / "weights.safetensors", tmp_path / "out").parts["wav2vec2"].file == "weights.safetensors"


def test_half_precision_becomes_float32(variables, tmp_path):
    state = {key: values.astype(np.float16) for key, values in state_dict(variables).items()}
    found = converted(publish(tmp_path / "source", state), tmp_path / "out").variables("wav2vec2")
    for leaf, values in flatten(found).items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, flatten(variables)[leaf], rtol=2e-3, atol=1e-3)


def test_what_is_exported_is_read_again(variables, tmp_path):
    """There the positional convolution is a plain kernel."""
    source = publish(tmp_path / "source", to_published(PART, variables))
    found = converted(source, tmp_path / "out").variables("wav2vec2")
    assert all(np.array_equal(values, flatten(variables)[leaf]) for leaf, values in flatten(found).items())


def test_a_hubert(variables, tmp_path):
    config = {**CONFIG, "model_type": "hubert", "feat_proj_layer_norm": False, "conv_pos_batch_norm": False}
    state = {key: x for key, x in state_dict(variables).items() if "feature_projection.layer_norm" not in key}
    found = converted(publish(tmp_path / "source", state, config, {"do_normalize": False}), tmp_path / "out").config
    assert found.name == "hubert"
    assert not found.wav2vec2.projection_norm
    assert not found.wav2vec2.normalise


@pytest.mark.parametrize("lost", [OLD, OLD[:1], OLD[1:]], ids=["both", "length", "direction"])
def test_without_the_positional_convolution(variables, tmp_path, lost):
    state = {key: values for key, values in state_dict(variables).items() if key not in lost}
    sentence = refused(publish(tmp_path / "source", state), tmp_path)
    assert "lacks the positional convolution" in sentence
    assert OLD[0] in sentence


def test_the_positional_convolution_twice(variables, tmp_path):
    state = state_dict(variables, OLD) | state_dict(variables, NEW)
    assert "positional convolution twice" in refused(publish(tmp_path / "source", state), tmp_path)


def test_tensors_twice_or_unknown_or_lost(variables, tmp_path):
    state = state_dict(variables)
    twice = state | {"wav2vec2.encoder.layer_norm.bias": state["encoder.layer_norm.bias"]}
    assert "with and without a prefix" in refused(publish(tmp_path / "a", twice), tmp_path)
    del state["encoder.layers.1.attention.q_proj.bias"]
    sentence = refused(publish(tmp_path / "b", state | {"encoder.adapter.weight": np.ones(3, np.float32)}), tmp_path)
    assert "encoder.adapter.weight is not expected" in sentence
    assert "encoder.layers.1.attention.q_proj.bias is missing" in sentence


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({OLD[0]: np.ones((1, 16, 8), np.float32)}, "no weight norm"),
        ({OLD[1]: np.zeros((16, 4, 8), np.float32)}, "not finite"),
        ({OLD[1]: np.ones((16, 4, 8), np.int32)}, "expected floating point"),
    ],
)
def test_a_weight_norm_that_is_none(variables, tmp_path, change, message):
    assert message in refused(publish(tmp_path / "source", state_dict(variables) | change), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"add_adapter": True}, "add_adapter = True"),
        ({"adapter_attn_dim": 16}, "adapter_attn_dim = 16"),
        ({"conv_pos_batch_norm": True}, "conv_pos_batch_norm = True"),
        ({"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ({"model_type": "wavlm"}, "type 'wavlm'"),
        ({"hidden_size": "16"}, "width"),
        ({"num_attention_heads": 3}, "divided by heads"),
        ({"feat_extract_norm": "batch"}, "conv_norm"),
        ({"hidden_size": 32}, "has shape"),
    ],
)
def test_configurations_of_other_networks(variables, tmp_path, change, message):
    source = publish(tmp_path / "source", state_dict(variables), {**CONFIG, **change})
    assert message in refused(source, tmp_path)


def test_fairseq_is_refused_by_name(tmp_path):
    state = {"encoder.layers.0.self_attn.k_proj.weight": np.ones((4, 4), np.float32)}
    folder = publish(tmp_path / "source", state, file="chinese-hubert-base-fairseq-ckpt.pt", writer=zip_file)
    assert "fairseq" in refused(folder, tmp_path)
    assert "fairseq" in refused(folder / "chinese-hubert-base-fairseq-ckpt.pt", tmp_path)
    assert "fairseq" in refused(publish(tmp_path / "renamed", state), tmp_path)


def test_files_that_are_missing(variables, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no model.safetensors or pytorch_model.bin" in refused(tmp_path / "empty", tmp_path)
    assert "no config.json" in refused(publish(tmp_path / "bare", state_dict(variables), config=None), tmp_path)
    other = publish(tmp_path / "rate", state_dict(variables), preprocessor={"sampling_rate": 8000})
    assert "8000 samples a second" in refused(other, tmp_path)


def run(*arguments):
    return CliRunner().invoke(wav2vec2.main, list(map(str, arguments)))


def test_the_command(variables, tmp_path):
    state = state_dict(variables, prefix="wav2vec2.") | {"lm_head.bias": np.ones(32, np.float32)}
    arguments = ("--source", publish(tmp_path / "source", state), "--out", tmp_path / "out")
    first, again, replaced = run(*arguments), run(*arguments), run(*arguments, "--overwrite")
    assert first.exit_code == replaced.exit_code == 0, first.output
    assert "not used: 1 lm_head.*" in first.output
    assert "wav2vec2 of 2 layers, 16 numbers a row" in first.output
    assert again.exit_code == 2
    assert "--overwrite" in again.output


def test_other_commands_say_which_reads_it(tmp_path):
    arguments = ["--source", str(tmp_path), "--out", str(tmp_path / "out"), "--system", "wav2vec2", "--config", "base"]
    answer = CliRunner().invoke(official.main, arguments)
    assert answer.exit_code == 2
    assert "python -m convert.wav2vec2" in answer.output
