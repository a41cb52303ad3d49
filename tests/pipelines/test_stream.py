"""`python -m pipelines.stream`: what it refuses before it reads a sound."""

import shutil

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
