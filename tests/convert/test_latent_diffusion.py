"""Published checkpoints of latent diffusion, in every form that they have, become one model; others are refused."""

import dataclasses
import io

import jax
import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from configs.latent import SMALL
from convert import latent_diffusion
from convert.export import export
from convert.latent_layout import contents_of
from convert.network import to_published
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent.parts import PARTS, UNET
from tests.convert.torch_writer import call, instance, legacy_file, write, zip_file

SCHEDULE = {name: np.zeros(10, np.float32) for name in ("betas", "alphas_cumprod", "alphas_cumprod_prev", "logvar")}
# Narrow, of sizes that have no name, so that all of it is read from shapes; 32 groups and heads of 32 no shape tells.
NARROW = SMALL.replace(
    "custom",
    autoencoder=dataclasses.replace(SMALL.autoencoder, multipliers=(1, 3), codes=20, latent_channels=4),
    unet=dataclasses.replace(
        SMALL.unet, multipliers=(1, 2), blocks=1, attention=(2,), head_width=32, conditions=4, channels=3
    ),
)


@pytest.fixture(scope="module")
def variables():
    return {part.name: random_variables(part.name, NARROW) for part in PARTS}


@pytest.fixture(scope="module")
def states(variables):
    """Of each network alone."""
    return {part.name: to_published(part, variables[part.name]) for part in PARTS}


@pytest.fixture
def whole(states):
    """The state dict of the whole model."""
    unet = {f"model.diffusion_model.{key}": x for key, x in states["unet"].items()}
    return SCHEDULE | unet | {f"first_stage_model.{key}": x for key, x in states["autoencoder"].items()}


def averages(state):
    average = {"model_ema.diffusion_model" + key.replace(".", ""): x for key, x in state.items()}
    return average | {"model_ema.decay": np.float32(0.9999), "model_ema.num_updates": np.array(7, np.int32)}


def lightning(state):
    """As PyTorch Lightning writes it, with a class of its own among the keys."""
    callback = instance("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint", {})
    return {"state_dict": state, "epoch": 3, "callbacks": [callback], "optimizer_states": []}


def convert(source, out, *more):
    """Returns what is said."""
    arguments = ["--source", str(source), "--out", str(out), *map(str, more)]
    result = CliRunner().invoke(latent_diffusion.main, arguments)
    if result.exit_code not in (0, 2):
        raise result.exception
    assert (result.exit_code == 0) == out.exists(), result.output
    return result.output


def assert_has(out, variables, *names):
    checkpoint = load_checkpoint(out)
    assert checkpoint.available == (names or ("autoencoder", "unet"))
    for name in checkpoint.available:
        assert jax.tree.structure(checkpoint.variables(name)) == jax.tree.structure(variables[name])
        pairs = zip(jax.tree.leaves(checkpoint.variables(name)), jax.tree.leaves(variables[name]), strict=True)
        assert all(np.array_equal(x, y) for x, y in pairs)
        assert checkpoint.config.sections[name] == NARROW.sections[name]


def as_npz(path, state):
    np.savez(path, **state)


FORMS = {
    "bare.ckpt": lambda path, state: write(path, zip_file(state)),
    "lightning.ckpt": lambda path, state: write(path, zip_file(lightning(state))),
    "old.pth": lambda path, state: write(path, legacy_file(lightning(state))),
    "x.safetensors": lambda path, state: save_file(state, path),
    "x.npz": as_npz,
}


@pytest.mark.parametrize(("name", "save"), FORMS.items(), ids=FORMS)
def test_the_whole_model_in_every_form(whole, variables, tmp_path, name, save):
    save(tmp_path / name, whole)
    said = convert(tmp_path / name, tmp_path / "out")
    assert_has(tmp_path / "out", variables)
    assert f"unet: {len(jax.tree.leaves(variables['unet']))} tensors of {name}; not used: 1 " in said
    assert "1 betas" in said
    assert said.endswith("has autoencoder and unet\n")


def test_networks_alone_in_a_folder(states, variables, tmp_path):
    folder = tmp_path / "models"
    as_npz(write(folder / "first_stage" / "vq.npz", b""), states["autoencoder"] | {"loss.logvar": np.zeros(1)})
    save_file({f"diffusion_model.{key}": x for key, x in states["unet"].items()}, folder / "unet.safetensors")
    (folder / "readme.txt").write_text("no weights")
    said = convert(folder, tmp_path / "out")
    assert "autoencoder: " in said and "first_stage/vq.npz; not used: 1 loss.*" in said
    assert_has(tmp_path / "out", variables)


def test_one_part_alone(states, variables, tmp_path):
    as_npz(tmp_path / "x.npz", states["autoencoder"])
    assert convert(tmp_path / "x.npz", tmp_path / "out").endswith("out has autoencoder\n")
    assert_has(tmp_path / "out", variables, "autoencoder")
    with pytest.raises(CheckpointError, match=r"lacks unet: add with 'python -m convert\.latent_diffusion"):
        load_checkpoint(tmp_path / "out").require("unet")


def test_the_autoencoder_of_the_whole_model_is_the_one_it_was_trained_with(whole, states, variables, tmp_path):
    as_npz(tmp_path / "ldm.npz", whole)
    as_npz(tmp_path / "autoencoder.npz", {key: 2 * x for key, x in states["autoencoder"].items()})
    convert(tmp_path, tmp_path / "out")
    assert_has(tmp_path / "out", variables)


def test_the_average_is_preferred(whole, states, variables, tmp_path):
    trained_last = {key: 2 * x if key.startswith("model.diffusion_model.") else x for key, x in whole.items()}
    as_npz(tmp_path / "x.npz", trained_last | averages(states["unet"]))
    said = convert(tmp_path / "x.npz", tmp_path / "out")
    assert f"{len(states['unet'])} model.diffusion_model.*, of which the average is taken" in said
    assert_has(tmp_path / "out", variables)


def test_the_average_alone(states, variables, tmp_path):
    as_npz(tmp_path / "x.npz", averages(states["unet"]))
    convert(tmp_path / "x.npz", tmp_path / "out")
    assert_has(tmp_path / "out", variables, "unet")


def test_names_without_dots_are_told_apart():
    """Blocks 1 and 11, and 10: of the published size, without its weights."""
    shapes = UNET.shapes(SMALL.replace(unet=type(SMALL.unet)()))
    zeros = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), shapes)
    keys = [key for key, _ in _published_keys(zeros)]
    flat = {"model_ema.diffusion_model" + key.replace(".", ""): np.zeros(1) for key in keys}
    assert len(flat) == len(keys)
    assert sorted(contents_of(flat, None).parts["unet"]) == sorted(keys)


def _published_keys(variables):
    from convert.latent import UNET as TABLE
    from convert.rules import flatten

    return [TABLE.published(path) for path in flatten(variables)]


def test_a_narrower_first_kernel_is_filled_with_zeros(states, variables, tmp_path):
    first = states["unet"]["input_blocks.0.0.weight"]
    as_npz(tmp_path / "x.npz", states["unet"] | {"input_blocks.0.0.weight": first[:, :3]})
    said = convert(tmp_path / "x.npz", tmp_path / "out")
    assert "its first kernel takes 3 channels, and is filled with zeros for 15" in said
    kernel = load_checkpoint(tmp_path / "out").variables("unet")["params"]["input_0"]["kernel"]
    assert kernel.shape == (3, 3, 15, 32)
    np.testing.assert_array_equal(kernel[:, :, :3], variables["unet"]["params"]["input_0"]["kernel"][:, :, :3])
    assert not kernel[:, :, 3:].any()


def test_what_no_shape_tells_can_be_said(states, tmp_path):
    as_npz(tmp_path / "x.npz", states["unet"])
    convert(tmp_path / "x.npz", tmp_path / "out", "--head_width", 16)
    assert load_checkpoint(tmp_path / "out").config.unet.head_width == 16
    said = convert(tmp_path / "x.npz", tmp_path / "other", "--head_width", 24)
    assert "attention over 64 channels, which are not heads of 24: say how wide its heads are with --head_width" in said


def test_what_is_exported_is_read_again(whole, variables, tmp_path):
    as_npz(tmp_path / "x.npz", whole)
    convert(tmp_path / "x.npz", tmp_path / "out")
    assert len(export(tmp_path / "out", tmp_path / "exported")) == 2
    convert(tmp_path / "exported", tmp_path / "again")
    assert_has(tmp_path / "again", variables)


def wrong_kernel(state):
    return state | {"model.diffusion_model.middle_block.1.qkv.weight": np.zeros((192, 63, 1), np.float32)}


def without(key):
    return lambda state: {name: x for name, x in state.items() if name != key}


CHANGES = {
    "missing": (without("model.diffusion_model.out.2.bias"), "out.2.bias is missing"),
    "missing size": (without("first_stage_model.quantize.embedding.weight"), "quantize.embedding.weight is missing"),
    "shape": (wrong_kernel, "middle_block.1.qkv.weight has shape (192, 63, 1), expected (192, 64, 1)"),
    "more": (lambda state: state | {"model.diffusion_model.out.7.x": np.zeros(1)}, "out.7.x is not expected"),
    "cross-attention": (
        lambda state: state | {"cond_stage_model.w": np.zeros(1)},
        "cond_stage_model.w is not expected",
    ),
    "half an average": (
        lambda state: state | {"model_ema.diffusion_modelout2bias": np.zeros(3, np.float32)},
        "is missing",
    ),
    "an average of something": (
        lambda state: state | {"model_ema.diffusion_modelsomething": np.zeros(3)},
        "model_ema.diffusion_modelsomething, which is not expected",
    ),
    "twice": (lambda state: state | {"out.2.bias": np.zeros(3)}, "has unet twice"),
    "not finite": (
        lambda state: state | {"first_stage_model.quant_conv.bias": np.full(3, np.nan, np.float32)},
        "quant_conv.bias holds values that are not finite",
    ),
    "odd sizes": (
        lambda state: state | {"first_stage_model.encoder.conv_in.weight": np.zeros((33, 3, 3, 3), np.float32)},
        "channels are not multiples of 33",
    ),
    "no groups": (
        lambda state: state | {"first_stage_model.encoder.conv_in.weight": np.zeros((16, 3, 3, 3), np.float32)},
        "of sizes that no network has",
    ),
    "another model": (lambda state: {"a.weight": np.zeros(1)}, "holds neither an autoencoder nor a U-Net"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_other_files_are_refused_with_what_is_wrong(whole, tmp_path, change, message):
    as_npz(tmp_path / "x.npz", change(whole))
    said = convert(tmp_path / "x.npz", tmp_path / "out")
    assert message in said, said
    assert not list(tmp_path.glob(".kdtalker*"))


def test_hostile_files_run_nothing(whole, tmp_path):
    content = lightning(whole) | {"callbacks": call("os", "system", f"touch {tmp_path / 'ran'}")}
    write(tmp_path / "ldm.ckpt", zip_file(content))
    for source in (tmp_path / "ldm.ckpt", tmp_path):
        assert "asks for 'os.system'" in convert(source, tmp_path / "out")
    assert not (tmp_path / "ran").exists()
    stream = io.BytesIO()
    np.savez(stream, **{"quant_conv.bias": np.array([{}], dtype=object)})
    assert "holds pickled objects" in convert(write(tmp_path / "x.npz", stream.getvalue()), tmp_path / "out")


def test_of_several_files_one_has_to_be_named(whole, tmp_path):
    as_npz(tmp_path / "first.npz", whole)
    as_npz(tmp_path / "last.npz", whole)
    said = convert(tmp_path, tmp_path / "out")
    assert "There are several files with unet" in said and "name one of them as --source" in said
    (tmp_path / "last.npz").rename(tmp_path / "first.ckpt")  # the same but for the suffix: either may be read
    assert "has autoencoder and unet" in convert(tmp_path, tmp_path / "out")


def test_folders_without_checkpoints_are_described(tmp_path):
    assert "holds no files that end in .ckpt" in convert(tmp_path, tmp_path / "out")
    assert "cannot be read" in convert(tmp_path / "absent", tmp_path / "out")
