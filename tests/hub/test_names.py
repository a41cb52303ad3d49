"""What a name of a model means, told without a network."""

from dataclasses import replace

import pytest

from configs.published import MODELS, PUBLISHED
from convert.sources import LANDMARKS
from convert.tables import published_parts, table_of
from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.hub.cache import model_folder
from kdtalker_jax.hub.names import find_model, model_names, split_hub_name
from kdtalker_jax.hub.registry import find_published
from kdtalker_jax.systems import find_system
from tests.hub.conftest import KDTALKER, LIVE_PORTRAIT


def test_the_model_of_the_package_has_a_name():
    assert find_model("demo") == demo.MODEL
    assert {"demo", "published", "syncnet"} <= set(model_names())


def test_a_directory_is_itself(tmp_path):
    assert find_model(tmp_path) == tmp_path
    assert find_model(str(tmp_path / "absent")) == tmp_path / "absent"


@pytest.mark.parametrize("name", ["me/mine", "HF:me/mine", "https://huggingface.co/me/mine"])
def test_a_name_of_the_hub_that_lacks_its_prefix(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"does not exist: convert .*; for one on the hub write hf:me/mine$"):
        load_checkpoint(find_model(name))


@pytest.mark.parametrize("name", ["../mine", "/nowhere/mine", "a/b/c"])
def test_a_folder_that_is_not_there_is_none_on_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"the model that comes along$"):
        load_checkpoint(find_model(name))


@pytest.mark.parametrize("name", [KDTALKER, LIVE_PORTRAIT, f"hf:{KDTALKER}", f"hf:{KDTALKER}@main"])
def test_the_authors_repository_leads_to_the_published_model(name):
    with pytest.raises(CheckpointError, match="as their authors publish them: ask for 'published', which fetches"):
        TalkingPortrait.load(name)


@pytest.mark.parametrize(
    "name", ["hf:", "hf:owner", "hf:owner/name@", "hf:a/b/c", "hf:../etc", "hf:a/../b", "hf:a/b c"]
)
def test_names_that_no_hub_has(name):
    with pytest.raises(InputError, match="is no model on the hub: write hf:owner/name"):
        find_model(name)


def test_a_revision_is_part_of_the_name():
    assert split_hub_name("hf:me/mine") == ("me/mine", "main")
    assert split_hub_name("hf:me/mine@refs/pr/1") == ("me/mine", "refs/pr/1")


@pytest.mark.parametrize("name", ["hf:a/b", "hf:a/b@refs/pr/1", "hf:a/..", "..", ".hidden"])
def test_every_name_is_one_folder_of_the_cache(name, monkeypatch, tmp_path):
    monkeypatch.setenv("KDTALKER_CACHE", str(tmp_path))
    assert model_folder(name).resolve().parent == (tmp_path / "models").resolve()
    assert model_folder(name).name[0] != "."


def test_a_folder_that_is_called_like_a_model_is_taken_as_before(small_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "published").symlink_to(small_checkpoint)
    with pytest.warns(UserWarning, match="published is taken as the folder of that name here"):
        assert find_model("published").resolve() == small_checkpoint.resolve()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_published_models_have_the_files_that_their_parts_are_converted_from(model):
    system = find_system(model.system)
    tables = [table_of(part) for part in published_parts(system, model.parts)]
    needed = {file.file for file in model.files if file.needed}
    assert needed == {f"{table.file}{table.suffix}" for table in tables}
    assert all(file.places and file.licence for file in model.files)
    assert find_published(model.name).name == model.name


def test_the_published_model_is_whole():
    assert set(PUBLISHED.parts) == set(find_system("kdtalker").required)
    assert LANDMARKS in {file.file for file in PUBLISHED.files}
    words = " ".join(PUBLISHED.licences)
    assert "CC BY-NC 4.0" in words and "MIT" in words and "non-commercial" in words


def test_a_model_without_files_of_its_own_is_one_entry():
    """What is added later: one entry of a table, no code."""
    assert replace(PUBLISHED, name="face_mesh", files=(), parts=()).repositories == ()


def test_without_a_name_it_is_the_model_of_the_package(small_checkpoint, tmp_path, monkeypatch):
    """Whatever folders lie about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(small_checkpoint)
    assert TalkingPortrait.load().config.name == "varied"
