"""Both containers of `torch.save` are read bit for bit, and no file raises anything but CheckpointError."""

import io
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.torch_file import LazyTensor, read_torch_file
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.pickles import Stub
from tests.convert.torch_writer import (
    STORAGES,
    Raw,
    View,
    call,
    global_,
    instance,
    legacy_file,
    pickled,
    write,
    zip_file,
)

CONTAINERS = pytest.mark.parametrize("container", [zip_file, legacy_file])


def values(dtype: np.dtype, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)


def assert_same(tensor: LazyTensor, expected: np.ndarray) -> None:
    actual = tensor.numpy()
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape == tensor.shape
    assert actual.tobytes() == expected.tobytes()
    assert not actual.flags.writeable


@CONTAINERS
def test_every_type_comes_back_bit_for_bit(tmp_path, container):
    arrays = {str(dtype): values(dtype, 2, 3) for dtype in STORAGES}
    arrays["scalar"], arrays["empty"] = np.array(7, np.int64), np.zeros((0, 3), np.float32)
    content = read_torch_file(write(tmp_path / "file.pth", container({"model": arrays})))
    for name, array in arrays.items():
        assert_same(content["model"][name], array)


@CONTAINERS
def test_views_of_one_storage(tmp_path, container):
    base = values(np.dtype(np.float32), 24)
    views = {
        "transposed": (View(base, 0, (4, 6), (1, 4)), base.reshape(6, 4).T),
        "part": (View(base, 10, (3,), (1,)), base[10:13]),
        "every other": (View(base, 1, (4,), (2,)), base[1:9:2]),
        "expanded": (View(base, 5, (3, 2), (0, 0)), np.broadcast_to(base[5], (3, 2))),
        "overlapping": (View(base, 0, (3, 3), (1, 1)), np.lib.stride_tricks.sliding_window_view(base[:5], 3)),
    }
    content = read_torch_file(write(tmp_path / "file.pth", container({k: view for k, (view, _) in views.items()})))
    for name, (_, expected) in views.items():
        assert_same(content[name], expected)
    assert len({id(tensor.storage) for tensor in content.values()}) == 1


@CONTAINERS
def test_the_configuration_of_an_absent_class_is_passed_over(tmp_path, container):
    blob = {"cfg": instance("omegaconf.dictconfig", "DictConfig", {"lr": 1.0}), "model": {"a": np.ones(3, np.float32)}}
    content = read_torch_file(write(tmp_path / "KDTalker.pth", container(blob)))
    assert isinstance(content["cfg"], Stub)
    assert_same(content["model"]["a"], np.ones(3, np.float32))


@CONTAINERS
def test_a_malicious_file_does_nothing_and_is_named(tmp_path, container):
    path = write(tmp_path / "evil.pth", container({"model": {}, "cfg": call("os", "system", f"touch {tmp_path}/x")}))
    with pytest.raises(CheckpointError, match=r"evil\.pth asks for 'os\.system'"):
        read_torch_file(path)
    assert [file.name for file in tmp_path.iterdir()] == ["evil.pth"]


@CONTAINERS
def test_a_parameter_is_its_tensor(tmp_path, container):
    array = values(np.dtype(np.float32), 2, 3)
    parameter = call("torch._utils", "_rebuild_parameter", array, True, call("collections", "OrderedDict"))
    assert_same(read_torch_file(write(tmp_path / "a.pth", container([parameter])))[0], array)


def test_parts_of_storages_as_the_oldest_files_have_them(tmp_path):
    base = values(np.dtype(np.float32), 10)
    part = View(base, 1, (3,), (1,), part=("part", 4, 5))
    content = read_torch_file(
        write(tmp_path / "a.pth", legacy_file({"whole": View(base, 0, (10,), (1,)), "part": part}))
    )
    assert_same(content["whole"], base)
    assert_same(content["part"], base[5:8])


LIES = {
    "outside its storage": View(np.zeros(6, np.float32), 3, (4,), (1,)),
    "offset behind its storage": View(np.zeros(6, np.float32), 7, (), ()),
    "strides outside its storage": View(np.zeros(6, np.float32), 0, (2,), (6,)),
    "negative offset": View(np.zeros(6, np.float32), -1, (1,), (1,)),
    "negative stride": View(np.zeros(6, np.float32), 5, (6,), (-1,)),
    "negative size": View(np.zeros(6, np.float32), 0, (-1,), (1,)),
    "absurd size": View(np.zeros(6, np.float32), 0, (2**30, 2**30, 2**30), (0, 0, 0)),
    "absurd stride": View(np.zeros(6, np.float32), 0, (1,), (2**70,)),
    "too many dimensions": View(np.zeros(6, np.float32), 0, (1,) * 70, (0,) * 70),
    "fewer strides than sizes": View(np.zeros(6, np.float32), 0, (1, 1), (1,)),
    "sizes that are text": View(np.zeros(6, np.float32), 0, ("a",), (1,)),
    "shape that is a list": View(np.zeros(6, np.float32), 0, [1], [1]),
    "storage larger than the file": View(np.zeros(6, np.float32), 0, (6,), (1,), claimed_size=2**40),
    "storage of negative size": View(np.zeros(6, np.float32), 0, (0,), (1,), claimed_size=-1),
    "storage that is not in the file": View(np.zeros(6, np.float32), 0, (6,), (1,), claimed_key="9"),
    "storage elsewhere": View(np.zeros(6, np.float32), 0, (6,), (1,), claimed_key="../../../etc/passwd"),
    "storage without a name": View(np.zeros(6, np.float32), 0, (6,), (1,), claimed_key=5),
    "no storage": call("torch._utils", "_rebuild_tensor_v2", None, 0, (1,), (1,)),
    "too few arguments": call("torch._utils", "_rebuild_tensor_v2"),
    "storage of unknown type": Raw(pickled(("storage", Raw(global_("torch", "Tensor")), "0", "cpu", 1))[2:-1] + b"Q"),
    "reference to something else": Raw(pickled(("module", "os"))[2:-1] + b"Q"),
}


@CONTAINERS
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_tensors_that_lie_about_their_storage_are_refused(tmp_path, container, lie):
    with pytest.raises(CheckpointError, match=r"lie\.pth"):
        read_torch_file(write(tmp_path / "lie.pth", container({"a": lie})))


@CONTAINERS
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_a_file_cut_short_says_so(tmp_path, container, share):
    whole = container({"a": values(np.dtype(np.float32), 100), "b": values(np.dtype(np.float32), 100)})
    path = write(tmp_path / "short.pth", whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"short\.pth .*download it again"):
        read_torch_file(path)


def test_a_flipped_bit_is_found_by_its_checksum(tmp_path):
    array = values(np.dtype(np.float32), 100)
    whole = bytearray(zip_file({"a": array}))
    whole[whole.find(array.tobytes()) + 50] ^= 1
    tensor = read_torch_file(write(tmp_path / "bit.pth", bytes(whole)))["a"]
    with pytest.raises(CheckpointError, match=r"bit\.pth is damaged \(checksum"):
        tensor.numpy()


def _zip_of(names: dict[str, bytes], **options) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return file.getvalue()


def _zip_with_large_claim() -> bytes:
    """A central directory by which the storage is 4 GB long."""
    whole = bytearray(zip_file({"a": np.zeros(4, np.float32)}))
    entry = whole.find(b"PK\x01\x02", whole.find(b"PK\x01\x02", whole.find(b"PK\x01\x02") + 1) + 1)
    whole[entry + 20 : entry + 28] = struct.pack("<2I", 2**32 - 2, 2**32 - 2)
    return bytes(whole)


OTHER_ZIPS = {
    "compressed": (zip_file({"a": np.zeros(10**6, np.float32)}, compression=zipfile.ZIP_DEFLATED), "compressed"),
    "zipped download": (_zip_of({"KDTalker.pth": b"x"}), "holds 'KDTalker.pth': unpack it first"),
    "NumPy archive": (_zip_of({"a.npy": b"x"}), "NumPy archive"),
    "documents": (_zip_of({"word/document.xml": b"x"}), "not one that PyTorch wrote"),
    "empty": (b"PK\x03\x04", "end is missing"),
    "program": (_zip_of({"net/data.pkl": pickled(1), "net/constants.pkl": pickled(1)}), "TorchScript"),
    "big-endian": (_zip_of({"a/data.pkl": pickled(1), "a/byteorder": b"big"}), "big-endian"),
}


@pytest.mark.parametrize(("content", "message"), OTHER_ZIPS.values(), ids=OTHER_ZIPS)
def test_other_zip_files_are_told_apart(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message):
        read_torch_file(write(tmp_path / "file.pth", content))


def test_an_entry_that_claims_more_than_the_file_has(tmp_path):
    with pytest.raises(CheckpointError):
        read_torch_file(write(tmp_path / "file.pth", _zip_with_large_claim()))["a"].numpy()


def test_a_legacy_file_of_another_machine_or_maker(tmp_path):
    for content, message in (
        (legacy_file({}, little_endian=False), "big-endian"),
        (pickled({"a": 1}), "PyTorch did not write"),
        (pickled(0x1950A86A20F9469CFC6C) + pickled(2000), "unknown version"),
    ):
        with pytest.raises(CheckpointError, match=message):
            read_torch_file(write(tmp_path / "file.pth", content))


SMALL_FILES = [
    container({"model": {"a": values(np.dtype(np.float32), 3, 2), "b": values(np.dtype(np.int64), 2)}, "epoch": 3})
    for container in (zip_file, legacy_file)
]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(SMALL_FILES))
def test_a_mutated_file_is_read_or_refused_and_nothing_else_is_touched(tmp_path_factory, data, original):
    content = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path = write(tmp_path_factory.mktemp("mutated") / "file.pth", bytes(content) or b"x")
    try:
        _read_all(read_torch_file(path))
    except CheckpointError as error:
        assert str(path) in str(error)
    assert list(path.parent.iterdir()) == [path]
    path.unlink()


def _read_all(content: object) -> None:
    state = content.get("model") if isinstance(content, dict) else None
    for tensor in state.values() if isinstance(state, dict) else ():
        if isinstance(tensor, LazyTensor):
            assert tensor.numpy().shape == tensor.shape


@CONTAINERS
def test_pytorch_reads_what_these_tests_write(tmp_path, container):
    """Keeps the writer of these tests honest."""
    torch = pytest.importorskip("torch", reason="compares with torch.load; install the extra 'torch'")
    array = values(np.dtype(np.float32), 3, 2)
    path = write(tmp_path / "file.pth", container({"model": {"a": array.T}, "epoch": 3}))
    content = torch.load(path, weights_only=True)
    assert content["epoch"] == 3
    assert np.array_equal(content["model"]["a"].numpy(), array.T)


@CONTAINERS
def test_what_pytorch_itself_writes(tmp_path, container):
    torch = pytest.importorskip("torch", reason="compares with torch.save; install the extra 'torch'")
    base = torch.arange(24.0)
    state = {
        "transposed": base.reshape(4, 6).T,
        "part": base[5:9],
        "expanded": base[3].expand(4),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "tied": base,
        "scalar": torch.tensor(3),
        "complex": torch.tensor([1 + 2j]),
    }
    types = ["float64", "float16", "bfloat16", "int32", "int16", "int8", "uint8", "bool"]
    types += ["uint16", "float8_e4m3fn"] if container is zip_file else []
    state |= {name: (base[:5] - 2).abs().to(getattr(torch, name)) for name in types}
    path = tmp_path / "torch.pth"
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=container is zip_file)
    for name, tensor in read_torch_file(path)["state_dict"].items():
        assert_same(tensor, _to_numpy(torch, state[name].detach()))


def _to_numpy(torch, tensor) -> np.ndarray:
    special = {"torch.bfloat16": ml_dtypes.bfloat16, "torch.float8_e4m3fn": ml_dtypes.float8_e4m3fn}
    if str(tensor.dtype) in special:
        raw = tensor.contiguous().view(torch.int16 if tensor.dtype == torch.bfloat16 else torch.uint8).numpy()
        return raw.view(special[str(tensor.dtype)])
    return tensor.numpy()


def test_files_written_without_checksums_are_read(tmp_path):
    torch = pytest.importorskip("torch", reason="compares with torch.save; install the extra 'torch'")
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.arange(3.0)}, tmp_path / "torch.pth")
    finally:
        torch.serialization.set_crc32_options(before)
    assert_same(read_torch_file(tmp_path / "torch.pth")["a"], np.arange(3, dtype=np.float32))


def test_reading_takes_no_memory_for_what_is_not_asked_for(tmp_path):
    """An optimizer's state, often twice the weights, stays on disk: its storage is mapped, not copied."""
    content = read_torch_file(write(tmp_path / "file.pth", zip_file({"optimizer": {"m": np.zeros(10**6, np.float32)}})))
    tensor = content["optimizer"]["m"]
    assert tensor.numpy().base is not None
    assert isinstance(tensor.storage.data, memoryview)
