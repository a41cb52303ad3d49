"""`pipelines.edit`, and `--edit`, `--pose` of the commands that make motion."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from kdtalker_jax import demo
from kdtalker_jax.media.image import read_image
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion
from pipelines.animate import main as animate
from pipelines.edit import main as edit
from pipelines.sample import main as sample


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    waveform, rate = soundfile.read(demo.RECORDINGS[0])
    soundfile.write(path, waveform[: round(1.2 * rate)], rate)
    return path


@pytest.fixture
def run(small_checkpoint):
    def call(command, *extra):
        arguments = ["--checkpoint", small_checkpoint, "--source_image", demo.PORTRAITS[0], "--crop", "none", *extra]
        return CliRunner().invoke(command, [str(argument) for argument in arguments])

    return call


def test_without_edits_it_is_the_portraits_own_render(run, small_checkpoint, tmp_path):
    result = run(edit, "--output", tmp_path / "new" / "out.png")
    assert result.exit_code == 0, result.output
    model = TalkingPortrait.load(small_checkpoint)
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    (frames,) = model.render(source, source.motion)
    np.testing.assert_array_equal(read_image(tmp_path / "new" / "out.png"), frames[0])

    zero = run(edit, "--output", tmp_path / "zero.png", "--edit", "smile=0,yaw=0,size=1")
    assert zero.exit_code == 0, zero.output
    np.testing.assert_array_equal(read_image(tmp_path / "zero.png"), frames[0])
    moved = run(edit, "--output", tmp_path / "moved.png", "--edit", "yaw=20,mouth=90")
    assert moved.exit_code == 0, moved.output
    assert (read_image(tmp_path / "moved.png") != frames[0]).any()


def test_a_motion_is_edited(run, speech, tmp_path):
    (tmp_path / "pose.csv").write_text("seconds,yaw,pitch,roll\n0,5,0,0\n1,25,-3,2\n")
    common = ("--driven_audio", speech, "--steps", 2)
    edits = ("--edit", "smile=0.5@0.4s..0.8s", "--pose", tmp_path / "pose.csv")
    for name, extra in {"plain": (), "edited": edits}.items():
        result = run(animate, *common, "--output", tmp_path / f"{name}.npz", *extra)
        assert result.exit_code == 0, result.output
    plain, edited = (Motion.load(tmp_path / f"{name}.npz") for name in ("plain", "edited"))
    times = np.arange(30) / 25
    np.testing.assert_array_equal((plain.exp != edited.exp).any(axis=1), (times > 0.401) & (times < 0.799))
    np.testing.assert_allclose(edited.yaw[[0, 25, 29]], [5, 25, 25], atol=1e-4)

    result = run(sample, "--driven_audio", speech, "--motion_in", tmp_path / "plain.npz", "--motion_out",
                 tmp_path / "again.npz", "--output", tmp_path / "out.mp4", *edits)  # fmt: skip
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(Motion.load(tmp_path / "again.npz").keypoints, edited.keypoints, atol=1e-5)


def test_a_driven_motion_is_edited_once(run, speech, tmp_path):
    """Also the lips that come from the recording."""
    driver = tmp_path / "driver.npz"
    assert run(animate, "--driven_audio", speech, "--steps", 2, "--seed", 5, "--output", driver).exit_code == 0
    motions = []
    for extra in ((), ("--edit", "mouth=60")):
        out = tmp_path / f"{len(extra)}.npz"
        result = run(sample, "--driving", driver, "--driven_audio", speech, "--steps", 2, "--motion_out", out,
                     "--output", tmp_path / "out.mp4", *extra)  # fmt: skip
        assert result.exit_code == 0, result.output
        motions.append(Motion.load(out).exp.reshape(30, 21, 3))
    np.testing.assert_allclose((motions[1] - motions[0])[:, 19, 1], 0.06, atol=1e-6)


def test_out_of_range_is_one_warning(run, tmp_path):
    with pytest.warns(UserWarning, match="clipped: smile goes from -0.3 to 1.3"):
        assert run(edit, "--output", tmp_path / "out.png", "--edit", "smile=7").exit_code == 0


@pytest.mark.parametrize(
    ("command", "options", "said"),
    (
        (edit, ("--edit", "smlie=1"), "did you mean 'smile'?"),
        (edit, ("--edit", "smile 1"), "write edits like smile=0.6"),
        (edit, ("--edit", "lips=0.2"), "by another --crop"),
        (edit, ("--output", "out.gif"), "ends in .png"),
        (edit, ("--output", "{portrait}"), "is also an input"),
        (animate, ("--edit", "smile=1@2s..1s"), "must end after it begins"),
        (animate, ("--landmarks", "{landmarks}", "--output", "{landmarks}"), "is also an input"),
        (animate, ("--edit", "eyes=0.2"), "so --edit cannot open them"),
        (sample, ("--edit", "lip*2"), "did you mean 'lips'?"),
        (sample, ("--pose", "absent.csv"), "does not exist"),
    ),
)
def test_what_does_not_go_is_said_in_one_sentence(run, tmp_path, monkeypatch, command, options, said):
    monkeypatch.chdir(tmp_path)
    names = {"portrait": demo.PORTRAITS[0], "landmarks": demo.landmarks_of(demo.PORTRAITS[0])}
    options = [option.format(**names) for option in options]
    result = run(command, *options)
    assert result.exit_code == 2
    assert said in result.output.splitlines()[-1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
