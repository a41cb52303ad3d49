"""NumPy's archives are read as untrusted input: as arrays that are whole, or not at all."""

import io
import zipfile

import numpy as np
import pytest

from convert.weights_file import read_weights
from kdtalker_jax.errors import CheckpointError

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "one": np.float32(3), "none": np.zeros((0, 2))}


def npy(array, **options) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **options)
    return stream.getvalue()


def archive(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def test_what_numpy_writes_is_read(tmp_path):
    arrays = ARRAYS | {"fortran": np.asfortranarray(ARRAYS["a.weight"]), "half": np.ones(3, np.float16)}
    np.savez(tmp_path / "x.npz", **arrays)
    tensors = read_weights(tmp_path / "x.npz")
    assert {name: tensor.shape for name, tensor in tensors.items()} == {name: x.shape for name, x in arrays.items()}
    for name, x in arrays.items():
        np.testing.assert_array_equal(tensors[name].numpy(), x)
        assert tensors[name].numpy().dtype == x.dtype


def header(shape) -> bytes:
    return npy(np.zeros(2, np.float32)).replace(b"(2,)", shape)


WRONG = {
    "objects": (npy(np.array([{}]), allow_pickle=True), "holds pickled objects"),
    "no header": (b"nothing", "header of 'a'"),
    "cut short": (npy(np.zeros(9, np.float32))[:-4], "has 32 of 36 bytes"),
    "too long": (npy(np.zeros(9, np.float32)) + b"\0", "has 37 of 36 bytes"),
    "huge": (header(b"(9223372036854775807, 9223372036854775807,)"), "header of 'a'|bytes"),
    "negative": (header(b"(-2,)"), "header of 'a'|bytes"),
    "no end of a bracket": (header(b"(3, 4("), "header of 'a'"),
    "code": (header(b"(exit(),)"), "header of 'a'"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_it_never_writes_is_refused(tmp_path, content, message):
    path = archive(tmp_path / "x.npz", {"a.npy": content})
    with pytest.raises(CheckpointError, match=message) as error:
        read_weights(path)
    assert str(path) in str(error.value)


def test_compressed_archives_are_refused(tmp_path):
    """They might unfold to any size."""
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(1 << 20))
    with pytest.raises(CheckpointError, match=r"holds compressed or encrypted entries"):
        read_weights(tmp_path / "x.npz")


def test_damage_is_noticed(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(100, np.float32))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[300] ^= 1  # among the values
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is damaged \(checksum of a\)"):
        read_weights(tmp_path / "x.npz")["a"].numpy()
    (tmp_path / "x.npz").write_bytes(content[:-30])
    with pytest.raises(CheckpointError, match=r"is a numpy\.savez file whose end is missing"):
        read_weights(tmp_path / "x.npz")
