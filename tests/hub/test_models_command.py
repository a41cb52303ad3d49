"""`pipelines.models`: what there is, whether it is whole, and away with it."""

import json

import pytest
from click.testing import CliRunner, Result

from configs import SMALL
from kdtalker_jax import TalkingPortrait
from kdtalker_jax.checkpoints import LANDMARKS_FILE, checkpoint_writer, load_checkpoint, save_checkpoint
from kdtalker_jax.errors import CheckpointError
from kdtalker_jax.random_parts import random_variables
from pipelines.models import main
from tests.hub.command import of_two_parts
from tests.hub.test_uploaded import files_of

NAME = "two"


@pytest.fixture(autouse=True)
def two(hub, monkeypatch):
    from configs.published import PUBLISHED
    from kdtalker_jax.hub import registry

    monkeypatch.setitem(registry._REGISTERED, NAME, of_two_parts(PUBLISHED))


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    if result.exit_code not in (0, 2):
        raise result.exception
    return result


def said(text: str, name: str) -> str:
    """The lines about one model."""
    return text.partition(f"{name}: ")[2].partition("licence")[0]


def test_a_model_is_fetched_listed_verified_and_removed(hub, cache, downloads):
    assert "not fetched, more than" in said(run("list").output, NAME)
    assert run("fetch", NAME, "--accept_licence").output.endswith(f"{NAME} is in {cache / 'models' / NAME}\n")
    listed = run("list").output
    assert f"MB in {cache / 'models' / NAME}" in said(listed, NAME)
    assert "MIT (LivePortrait)" in listed and "ChaolongYang/KDTalker@" in listed
    *_, playmate, _, last = verified = run("verify").output.splitlines()
    assert last == f"{NAME}: whole, in {cache / 'models' / NAME}", verified
    assert playmate.startswith("demo-playmate: whole, in ") and playmate.endswith(" of ../model")
    assert run("verify", NAME, NAME).exit_code == 0, "one that is named twice is one"
    assert "are free again" in run("remove", NAME, NAME).output
    assert "not fetched" in said(run("list").output, NAME)
    assert list(downloads.rglob("*.pth"))
    assert "two: removed" in run("remove", NAME, "--downloads").output
    assert not list(downloads.rglob("*.pth"))


def test_the_answer_about_licences_is_remembered(hub):
    result = run("fetch", NAME)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: two is fetched once its licences are accepted, and nobody can be asked here: say --accept_licence, or "
        "set KDTALKER_ACCEPT_LICENCE=1."
    )
    assert run("fetch", NAME, "--accept_licence").exit_code == 0
    run("remove", NAME)
    assert run("fetch", NAME).exit_code == 0


def test_a_damaged_model_is_found_out(hub, cache):
    run("fetch", NAME, "--accept_licence")
    for path in (cache / "models" / NAME / "networks" / "retargeting").rglob("d/*"):
        path.write_bytes(path.read_bytes()[:-9])
    result = run("verify", NAME)
    assert result.exit_code == 2
    assert "retargeting cannot be read" in result.stderr
    assert f"'python -m pipelines.models remove {NAME}', then fetch it again" in result.stderr
    assert result.stderr.splitlines()[-1] == "Error: 1 of 1 models cannot be used"


def test_one_that_is_not_there_keeps_no_other_from_its_turn(hub, cache):
    run("fetch", NAME, "--accept_licence")
    result = run("verify", "hf:me/absent", NAME)
    assert result.exit_code == 2
    assert result.stdout == f"{NAME}: whole, in {cache / 'models' / NAME}\n"
    absent, last = result.stderr.splitlines()
    assert absent.startswith("hf:me/absent: hf:me/absent is not in the cache: fetch it with")
    assert last == "Error: 1 of 2 models cannot be used"
    result = run("remove", "absent", "demo", NAME, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 2 and not told["ok"] and told["error"] == "2 of 3 models cannot be removed"
    assert set(told["removed"]) == {NAME} and not (cache / "models" / NAME).exists()
    assert told["failed"]["demo"] == "demo comes with the package and stays there."


def test_a_model_of_other_files_than_those_that_were_pinned(hub, cache):
    run("fetch", NAME, "--accept_licence")
    lock = cache / "models.lock.json"
    origin = load_checkpoint(cache / "models" / NAME).parts["retargeting"]
    lock.write_text(lock.read_text().replace(origin.sha256, "0" * 64))
    assert "has a retargeting of another file than the one that was fetched" in run("verify", NAME).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("remove", "demo"), "demo comes with the package and stays there."),
        (("remove", "absent", "--downloads"), "absent is not in the cache"),
        (("remove", "absent"), "absent is not in the cache: 'python -m pipelines.models list' shows what is."),
        (("remove", ".."), ".. is not in the cache"),
        (("remove", "../models"), "../models is not in the cache"),
        (("verify", "hf:me/absent"), "hf:me/absent is not in the cache: fetch it with"),
        (("fetch", "hf:me"), "'hf:me' is no model on the hub: write hf:owner/name"),
        (("fetch", "hf:me/absent"), "shows no model me/absent"),
        (
            ("fetch", "published@3"),
            "published@3 does not exist as a folder, and no model has that name: there are demo, ",
        ),
        (("fetch", "checkpoints/absent"), "checkpoints/absent does not exist: convert the published files"),
        (("fetch",), "Missing argument 'NAME'"),
        (("push", "absent", "hf:me/mine"), "absent does not exist"),
        (("push", "absent", "mine"), "'mine' is no model on the hub"),
        (("trust", "absent"), "absent cannot be read (No such file or directory)"),
        (("frobnicate",), "No such command 'frobnicate': there are fetch, list, push, remove, trust, verify."),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(hub, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_removing_takes_nothing_else_along(hub, cache, tmp_path):
    (cache / "models" / "hf:me%2Fmine").mkdir(parents=True)
    (cache / "models" / "mine").mkdir()
    assert run("remove", "hf:me/mine").exit_code == 0
    assert [path.name for path in (cache / "models").iterdir() if path.name[0] != "."] == ["mine"]


def test_a_landmark_file_of_unknown_origin_waits_for_the_user_s_word(hub, tmp_path):
    """dlib reads it in C++, without a guard."""
    model = tmp_path / "model"
    (tmp_path / "landmarks").write_bytes(b"68 points")
    with checkpoint_writer(model, SMALL, ["retargeting"]) as writer:
        writer.add("retargeting", random_variables("retargeting", SMALL))
        writer.add_landmarks(tmp_path / "landmarks")
    checkpoint = load_checkpoint(model)
    with pytest.raises(
        CheckpointError, match=r"is a landmark file that is not known here.*pipelines.models trust \S+'"
    ):
        _ = checkpoint.predictor
    assert run("trust", str(model / LANDMARKS_FILE)).exit_code == 0
    assert checkpoint.predictor == model / LANDMARKS_FILE
    (model / LANDMARKS_FILE).write_bytes(b"other 68")
    with pytest.raises(CheckpointError):
        _ = checkpoint.predictor


def test_no_model_is_loaded_with_an_unknown_landmark_file(hub, small_checkpoint, tmp_path):
    import shutil

    model = shutil.copytree(small_checkpoint, tmp_path / "model")
    (model / LANDMARKS_FILE).write_bytes(b"68 points")
    with pytest.raises(CheckpointError, match="is a landmark file that is not known here"):
        TalkingPortrait.load(model)


def test_push_names_its_option(hub, tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "model", {"retargeting": random_variables("retargeting", SMALL)}, SMALL)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert "say under which --licence" in run("push", str(tmp_path / "model"), "hf:me/mine").stderr
    result = run("push", str(tmp_path / "model"), "hf:me/mine", "--licence", "mit")
    assert result.exit_code == 0, result.output
    repository = hub.repository("me/mine")
    assert files_of(tmp_path / "model").items() <= repository.revisions[repository.branches["main"]].items()
