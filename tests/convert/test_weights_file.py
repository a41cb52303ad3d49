"""Whatever lies under the name of a checkpoint is read, or described in one clear error that names it."""

import gzip
import json
import os
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from convert.weights_file import read_weights
from kdtalker_jax.errors import CheckpointError
from tests.convert.torch_writer import legacy_file, write, zip_file

STATE = {"a.weight": np.ones((2, 3), np.float32), "a.bias": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    "content",
    [STATE, {"model": STATE, "epoch": 3, "optimizer": {}}, {"state_dict": STATE, "global_step": 1}],
    ids=["bare", "training checkpoint", "state_dict"],
)
@pytest.mark.parametrize("container", [zip_file, legacy_file])
def test_the_state_dict_is_found_wherever_it_lies(tmp_path, content, container):
    tensors = read_weights(write(tmp_path / "x.pth", container(content)))
    assert {key: tensor.shape for key, tensor in tensors.items()} == {"a.weight": (2, 3), "a.bias": (2,)}
    assert np.array_equal(tensors["a.weight"].numpy(), STATE["a.weight"])


def test_dictionaries_of_state_dicts_are_joined(tmp_path):
    tensors = read_weights(write(tmp_path / "x.pth", zip_file({"one": STATE, "two": STATE})))
    assert set(tensors) == {"one.a.weight", "one.a.bias", "two.a.weight", "two.a.bias"}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_safetensors_are_told_by_their_content(tmp_path, suffix):
    state = STATE | {"half": np.ones(3, ml_dtypes.bfloat16)}
    save_file(state, tmp_path / f"x{suffix}")
    tensors = read_weights(tmp_path / f"x{suffix}")
    assert {key: tensor.shape for key, tensor in tensors.items()} == {key: x.shape for key, x in state.items()}
    assert all(np.array_equal(tensors[key].numpy(), x) for key, x in state.items())


def test_a_type_that_numpy_lacks_is_an_error_not_a_crash(tmp_path):
    header = json.dumps({"a": {"dtype": "F8_E5M2", "shape": [4], "data_offsets": [0, 4]}}).encode()
    path = write(tmp_path / "x.safetensors", struct.pack("<Q", len(header)) + header + b"\0" * 4)
    with pytest.raises(CheckpointError, match="holds a tensor that cannot be read, a"):
        read_weights(path)["a"].numpy()


WRONG = {
    "empty": (b"", "is empty: download it again"),
    "page": (b"<!DOCTYPE html><html>Not found</html>", "is a web page"),
    "page after a blank": (b"\n  <html>", "is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "is a Git LFS pointer"),
    "message": (b"Entry not found", "is a text file, not a checkpoint: it begins with 'Entry not found'"),
    "gzip": (gzip.compress(b"x"), "is a gzip archive"),
    "tar": (b"\0" * 257 + b"ustar\0" + b"\0" * 250, "is a tar archive"),
    "noise": (bytes(range(250, 256)) * 20, "begins with the bytes fa fb fc"),
    "safetensors cut short": (b"\xff\0\0\0\0\0\0\0{", "is a damaged safetensors file"),
    "no tensors": (zip_file({"epoch": 3}), "holds no weights"),
    "a number": (legacy_file(5), "holds no weights"),
    "a list of tensors": (zip_file([np.ones(3, np.float32)]), "holds no weights"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_other_files_are_described(tmp_path, content, message):
    path = write(tmp_path / "KDTalker.pth", content)
    with pytest.raises(CheckpointError) as error:
        read_weights(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_described(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "folder.pth").mkdir()
    for name, message in (("pipe", "not a regular file"), ("folder", "is a folder"), ("absent", "cannot be read")):
        with pytest.raises(CheckpointError, match=rf"{name}\.pth .*{message}"):
            read_weights(tmp_path / f"{name}.pth")
