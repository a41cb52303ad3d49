"""What is felt in videos, by a table: it reaches the data set, and what is wrong in it is said with its line."""

import numpy as np
import pytest
from click.testing import CliRunner

from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.labels import Label, LabelledClips, read_labels
from kdtalker_jax.data.work import make_tasks
from kdtalker_jax.emotions import ROWS
from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.playmate.training.input import label_weights
from pipelines.extract import main

TABLE = "\ufefffile,emotion,intensity\na.mp4,Happy,0.5\nlevel 3/b.mp4, sad ,\n"


@pytest.fixture
def files(tmp_path):
    return [tmp_path / "clips" / name for name in ("a.mp4", "level 3/b.mp4", "c.mp4")]


def read(tmp_path, files, text):
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return read_labels(tmp_path / "labels.csv", tmp_path / "clips", files)


def test_a_table_names_files_and_emotions(tmp_path, files):
    """As a spreadsheet writes it, with a mark at its start; not every file need have a label."""
    assert read(tmp_path, files, TABLE) == {files[0]: Label(5, 0.5), files[1]: Label(6, 1.0)}
    assert read(tmp_path, files, "emotion,file\nneutral,c.mp4\n") == {files[2]: Label(0, 1.0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line of .* must be file,emotion"),
        ("a.mp4,happy\n", "first line of .* must be file,emotion"),
        ("file,emotion,mood\n", "first line of .* must be file,emotion"),
        ("file,emotion\nd.mp4,happy\n", "line 2: there is no video 'd.mp4'"),
        ("file,emotion\na.mp4,hapy\n", "line 2: there is no emotion 'hapy': did you mean 'happy'?"),
        ("file,emotion\na.mp4\n", "line 2: there is no emotion ''"),
        ("file,emotion\na.mp4,sad\na.mp4,sad\n", "line 3: a.mp4 has a label already"),
        ("file,emotion,intensity\na.mp4,sad,2\n", "line 2: an intensity is a number from 0 to 1, not '2'"),
        ("file,emotion,intensity\na.mp4,sad,nan\n", "from 0 to 1, not 'nan'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, files, text, said):
    with pytest.raises(InputError, match=said):
        read(tmp_path, files, text)


def test_a_table_that_cannot_be_read(tmp_path, files):
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_labels(tmp_path / "absent.csv", tmp_path / "clips", files)
    (tmp_path / "binary.csv").write_bytes(b"file,emotion\n\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_labels(tmp_path / "binary.csv", tmp_path / "clips", files)


def test_a_corrected_label_has_its_own_video_described_again_and_no_other(files, tmp_path):
    class Maker:
        system, fingerprint = "playmate", "networks"

        def __call__(self, path):
            return {"frames": 3}

    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def places(labels):
        make = LabelledClips(Maker(), labels)
        return [task.result for task in make_tasks(tmp_path / "clips", files, tmp_path, make.fingerprint, labels)]

    happy, sad = ({files[0]: Label(emotion, 1.0), files[1]: Label(5, 1.0)} for emotion in (5, 6))
    assert [a == b for a, b in zip(places(happy), places(sad), strict=True)] == [False, True, True]
    bare = [task.result for task in make_tasks(tmp_path / "clips", files, tmp_path, Maker.fingerprint)]
    assert not set(bare) & set(places(happy)), "without labels a clip has other fields"
    labelled = LabelledClips(Maker(), happy)
    assert labelled(files[0]) == {"frames": 3, "emotion": np.array([5]), "intensity": np.array([1.0])}
    assert labelled(files[2])["emotion"] == -1


def test_the_model_comes_last(tmp_path, monkeypatch):
    """What is wrong with folders and tables is said before anything is fetched."""
    monkeypatch.setattr("kdtalker_jax.hub.names.find_model", None)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").touch()
    for videos, extra, said in (
        ("nowhere", (), "nowhere is not a folder"),
        ("clips", ("--emotions", "absent.csv"), "absent.csv cannot be read"),
        ("clips", ("--norm", "absent.npz"), "absent.npz"),
    ):
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(main, ["--videos", videos, "--checkpoint", "published", "--out", "set", *extra])
        assert (result.exit_code, said in result.output) == (2, True), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_the_command_makes_data_that_stage_2_takes(make_video, small_checkpoint, tmp_path):
    make_video(tmp_path / "clips" / "a.mp4", 80)
    make_video(tmp_path / "clips" / "level 3" / "b.mp4", 80)
    (tmp_path / "labels.csv").write_text(TABLE, encoding="utf-8")
    given = ("--videos", tmp_path / "clips", "--checkpoint", small_checkpoint, "--already_cut", "--split", "1/0")
    given = (*given, "--emotions", tmp_path / "labels.csv", "--out", tmp_path / "set")
    result = CliRunner().invoke(main, list(map(str, given)))
    assert result.exit_code == 0, result.output
    felt = {
        clip["name"]: label_weights(clip["name"], clip["emotion"], clip["intensity"], clip["frames"])[-1]
        for clip in open_clips(tmp_path / "set", "train")
    }
    happy, neutral, sad = (ROWS.index(name) for name in ("happy", "neutral", "sad"))
    assert felt["a.mp4"][[happy, neutral]].tolist() == [0.5, 0.5]
    assert felt["level 3/b.mp4"][sad] == 1
