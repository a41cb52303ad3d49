"""`python -m pipelines.stream`: what it refuses before it reads a sound."""

import shutil

from click.testing import CliRunner

from kdtalker_jax import demo
from pipelines.stream import main


def test_the_video_does_not_replace_its_portrait(tmp_path):
    portrait = tmp_path / "face.png"
    shutil.copy(demo.PORTRAITS[0], portrait)
    result = CliRunner().invoke(main, ["--source_image", str(portrait), "--output", str(portrait)], input=b"")
    assert result.exit_code == 2
    assert "is also an input and would be lost" in result.output
    assert portrait.read_bytes() == demo.PORTRAITS[0].read_bytes()
