"""From a download to a checkpoint and back, as a user does it; nothing half-written, whatever goes wrong."""

import dataclasses
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.published_layout import FILES
from configs import SMALL
from convert import export, official, verify
from kdtalker_jax import systems
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.model_config import ModelConfig
from kdtalker_jax.systems import find_system
from tests.convert.conftest import write_download
from tests.convert.torch_writer import call, legacy_file, write, zip_file
from tests.networks import PARTS, REQUIRED


def run(module, *arguments) -> Result:
    result = CliRunner().invoke(module.main, [str(argument) for argument in arguments])
    if result.exit_code not in (0, 2):
        raise result.exception
    return result


def convert(source: Path, out: Path, *more) -> Result:
    return run(official, "--source", source, "--out", out, "--config", "small", *more)


def assert_same_weights(a: Path, b: Path, *names: str) -> None:
    for name in names or REQUIRED:
        pairs = zip(
            jax.tree.leaves(load_checkpoint(a).variables(name)),
            jax.tree.leaves(load_checkpoint(b).variables(name)),
            strict=True,
        )
        assert all(x.tobytes() == y.tobytes() for x, y in pairs)


def test_a_download_is_converted_verified_and_exported_bit_for_bit(download, tmp_path):
    (download / "ckpts" / "shape_predictor_68_face_landmarks.dat").write_bytes(b"68 points")
    out, again, exported = tmp_path / "new folder" / "checkpoint", tmp_path / "again", tmp_path / "exported"

    result = convert(download, out)
    assert result.exit_code == 0, result.output
    assert result.output.endswith(f"{out} has 7 of 7 parts\n")
    assert "1 output_block.*" in result.output  # what is not used is counted, not dropped silently
    assert "CC BY-NC 4.0" in result.output
    assert load_checkpoint(out).landmarks.read_bytes() == b"68 points"
    assert "omegaconf" not in sys.modules

    result = run(verify, "--source", download, "--checkpoint", out)
    assert result.exit_code == 0, result.output
    assert "DIFFERS" not in result.output

    assert run(export, "--checkpoint", out, "--out", exported).output == f"8 files in {exported}\n"
    assert {path.relative_to(exported).as_posix() for path in exported.rglob("*.safetensors")} == {
        file.replace(".pth", ".safetensors") for file in FILES.values()
    }
    assert convert(exported, again).exit_code == 0
    assert_same_weights(out, again)
    assert load_checkpoint(again).landmarks.read_bytes() == b"68 points"


def test_sources_are_recorded_with_their_checksum(download, tmp_path):
    assert convert(download, tmp_path / "c", "--only", "denoiser").exit_code == 0
    source = load_checkpoint(tmp_path / "c").parts["denoiser"]
    assert source.file == "ckpts/KDTalker.pth"
    assert source.sha256 == official.sha256(download / "ckpts" / "KDTalker.pth")
    assert len(source.sha256) == 64


def test_files_side_by_side_are_found(download, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in download.rglob("*.pth"):
        shutil.copy(path, flat)
    assert convert(flat, tmp_path / "c").output.endswith("7 of 7 parts\n")


def test_missing_files_are_listed_with_where_they_were_looked_for(download, tmp_path):
    (download / "ckpts" / "KDTalker.pth").unlink()
    (download / FILES["warping"]).unlink()
    result = convert(download, tmp_path / "c")
    assert result.exit_code == 2
    assert "denoiser: no KDTalker.pth or .safetensors in any of ckpts, ." in result.output
    assert "warping: no warping_module.pth or .safetensors in any of pretrained_weights/liveportrait" in result.output
    assert not (tmp_path / "c").exists()
    assert "is not a folder" in convert(tmp_path / "absent", tmp_path / "c").output


def test_parts_are_converted_on_their_own_and_added(download, tmp_path):
    out = tmp_path / "c"
    result = convert(download, out, "--only", "motion_extractor")
    assert "has 1 of 7 parts; it lacks appearance, warping" in result.output
    result = convert(download, out)
    assert result.exit_code == 2
    assert "has motion_extractor already: replace with --overwrite" in result.output
    rest = [argument for name in REQUIRED if name != "motion_extractor" for argument in ("--only", name)]
    assert convert(download, out, *rest).output.endswith("has 7 of 7 parts\n")
    assert convert(download, out, "--overwrite").exit_code == 0


def test_the_judge_of_lips_is_converted_where_it_is_there(download, small_states, tmp_path):
    """SyncNet is not part of a model: nobody misses it unless it is asked for."""
    result = convert(download, tmp_path / "a", "--only", "syncnet")
    assert result.exit_code == 2
    assert "syncnet: no syncnet_v2.model or .safetensors in any of ckpts, ." in result.output

    write(download / "ckpts" / "syncnet_v2.model", legacy_file(small_states["syncnet"]))
    out, exported = tmp_path / "b", tmp_path / "exported"
    assert convert(download, out).output.endswith(f"{out} has 7 of 7 parts and syncnet\n")
    assert run(verify, "--source", download, "--checkpoint", out, "--only", "syncnet").exit_code == 0
    assert run(export, "--checkpoint", out, "--out", exported).exit_code == 0
    assert convert(exported, tmp_path / "c", "--only", "syncnet").exit_code == 0
    result = convert(download, tmp_path / "c", "--only", "denoiser")
    assert "has 1 of 7 parts and syncnet; it lacks appearance" in result.output
    assert_same_weights(tmp_path / "b", tmp_path / "c", "syncnet")


UNKNOWN = {
    "part": (("--only", "generatr"), "There is no part 'generatr' of kdtalker: there are appearance, motion_extractor"),
    "part among others": (("--only", "warping", "--only", ""), "There is no part '' of kdtalker"),
    "section that is no part": (("--only", "statistics"), "There is no part 'statistics'"),
    "sizes": (("--config", "huge"), "kdtalker has no sizes 'huge': there are published, small, demo, varied."),
    "system": (("--system", "hologram"), "There is no system 'hologram' here, only kdtalker"),
}


@pytest.mark.parametrize(("arguments", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_there_is_not_to_convert_is_told_in_a_sentence(download, tmp_path, arguments, message):
    result = convert(download, tmp_path / "c", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "c").exists()


def test_a_part_that_there_is_not_to_compare(download, tmp_path):
    assert convert(download, tmp_path / "c", "--only", "warping").exit_code == 0
    result = run(verify, "--source", download, "--checkpoint", tmp_path / "c", "--only", "warping2")
    assert result.exit_code == 2
    assert "There is no part 'warping2' of kdtalker" in result.output


TRAINED = dataclasses.replace(PARTS["retargeting"], name="trained", rules=None, judges=True)
CONFIGS = {}


def test_a_part_that_is_published_nowhere(download, tmp_path, monkeypatch, small_variables):
    """It is neither sought nor missed; and whoever asks for it is told in a sentence."""
    with_one_more = dataclasses.replace(
        find_system("kdtalker"), name="more", configs=f"{__name__}:CONFIGS", judges=(f"{__name__}:TRAINED",)
    )
    monkeypatch.setitem(systems._SYSTEMS, "more", with_one_more)
    config = ModelConfig("small", "more", {**SMALL.sections, "trained": SMALL.retargeting})
    del config.sections["syncnet"]
    monkeypatch.setitem(CONFIGS, "small", config)

    out = tmp_path / "c"
    result = convert(download, out, "--system", "more", "--only", "trained")
    assert result.exit_code == 2
    assert "trained is not published: it is only trained here." in result.output
    assert convert(download, out, "--system", "more").output.endswith("has 7 of 7 parts\n")
    save_checkpoint(out, {"trained": small_variables["retargeting"]}, config)
    assert run(verify, "--source", download, "--checkpoint", out).exit_code == 0
    result = run(verify, "--source", download, "--checkpoint", out, "--only", "trained")
    assert (result.exit_code, "trained is not published" in result.output) == (2, True)
    with pytest.warns(UserWarning, match="trained is left out: no published file has it"):
        assert run(export, "--checkpoint", out, "--out", tmp_path / "e").exit_code == 0
    assert len(list((tmp_path / "e").rglob("*.safetensors"))) == 7


def test_weights_of_other_sizes_are_refused(download, tmp_path):
    result = run(official, "--source", download, "--out", tmp_path / "c", "--only", "retargeting")
    assert result.exit_code == 2
    assert "does not fit retargeting of the published model" in result.output
    assert not (tmp_path / "c").exists()


BROKEN = {
    "malicious": (zip_file({"model": {}, "cfg": call("os", "system", "touch canary")}), "asks for 'os.system'"),
    "page": (b"<html>", "is a web page"),
    "short": (zip_file({"a": np.zeros(99, np.float32)})[:-200], "download it again"),
    "another": (zip_file({"epoch": 3}), "holds no weights"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_bad_file_among_good_ones_leaves_nothing(download, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    write(download / "ckpts" / "KDTalker.pth", content)  # the last part: six others were written before it is read
    before = sorted(tmp_path.rglob("*"))
    result = convert(download, tmp_path / "c")
    assert result.exit_code == 2
    assert message in result.output
    assert "KDTalker.pth" in result.output
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupted_conversion_leaves_nothing(download, tmp_path, monkeypatch):
    def interrupt(path):
        if path.name == "KDTalker.pth":
            raise KeyboardInterrupt
        return read_weights(path)

    read_weights = official.read_weights
    monkeypatch.setattr(official, "read_weights", interrupt)
    with pytest.raises(KeyboardInterrupt):
        official.convert(download, tmp_path / "c", REQUIRED, "small")
    assert list(tmp_path.iterdir()) == [download]


def test_a_checkpoint_that_differs_is_found_out(download, small_states, tmp_path):
    assert convert(download, tmp_path / "c").exit_code == 0
    states = small_states | {"appearance": dict(small_states["appearance"])}
    changed = states["appearance"]["down_blocks.1.norm.running_var"].copy()
    changed[0] *= 1.001
    states["appearance"]["down_blocks.1.norm.running_var"] = changed
    result = run(verify, "--source", write_download(tmp_path / "other", states), "--checkpoint", tmp_path / "c")
    assert result.exit_code == 2
    assert [line.split()[0] for line in result.output.splitlines() if "DIFFERS" in line] == ["appearance/down_1"]
    assert "differs from" in result.output.splitlines()[-1]


def test_a_wrong_folding_is_found_out(download, tmp_path, monkeypatch):
    """`verify` does not take the folding's own word for it."""
    assert convert(download, tmp_path / "c").exit_code == 0
    fold = verify.fold

    def fold_slightly_wrong(variables):
        return jax.tree.map(lambda x: x * np.float32(1 + 1e-5), fold(variables))

    monkeypatch.setattr(verify, "fold", fold_slightly_wrong)
    result = run(verify, "--source", download, "--checkpoint", tmp_path / "c", "--only", "generator")
    assert result.exit_code == 2
    assert "DIFFERS" in result.output


def test_verify_needs_what_it_compares(download, tmp_path, small_variables):
    assert convert(download, tmp_path / "c", "--only", "warping").exit_code == 0
    result = run(verify, "--source", download, "--checkpoint", tmp_path / "c", "--only", "denoiser")
    assert result.exit_code == 2
    assert "lacks denoiser" in result.output
    assert run(verify, "--source", download, "--checkpoint", tmp_path / "c").exit_code == 0


def test_export_does_not_overwrite_unasked(tmp_path, small_variables):
    save_checkpoint(tmp_path / "c", {"retargeting": small_variables["retargeting"]}, SMALL)
    arguments = ("--checkpoint", tmp_path / "c", "--out", tmp_path / "e")
    assert run(export, *arguments).exit_code == 0
    (file,) = (path for path in (tmp_path / "e").rglob("*") if path.is_file())
    written = file.read_bytes()
    file.write_bytes(b"mine")
    result = run(export, *arguments)
    assert result.exit_code == 2
    assert "exist already: replace with --overwrite" in result.output
    assert file.read_bytes() == b"mine"
    assert run(export, *arguments, "--overwrite").exit_code == 0
    assert file.read_bytes() == written


def test_a_disk_that_is_full_is_told_of_in_a_line(tmp_path, small_variables, monkeypatch):
    def full(*arguments, **named):
        raise export.SafetensorError("I/O error: No space left on device (os error 28)")

    save_checkpoint(tmp_path / "c", {"retargeting": small_variables["retargeting"]}, SMALL)
    monkeypatch.setattr(export, "save_file", full)
    result = run(export, "--checkpoint", tmp_path / "c", "--out", tmp_path / "e")
    assert result.exit_code == 2
    assert "cannot be written (I/O error: No space left on device" in result.output


ARGUMENTS = st.lists(
    st.sampled_from(
        ["--source", "-out", "--only", "--config", "small", "--system", "--overwrite", "--checkpoint", ".", "x", "-h"]
    )
    | st.text(st.characters(exclude_characters="\0/"), max_size=8),
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([official, export, verify]), ARGUMENTS)
def test_no_arguments_lead_to_a_traceback_or_touch_a_file(tmp_path_factory, module, arguments):
    folder = tmp_path_factory.mktemp("cwd")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(module, *arguments)
    assert list(folder.iterdir()) == []
    folder.rmdir()
