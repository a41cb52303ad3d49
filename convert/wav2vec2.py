"""`python -m convert.wav2vec2`: Wav2Vec2 and HuBERT in the layout of Hugging Face -> a directory for the package.

from kdtalker_jax.features.wav2vec2 import Wav2Vec2Features

features = Wav2Vec2Features.load("checkpoints/wav2vec2")
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from convert.layers import layer, layer_norm, linear
from convert.network import to_variables
from convert.rules import Table, Transform, as_wildcard
from convert.weights_file import Tensor, read_weights
from kdtalker_jax.cli import Command, result
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.records import from_json, read_json
from kdtalker_jax.sums import sha256
from kdtalker_jax.systems import find_system

FILES = ("model.safetensors", "pytorch_model.bin")  # in the order in which they are looked for
LICENCES = "Its licence is its publisher's: facebook/wav2vec2-base-960h and hubert-base-ls960 are under Apache-2.0."

_POSITION = "encoder.pos_conv_embed.conv"
_LAYER = "encoder.layers.{i}"
_ATTENTION = tuple(
    rule
    for key, path in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("out_proj", "out"))
    for rule in linear(f"{_LAYER}.attention.{key}", f"layer_{{i}}/attention/{path}")
)
WAV2VEC2 = Table(
    "pytorch_model",
    (
        *layer("feature_extractor.conv_layers.{i}.conv", "conv_{i}/conv", Transform.CONV1D),
        *layer_norm("feature_extractor.conv_layers.{i}.layer_norm", "conv_{i}/norm"),
        *layer_norm("feature_projection.layer_norm", "projection_norm"),
        *linear("feature_projection.projection", "projection"),
        *layer(_POSITION, "position/conv", Transform.CONV1D),
        *layer_norm("encoder.layer_norm", "norm"),
        *_ATTENTION,
        *layer_norm(f"{_LAYER}.layer_norm", "layer_{i}/attention_norm"),
        *linear(f"{_LAYER}.feed_forward.intermediate_dense", "layer_{i}/inner"),
        *linear(f"{_LAYER}.feed_forward.output_dense", "layer_{i}/outer"),
        *layer_norm(f"{_LAYER}.final_layer_norm", "layer_{i}/outer_norm"),
    ),
    # Masks of training, the head that spells, and what pre-training compares with.
    unused=(
        "masked_spec_embed",
        "mask_time_emb_vector",
        "lm_head.*",
        "quantizer.*",
        "project_q.*",
        "project_hid.*",
        "final_proj.*",
    ),
    suffix=".bin",
)

# Names of the weight norm of the positional convolution, of PyTorch before and since 2.0: its length, its direction.
WEIGHT_NORMS = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))
PREFIXES = ("wav2vec2.", "hubert.")
_OF_FAIRSEQ = (".self_attn.", ".fc1.", "post_extract_proj.")

# What config.json says -> the sizes.
_SIZES = {
    "conv_dim": "conv_widths",
    "conv_kernel": "conv_kernels",
    "conv_stride": "conv_strides",
    "feat_extract_norm": "conv_norm",
    "conv_bias": "conv_bias",
    "hidden_size": "width",
    "num_conv_pos_embeddings": "position_kernel",
    "num_conv_pos_embedding_groups": "position_groups",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "inner",
    "do_stable_layer_norm": "pre_norm",
    "layer_norm_eps": "epsilon",
}
# What it may not say otherwise, as nothing here computes that.
_FIXED = {
    "add_adapter": (False, None),
    "adapter_attn_dim": (None,),
    "conv_pos_batch_norm": (False, None),
    "hidden_act": ("gelu",),
    "feat_extract_activation": ("gelu",),
}
_KINDS = ("wav2vec2", "hubert")


@dataclass(frozen=True)
class WeightNormed:
    """The kernel (O, I, K) = g v / |v|, the length of v over all but the last axis; computed when it is asked for."""

    g: Tensor
    v: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.v.shape

    def numpy(self) -> np.ndarray:
        g, v = self.g.numpy(), self.v.numpy()
        for values in (g, v):
            if values.dtype.kind in "iub":
                return values  # refused like any other tensor of whole numbers
        g, v = g.astype(np.float64), v.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):  # a direction of length 0 is found not to be finite
            return (g * v / np.sqrt((v**2).sum(axis=(0, 1), keepdims=True))).astype(np.float32)


@click.command(cls=Command)
@click.option(
    "--source", required=True, type=click.Path(path_type=Path), help="Downloaded folder, or a weights file in one."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; made if it is not there.")
@click.option("--overwrite", is_flag=True, help="Replace what the folder has already.")
def main(source: Path, out: Path, overwrite: bool) -> None:
    """Convert a Wav2Vec2 or HuBERT encoder, once, into a folder for Wav2Vec2Features.load.

    SOURCE is a folder as it is published (config.json, preprocessor_config.json, model.safetensors or
    pytorch_model.bin), or one of its weights files, with config.json beside it.
    PyTorch is not needed, and no code in the files is run.
    """
    file, config, line = convert(source, out, overwrite)
    sizes = config.wav2vec2
    kind = f"{config.name} of {sizes.layers} layers, {sizes.width} numbers a row"
    result(f"{line}\n{LICENCES}\n{out} has a {kind}", output=out, source=file, width=sizes.width, layers=sizes.layers)


def convert(source: Path, out: Path, overwrite: bool = False) -> tuple[Path, ModelConfig, str]:
    """Converts a folder or file into the checkpoint `out`, or leaves `out` as it was.

    Returns:
        The weights file, the model's configuration, and what has been done, in a line.

    Raises:
        CheckpointError: a file is missing, damaged or not the right one.
        OutputError: `out` cannot be written, holds something else, or holds such a model already.
    """
    from kdtalker_jax.checkpoints import Origin, checkpoint_writer

    file = weights_file(source)
    config = read_config(file.parent)
    tensors, unused = encoder_of(read_weights(file), file)
    part = find_system(config.system).parts["wav2vec2"]
    with checkpoint_writer(out, config, [part.name], overwrite=overwrite) as writer:
        writer.add(part.name, to_variables(part, tensors, config, file), Origin(file.name, sha256(file)))
    listed = f"; not used: {', '.join(unused)}" if unused else ""
    return file, config, f"{part.name}: {len(tensors)} tensors of {file}{listed}"


def weights_file(source: Path) -> Path:
    """The file that holds the weights. Raises CheckpointError where there is none, or one of another naming."""
    if source.is_dir():
        found = [source / name for name in FILES if (source / name).is_file()]
        if not found:
            others = sorted(path.name for path in source.glob("*fairseq*"))
            beside = f"; {others[0]} is of fairseq, whose names are others" if others else ""
            raise CheckpointError(f"{source} has no {' or '.join(FILES)}{beside}: download one of these")
        return found[0]
    if "fairseq" in source.name:
        raise _of_fairseq(source)
    return source


def read_config(folder: Path) -> ModelConfig:
    """The configuration that config.json and preprocessor_config.json amount to; what is not said is as in base models.

    Raises:
        CheckpointError: config.json is missing, one is damaged, or of a network that is none of these.
    """
    path, system = folder / "config.json", find_system("wav2vec2")
    content = _read(path, f"{folder} has no config.json, which says what sizes the network has: download it as well")
    kind = content.get("model_type")
    if kind not in _KINDS:
        raise CheckpointError(f"{path} is of a model of type {kind!r}, not {' or '.join(_KINDS)}")
    for name, allowed in _FIXED.items():
        if content.get(name, allowed[0]) not in allowed:
            raise CheckpointError(f"{path} has {name} = {content[name]!r}, which is not supported")
    sizes = {field: content[name] for name, field in _SIZES.items() if name in content}
    if kind == "hubert" and "feat_proj_layer_norm" in content:
        sizes["projection_norm"] = content["feat_proj_layer_norm"]
    sizes["normalise"] = _normalises(folder / "preprocessor_config.json")
    kind_of_sizes = system.sections["wav2vec2"]
    try:
        section = from_json(kind_of_sizes, {**_as_json(kind_of_sizes()), **sizes}, "sizes")
        config = ModelConfig(kind, system.name, {"wav2vec2": section, "hearing": system.sections["hearing"]()})
        for family in system.members:
            family.check(config)
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged, or of another network ({error}): download it again") from error
    return config


def encoder_of(tensors: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of the encoder without prefix, weight norms as kernels, and how many others there are, by name.

    Raises:
        CheckpointError: the positional convolution is missing or there twice, or the names are those of fairseq.
    """
    if any(part in key for part in _OF_FAIRSEQ for key in tensors):
        raise _of_fairseq(path)
    encoder: dict[str, Tensor] = {}
    unused: dict[str, int] = {}
    for key, tensor in tensors.items():
        name = _without_prefix(key)
        if pattern := WAV2VEC2.is_unused(name):
            unused[as_wildcard(pattern)] = unused.get(as_wildcard(pattern), 0) + 1
        elif name in encoder:
            raise CheckpointError(f"{path} has {name} twice, with and without a prefix")
        else:
            encoder[name] = tensor
    return _with_kernel(encoder, path), [f"{count} {pattern}" for pattern, count in unused.items()]


def _with_kernel(encoder: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """With the positional convolution's kernel in place of its weight norm."""
    pairs = [tuple(f"{_POSITION}.{name}" for name in pair) for pair in WEIGHT_NORMS]
    there = [keys for keys in (*pairs, (f"{_POSITION}.weight",)) if all(key in encoder for key in keys)]
    if not there:
        wanted = ", or ".join(" and ".join(keys) for keys in pairs)
        raise CheckpointError(
            f"{path} lacks the positional convolution ({wanted}), without which features are noise: take a whole file"
        )
    if len(there) > 1:
        raise CheckpointError(f"{path} has the positional convolution twice, as {there[0][0]} and {there[1][0]}")
    keys = there[0]
    if len(keys) == 1:
        return encoder
    g, v = (encoder[key] for key in keys)
    if len(v.shape) != 3 or g.shape != (1, 1, v.shape[2]):
        raise CheckpointError(f"{path} is damaged: {keys[0]} of shape {g.shape} is no weight norm of {v.shape}")
    rest = {key: tensor for key, tensor in encoder.items() if key not in keys}
    return {**rest, f"{_POSITION}.weight": WeightNormed(g, v)}


def _without_prefix(key: str) -> str:
    return next((key.removeprefix(prefix) for prefix in PREFIXES if key.startswith(prefix)), key)


def _of_fairseq(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is a checkpoint of fairseq, whose names are others: take {' or '.join(FILES)} of the same model"
    )


def _normalises(path: Path) -> bool:
    """Whether waveforms are normalised. Raises CheckpointError for another rate than 16 kHz."""
    if not path.is_file():
        return True
    content = _read(path, "")
    if content.get("sampling_rate", SAMPLE_RATE) != SAMPLE_RATE:
        raise CheckpointError(
            f"{path} is of a model for {content['sampling_rate']} samples a second, not {SAMPLE_RATE}"
        )
    value = content.get("do_normalize", True)
    if not isinstance(value, bool):
        raise CheckpointError(f"{path} is damaged (do_normalize is {value!r}): download it again")
    return value


def _as_json(record: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON has them."""
    return json.loads(json.dumps(asdict(record)))


def _read(path: Path, missing: str) -> dict[str, Any]:
    try:
        return read_json(path)
    except FileNotFoundError as error:
        raise CheckpointError(missing) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged ({error}): download it again") from error


if __name__ == "__main__":
    main()
