"""Models that somebody has uploaded: what `push` writes, `hf:owner/name` reads; and nothing else is believed."""

import json
import shutil
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
import tensorstore
from flax.traverse_util import flatten_dict

from configs import SMALL
from kdtalker_jax.checkpoints import (
    LANDMARKS_FILE,
    SLIDERS_FILE,
    Origin,
    checkpoint_writer,
    load_checkpoint,
    save_checkpoint,
)
from kdtalker_jax.checkpoints import landmarks as landmarks_module
from kdtalker_jax.checkpoints.fit import fit_sum
from kdtalker_jax.checkpoints.trees import layout_of, read_layout, sum_of
from kdtalker_jax.errors import CheckpointError, InputError, KDTalkerError
from kdtalker_jax.hub.listing import verify
from kdtalker_jax.hub.names import find_model
from kdtalker_jax.hub.pushing import model_card, push
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import find_system
from tests.checkpoints.trees import assert_same_tree
from tests.hub.server import sha256

PART = "retargeting"
NAME = "me/mine"


@pytest.fixture(scope="module")
def variables():
    """Of one part: the rest is more of the same."""
    return random_variables(PART, SMALL)


@pytest.fixture(scope="module")
def model(variables, tmp_path_factory):
    directory = tmp_path_factory.mktemp("mine") / "model"
    save_checkpoint(directory, {PART: variables}, SMALL)
    return directory


def files_of(directory) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


@pytest.fixture
def uploaded(hub, model):
    """A function that uploads the model with changes, in the way of somebody who means harm."""

    def upload(changes=None, edit=None, without=()) -> None:
        files = {**files_of(model), **(changes or {})}
        if edit:
            content = json.loads(files["config.json"])
            edit(content)
            files["config.json"] = json.dumps(content).encode()
        hub.repository(NAME).put({name: data for name, data in files.items() if name not in without})

    return upload


def get(name=f"hf:{NAME}", **options):
    return find_model(name, accept_licence=True, **options)


def refused(cache, message: str, kind=CheckpointError) -> None:
    with pytest.raises(kind, match=message) as caught:
        get()
    assert "\n" not in str(caught.value)
    models = cache / "models"
    assert not models.exists() or not [path for path in models.iterdir() if not path.name.endswith(".lock")]


def test_what_is_pushed_is_fetched(hub, model, variables, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    address = push(model, f"hf:{NAME}", licence="mit")
    assert address == f"{hub.url}/{NAME}"
    monkeypatch.delenv("HF_TOKEN")
    directory = get()
    assert_same_tree(load_checkpoint(directory).variables(PART), variables)
    assert verify(f"hf:{NAME}") == directory
    assert not any(path.is_symlink() for path in directory.rglob("*"))
    hub.requests.clear()
    assert get() == directory
    assert hub.requests == []


def test_the_card_says_what_it_is(hub, model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    push(model, f"hf:{NAME}", licence="mit")
    repository = hub.repository(NAME)
    card = repository.revisions[repository.branches["main"]]["README.md"].decode()
    assert card.startswith("---\nlicense: mit\nlibrary_name: kdtalker_jax\n")
    assert f"--checkpoint hf:{NAME}" in card
    assert f"| {PART} | trained |" in card


def test_the_card_of_published_weights(variables, tmp_path):
    with checkpoint_writer(tmp_path / "c", SMALL, [PART]) as writer:
        writer.add(PART, variables, Origin("a.pth", "0" * 64))
    card = model_card(load_checkpoint(tmp_path / "c"), NAME)
    assert "license: cc-by-nc-4.0" in card and "- ChaolongYang/KDTalker" in card
    assert "`a.pth`, SHA-256 `000" in card and "not for commercial use" in card


def test_what_was_trained_here_needs_a_licence(hub, model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    with pytest.raises(InputError, match="trained here: say under which `licence`"):
        push(model, f"hf:{NAME}")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("licence", "message"),
    [
        ("apache2", "refuses the model's card, most likely for its `licence`: name one"),
        ("MIT", "'MIT' is no `licence` as the hub calls it"),
        ("mit\ntags: x", r"'mit\\ntags: x' is no `licence`"),
    ],
)
def test_a_licence_that_the_hub_does_not_know(hub, model, monkeypatch, licence, message):
    """No empty repository is left of it."""
    monkeypatch.setenv("HF_TOKEN", hub.token)
    with pytest.raises(InputError, match=message) as caught:
        push(model, f"hf:{NAME}", licence=licence)
    assert "\n" not in str(caught.value)
    assert NAME not in hub.repositories


def test_who_may_not_push(hub, model):
    with pytest.raises(KDTalkerError, match="log in") as caught:
        push(model, f"hf:{NAME}", licence="mit")
    assert "\n" not in str(caught.value)


def test_pushing_again_removes_what_is_no_part_any_more(hub, model, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    hub.repository(NAME).put({"networks/generator/d/old": b"x", "notes.txt": b"mine", "README.md": b""})
    push(model, f"hf:{NAME}", licence="mit")
    repository = hub.repository(NAME)
    files = repository.revisions[repository.branches["main"]]
    assert "networks/generator/d/old" not in files
    assert files["notes.txt"] == b"mine"
    assert {name: data for name, data in files.items() if name[0] not in "Rn"} | {
        name: data for name, data in files.items() if name.startswith("networks/")
    } == files_of(model)


def test_the_landmark_file_stays_here(hub, model, monkeypatch, tmp_path):
    shutil.copytree(model, tmp_path / "copy")
    (tmp_path / "copy" / LANDMARKS_FILE).write_bytes(b"68")
    monkeypatch.setenv("HF_TOKEN", hub.token)
    push(tmp_path / "copy", f"hf:{NAME}", licence="mit")
    repository = hub.repository(NAME)
    assert LANDMARKS_FILE not in repository.revisions[repository.branches["main"]]


@pytest.fixture(scope="module")
def sliding(model, tmp_path_factory):
    """The model with sliders of its own."""
    directory = tmp_path_factory.mktemp("sliding") / "model"
    shutil.copytree(model, directory)
    with checkpoint_writer(directory, SMALL, ()) as writer:
        writer.add_sliders({"smile": np.full((2, 21, 3), 0.01)}, [PART])
    return directory


def test_sliders_come_along(hub, sliding, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.token)
    push(sliding, f"hf:{NAME}", licence="mit")
    directory = get()
    assert (directory / SLIDERS_FILE).read_bytes() == (sliding / SLIDERS_FILE).read_bytes()
    assert "smile" in load_checkpoint(directory).sliders.sliders


def test_sliders_of_a_stranger_are_looked_at(sliding, uploaded, cache):
    uploaded({**files_of(sliding), SLIDERS_FILE: b"other"})
    refused(cache, f"{SLIDERS_FILE} is missing or damaged")
    uploaded({**files_of(sliding), SLIDERS_FILE: bytes(1 << 21)})
    refused(cache, f"has a {SLIDERS_FILE} that is larger than any")
    uploaded(files_of(sliding), edit=lambda content: content["sliders"]["parts"].update({PART: "0"}))
    refused(cache, "was made for other networks")
    uploaded(files_of(sliding), edit=lambda content: content.update(sliders=3))
    refused(cache, "is damaged")


def test_nothing_outside_the_folder_is_pushed(hub, model, monkeypatch, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    shutil.copytree(model, tmp_path / "copy")
    (tmp_path / "copy" / "networks" / PART / "link").symlink_to(secret)
    with pytest.raises(CheckpointError, match="leads out of the model's folder"):
        push(tmp_path / "copy", f"hf:{NAME}", licence="mit")
    assert hub.requests == []


def test_only_what_a_model_has_is_fetched(hub, cache, uploaded, model):
    uploaded({"setup.py": b"import os", "networks/elsewhere/x": b"x", "pytorch_model.bin": bytes(999), ".env": b"x"})
    assert set(files_of(get())) == set(files_of(model))
    assert not [line for line in hub.requests if "setup.py" in line or "elsewhere" in line or "bin" in line]


def test_a_revision_may_be_named(hub, uploaded, model):
    hub.repository(NAME).put(files_of(model), branch="v1")
    hub.repository(NAME).put({"README.md": b"nothing"})
    assert get(f"hf:{NAME}@v1").name == "hf:me%2Fmine@v1"
    with pytest.raises(CheckpointError, match=f"{NAME} has no revision v2: check it at"):
        get(f"hf:{NAME}@v2")
    with pytest.raises(CheckpointError, match=f"{NAME} is no converted model"):
        get()


def test_the_card_s_licence_is_asked_about(hub, uploaded, capsys):
    uploaded()
    hub.repository(NAME).licence = "cc-by-nc-4.0"
    with pytest.raises(InputError, match="nobody can be asked here"):
        find_model(f"hf:{NAME}")
    assert "cc-by-nc-4.0 (by the card of me/mine)" in capsys.readouterr().err


def test_a_card_forges_no_lines_above_the_question(hub, uploaded, capsys):
    uploaded()
    hub.repository(NAME).licence = "mit\x1b[2J\n\u2028  0.0 MB of the-authors/model: public domain" + "!" * 999
    with pytest.raises(InputError, match="nobody can be asked here"):
        find_model(f"hf:{NAME}")
    told = capsys.readouterr().err
    assert told.count("\n") == 2 and len(told) < 300, "what is fetched, and one place that it comes from"
    assert "mit?[2J 0.0 MB of the-authors" in told
    assert all(character.isprintable() for character in told.replace("\n", ""))


def test_an_accepted_licence_is_not_asked_about_again_offline(hub, cache, uploaded, offline):
    """Nobody can look at the card then."""
    uploaded()
    hub.repository(NAME).licence = "mit"
    directory = get()
    shutil.rmtree(directory)
    offline()
    assert find_model(f"hf:{NAME}") == directory


def test_sizes_that_are_no_network_s(cache, uploaded):
    uploaded(edit=lambda content: content["model"][PART].update(lip=[0]))
    refused(cache, r"config.json is damaged")


def test_other_sizes_than_its_arrays(cache, uploaded):
    """Whatever its own sum of them says, which anyone can make."""
    uploaded(edit=lambda content: content["model"][PART].update(lip=[8]))
    refused(cache, f"hf:me%2Fmine is not used, for it is damaged or worse: .*{PART} cannot be read: params/lip")


def forged(model, tmp_path) -> dict[str, bytes]:
    """Files of a model whose description was made to agree with arrays that no network has."""
    tree = {"params": {"huge": np.zeros((1 << 20,), np.float32)}}
    directory = shutil.copytree(model, tmp_path / "forged")
    shutil.rmtree(directory / "networks" / PART)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(directory / "networks" / PART, tree)
    content = json.loads((directory / "config.json").read_text())
    part = find_system("kdtalker").parts[PART]
    content["sums"][PART] = {"fit": fit_sum(part, SMALL, layout_of(tree)), "values": sum_of(tree)}
    (directory / "config.json").write_text(json.dumps(content))
    return directory


def test_arrays_that_no_network_has_are_not_read(model, tmp_path, monkeypatch):
    """Zeros take no room on the disk and any in memory. Also in a directory that was fetched by other means."""
    directory = forged(model, tmp_path)
    monkeypatch.setattr("kdtalker_jax.checkpoints.converted.read_tree", lambda path: pytest.fail("arrays were read"))
    with pytest.raises(CheckpointError, match=f"{PART} cannot be read: params/huge is not one of its arrays"):
        load_checkpoint(directory).variables(PART)


def test_forged_sums_do_not_help(hub, cache, model, tmp_path):
    hub.repository(NAME).put(files_of(forged(model, tmp_path)))
    refused(cache, "params/huge is not one of its arrays")


def test_a_chunk_that_unpacks_to_more_than_its_array(hub, cache, model, tmp_path):
    """Some kilobytes that would become very many: reading stops where the array ends."""
    size = 1 << 26
    wanted = {"shape": [size], "chunks": [size], "dtype": "|u1", "compressor": {"id": "zstd"}, "fill_value": None}
    spec = {"driver": "zarr", "kvstore": "memory://", "create": True, "metadata": wanted}
    large = tensorstore.open(spec).result()
    large.write(np.ones(size, np.uint8)).result()
    packed = bytes(large.kvstore[b"0"])
    assert len(packed) < 10_000
    directory = shutil.copytree(model, tmp_path / "bomb")
    base = f"file://{directory}/networks/{PART}/"
    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": base}).result()
    store[next(key for key in store.list().result() if key.endswith(b"/0"))] = packed
    hub.repository(NAME).put(files_of(directory))
    refused(cache, f"is not used, for it is damaged or worse: .*{PART} cannot be read")


def test_chunks_that_are_larger_than_their_array(hub, cache, model, tmp_path):
    """A chunk is unpacked whole, however little of it is an array's."""
    directory = shutil.copytree(model, tmp_path / "bomb")
    base = f"file://{directory}/networks/{PART}/"
    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": base}).result()
    key = next(key for key in store.list().result() if key.endswith(b".zarray"))
    described = json.loads(store[key])
    described["chunks"] = [1 << 30 if i == 0 else n for i, n in enumerate(described["shape"])]
    store[key] = json.dumps(described).encode()
    hub.repository(NAME).put(files_of(directory))
    refused(cache, f"is not used, for it is damaged or worse: .*{PART} cannot be read")
    with pytest.raises(ValueError, match="lies in chunks that are larger than it is"):
        read_layout(directory / "networks" / PART)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: {"/".join(path): leaf for path, leaf in flatten_dict(tree).items()}, "is not one of its arrays"),
        (lambda tree: jax.tree.map(lambda leaf: leaf.astype(jnp.float8_e4m3fn), tree), "is of type float8_e4m3fn"),
    ],
)
def test_arrays_that_only_look_as_they_should(hub, cache, model, variables, tmp_path, change, message):
    """Flax would find no such name, and JAX no arithmetic."""
    tree = {"params": change(jax.tree.map(np.asarray, dict(variables["params"])))}
    directory = shutil.copytree(model, tmp_path / "odd")
    shutil.rmtree(directory / "networks" / PART)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(directory / "networks" / PART, tree)
    hub.repository(NAME).put(files_of(directory))
    refused(cache, message)


def test_values_that_are_not_finite(hub, cache, model, variables, tmp_path):
    bad = jax.tree.map(np.array, dict(variables))
    jax.tree.leaves(bad)[0].reshape(-1)[0] = np.nan
    save_checkpoint(tmp_path / "bad", {PART: bad}, SMALL)
    hub.repository(NAME).put(files_of(tmp_path / "bad"))
    refused(cache, "holds values that are not finite")


def test_damage_within_a_file(cache, hub, model):
    files = files_of(model)
    for name in [name for name in files if "/d/" in name]:
        data = bytearray(files[name])
        data[len(data) // 2] ^= 255
        files[name] = bytes(data)
    hub.repository(NAME).put(files)
    refused(cache, f"is not used, for it is damaged or worse: .*{PART} cannot be read")


HOSTILE = {
    "too much": (
        {"networks/retargeting/d/more": bytes(6_000_000)},
        "bytes of retargeting, whose arrays take .* do not use",
    ),
    "too many files": ({f"networks/retargeting/d/{i}": b"x" for i in range(2001)}, "files, more than any model"),
    "a way out": ({"networks/retargeting/../../../../x": b"x"}, r"has a file .* as no model has"),
    "a name for a terminal": ({"networks/retargeting/\x1b[2J": b"x"}, r"has a file .*\\x1b.* as no model has"),
    "a drive": ({"networks/retargeting/C:\\x": b"x"}, "has a file .* as no model has"),
    "a long description": (
        {"config.json": b"{" + b" " * (1 << 21) + b"}"},
        "has a config.json that is larger than any",
    ),
    "no description": ({"config.json": b"[" * 9999}, "config.json is damaged"),
}


@pytest.mark.parametrize(("changes", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_model_has_is_not_even_fetched(hub, cache, uploaded, changes, message):
    uploaded(changes)
    refused(cache, message)
    fetched = [line for line in hub.requests if "/resolve/" in line]
    assert all("config.json" in line for line in fetched)


def base(content) -> None:
    content["based_on"] = {"directory": "../../../../etc", "parts": {"generator": "00000000"}}


EDITS = {
    "parts of another folder": (base, "takes parts from another directory, which nobody else has: do not use it"),
    "a part that is not there": (lambda content: content["parts"].update(warping=None), "has no files of warping"),
    "a part that no system has": (
        lambda content: content["parts"].update({"../x": None}),
        "has a part '../x' that its",
    ),
    "another system": (lambda content: content.update(system="os"), "There is no system 'os' here"),
    "nothing": (lambda content: content.update(parts={}), "has no parts"),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS)
def test_descriptions_that_ask_for_more(cache, uploaded, edit, message):
    uploaded(edit=edit)
    refused(cache, message)


def test_a_landmark_file_comes_along_only_if_it_is_known(hub, cache, uploaded, monkeypatch):
    data = b"68 points" * 100
    crc = f"{zlib.crc32(data):08x}"
    uploaded({LANDMARKS_FILE: data}, edit=lambda content: content.update(landmarks=crc))
    assert load_checkpoint(get()).landmarks is None
    monkeypatch.setattr(landmarks_module, "KNOWN", frozenset({sha256(data)}))
    assert load_checkpoint(get(upgrade=True)).predictor.read_bytes() == data


def test_another_upload_is_taken_only_when_asked_for(hub, uploaded, model, variables, tmp_path):
    uploaded()
    directory = get()
    other = jax.tree.map(lambda x: np.asarray(x) + 1, dict(variables))
    save_checkpoint(tmp_path / "other", {PART: other}, SMALL)
    hub.repository(NAME).put(files_of(tmp_path / "other"))
    assert get() == directory
    assert_same_tree(load_checkpoint(directory).variables(PART), variables)
    get(upgrade=True)
    assert_same_tree(load_checkpoint(directory).variables(PART), other)
