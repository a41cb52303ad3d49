"""`python -m pipelines.stream`: what it refuses before it reads a sound, and what it then leaves as it was."""

import shutil

import imageio_ffmpeg
import numpy as np
import pytest
from click.testing import CliRunner

from kdtalker_jax import demo
from pipelines.stream import main


def test_the_video_does_not_replace_the_table_of_poses(tmp_path):
    (tmp_path / "p.csv").write_text("0,0,0,0\n")
    result = CliRunner().invoke(
        main, ["--pose", str(tmp_path / "p.csv"), "--output", str(tmp_path / "p.csv")], input=b""
    )
    assert result.exit_code == 2
    assert "is also an input and would be lost" in result.output
    assert (tmp_path / "p.csv").read_text() == "0,0,0,0\n"


def test_the_video_does_not_replace_its_portrait(tmp_path):
    portrait = tmp_path / "face.png"
    shutil.copy(demo.PORTRAITS[0], portrait)
    result = CliRunner().invoke(main, ["--source_image", str(portrait), "--output", str(portrait)], input=b"")
    assert result.exit_code == 2
    assert "is also an input and would be lost" in result.output
    assert portrait.read_bytes() == demo.PORTRAITS[0].read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    (
        (("--json",), "--json needs --output"),
        (("--output", "{folder}/a file/talk.mkv"), "talk.mkv cannot be written"),
        (("--output", "{folder}"), "exists and is not a file"),
    ),
)
def test_outputs_are_looked_at_before_the_model(tmp_path, options, said):
    (tmp_path / "a file").touch()
    options = [option.format(folder=tmp_path) for option in options]
    result = CliRunner().invoke(main, ["--checkpoint", str(tmp_path / "nowhere"), *options], input=b"")
    assert result.exit_code == 2
    assert said in result.output
    assert "nowhere" not in result.output


def test_an_older_video_stays_until_there_is_a_frame(tmp_path, small_checkpoint):
    output = tmp_path / "talk.mkv"
    output.write_bytes(b"precious")

    def run(sound):
        options = ["--checkpoint", small_checkpoint, "--steps", 1, "--output", output]
        return CliRunner().invoke(main, [str(option) for option in options], input=sound)

    for sound, said in ((b"", "no sound at all"), (demo.RECORDINGS[0].read_bytes(), "a file of some format")):
        result = run(sound)
        assert result.exit_code == 2
        assert said in result.output
        assert output.read_bytes() == b"precious"
    result = run(np.zeros(3200, "<i2").tobytes())
    assert result.exit_code == 0, result.output
    assert imageio_ffmpeg.count_frames_and_secs(str(output))[0] == 5
