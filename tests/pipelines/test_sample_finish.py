"""`pipelines.sample` with what comes after the frames."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from kdtalker_jax import demo
from kdtalker_jax.media.frames import exact_rate, read_frames
from pipelines.sample import main


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finish")
    speech, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(folder / "speech.wav", speech[: round(0.16 * rate)], rate)
    with Image.open(demo.PORTRAITS[0]) as face:
        face.resize((150, 150)).crop((0, 0, 150, 131)).save(folder / "face.png")
    Image.fromarray(np.zeros((131, 150), np.uint8) + 255).save(folder / "mask.png")
    Image.fromarray(np.zeros((9, 9), np.uint8) + 255).save(folder / "small.png")
    (folder / "text.png").write_text("no picture")
    return folder


@pytest.fixture
def run(inputs, small_checkpoint):
    def call(output, *extra):
        arguments = ["--checkpoint", small_checkpoint, "--source_image", inputs / "face.png", "--crop", "none"]
        arguments += ["--driven_audio", inputs / "speech.wav", "--steps", 2, "--output", output, *extra]
        return CliRunner().invoke(main, [str(argument).format(inputs=inputs) for argument in arguments])

    return call


@pytest.mark.filterwarnings("ignore:The head turns by")  # random weights turn it far
def test_all_at_once(run, tmp_path):
    more = ("--fps", 30, "--size", 100, "--quality", 40, "--codec", "hevc", "--mask", "{inputs}/mask.png")
    result = run(tmp_path / "out.mp4", "--paste_back", "--match_colours", "--background", "navy", *more)
    assert result.exit_code == 0, result.output
    frames = list(read_frames(tmp_path / "out.mp4"))
    assert frames[0].shape == (88, 100, 3)  # 87 made even
    assert exact_rate(tmp_path / "out.mp4") == 30


REFUSALS = {
    "another size": (("--paste_back", "--mask", "{inputs}/small.png"), "--mask has 9 x 9 pixels"),
    "no picture": (("--background", "{inputs}/text.png"), "text.png"),
    "no colour": (("--background", "blurple"), "blurple"),
    "nobody": (("--person", "{inputs}/mask.png"), "--background"),
    "no pasting": (("--feather", "0.1"), "--paste_back"),
    "not transparent": (("--background", "transparent"), ".webm"),
    "another codec": (("--codec", "vp9"), "h264 or hevc"),
    "nothing to compare": (("--compare",), "--driving"),
    "too fast": (("--fps", "1000"), "--fps"),
    "too good": (("--quality", "101"), "--quality"),
    "too large": (("--size", "9999"), "--size"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_one_line_before_the_model(run, tmp_path, case):
    options, said = REFUSALS[case]
    result = run(tmp_path / "out.mp4", *options, "--checkpoint", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert said in result.stderr.strip().splitlines()[-1]
    assert not list(tmp_path.iterdir())
