"""Playmate as a system of the house: asked for from Python and from command lines, whole and without emotions."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from configs.playmate import SMALL, SMALL_WAV2VEC2
from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.motion_models.playmate.controls import Controls
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.sources.driver import Driver
from kdtalker_jax.spaces.keypoints import Motion
from kdtalker_jax.systems import check_fit, disagreement, find_system
from pipelines import animate, sample
from tests.motion_models.playmate.heads import swing

NAMES = find_system("playmate_wav2lip").required
QUICK = {"rate": 16_000, "steps": 2}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    out = tmp_path_factory.mktemp("playmate") / "model"
    networks = {name: random_variables(name, SMALL) for name in (*NAMES, "emotion_module")}
    save_checkpoint(out, networks, SMALL)
    return out


@pytest.fixture(scope="module")
def model(directory):
    return TalkingPortrait.load(directory)


@pytest.fixture(scope="module")
def source(model):
    return model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.fixture(scope="module")
def waveform():
    return load_waveform(demo.RECORDINGS[0])[: 70 * 640]


@pytest.fixture(scope="module")
def plain(model, source, waveform):
    return model.animate(source, waveform, **QUICK)


@pytest.fixture(scope="module")
def speech(waveform, tmp_path_factory):
    """1.2 seconds."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    soundfile.write(path, waveform[: 30 * 640], 16_000)
    return path


def run(command, *arguments):
    return CliRunner().invoke(command.main, list(map(str, arguments)))


def test_it_speaks_and_feels(model, source, waveform, plain):
    assert len(plain) == 70
    np.testing.assert_array_equal(model.animate(source, waveform, **QUICK).exp, plain.exp)
    sad = model.animate(source, waveform, emotion="sad", **QUICK)
    half = model.animate(source, waveform, emotion="sad", emotion_strength=0.5, **QUICK)
    assert np.abs(sad.exp - plain.exp).max() > 1e-4
    assert np.abs(half.exp - sad.exp).max() > 1e-5
    same = model.animate(source, waveform, controls=Controls(emotion="sad"), **QUICK)
    np.testing.assert_array_equal(same.exp, sad.exp)


def test_it_is_not_smoothed_unless_asked(model, source, waveform, plain):
    np.testing.assert_array_equal(model.animate(source, waveform, smooth=0, **QUICK).exp, plain.exp)
    assert np.abs(model.animate(source, waveform, smooth=1, **QUICK).exp - plain.exp).max() > 1e-5


def test_what_it_cannot_be_asked_for_is_refused(model, small_model, source, waveform):
    with pytest.raises(InputError, match=r"no emotion 'hapy': did you mean 'happy'\? There are none, neutral"):
        model.animate(source, waveform, emotion="hapy", **QUICK)
    with pytest.raises(TypeError, match="no argument 'emotoin': did you mean 'emotion'"):
        model.animate(source, waveform, emotoin="happy", **QUICK)
    with pytest.raises(InputError, match="`emotion` is one of the `controls`"):
        model.animate(source, waveform, emotion="happy", controls=Controls(), **QUICK)
    with pytest.raises(InputError, match="`relative` is about the pose that sound makes, which `pose` replaces"):
        model.animate(source, waveform, pose=swing(9), relative=True, **QUICK)
    with pytest.raises(TypeError, match="no argument 'emotion'"):
        small_model.animate(source, waveform, emotion="happy", **QUICK)


def test_it_is_streamed_as_it_is_animated(model, source, waveform):
    asked = {"emotions": "0 neutral, 1.5 angry, 2.6 happy", **QUICK}
    whole = model.animate(source, waveform, **asked)
    pieces = list(model.stream_motion(source, np.array_split(waveform, 7), **asked))
    np.testing.assert_allclose(np.concatenate([piece.keypoints for piece in pieces]), whole.keypoints, atol=1e-5)


def test_recordings_side_by_side_share_what_is_asked(model, source, waveform):
    one, two = model.animate_together([source, source], [waveform, waveform[: 30 * 640]], emotion="fear", **QUICK)
    assert (len(one), len(two)) == (70, 30)
    np.testing.assert_allclose(one.exp, model.animate(source, waveform, emotion="fear", **QUICK).exp, atol=1e-4)


def test_a_model_of_stage_1_speaks_alike_and_feels_nothing(model, source, waveform, plain, tmp_path):
    networks = {name: random_variables(name, SMALL) for name in NAMES}
    save_checkpoint(tmp_path / "model", networks, SMALL)
    alone = TalkingPortrait.load(tmp_path / "model")
    np.testing.assert_array_equal(alone.animate(source, waveform, **QUICK).to_vector(), plain.to_vector())
    with pytest.raises(InputError, match="no emotion module: it can be asked for no `emotion`"):
        alone.animate(source, waveform, emotion="sad", **QUICK)


def test_the_head_turns_as_a_driver_s(model, source, waveform, plain):
    """Both ways end with the same pose."""
    driver = swing(40)
    poses = model.poses(source, Driver(driver))
    np.testing.assert_allclose(poses.yaw[0], source.motion.yaw[0], atol=1e-3)
    replaced = model.turn(source, plain, poses)
    drawn = model.animate(source, waveform, pose=poses, **QUICK)
    turned = model.turn(source, drawn, poses)
    there = np.concatenate([np.arange(40), np.arange(38, 8, -1)])
    for motion in (replaced, turned):
        np.testing.assert_allclose(motion.yaw, poses.yaw[there], atol=1e-3)
        np.testing.assert_allclose(motion.scale, poses.scale[there], rtol=1e-4)
    np.testing.assert_array_equal(replaced.exp, plain.exp)
    assert turned.keypoints.shape == (70, 21, 3)
    absolute = model.poses(source, Driver(driver), relative=False)
    np.testing.assert_allclose(absolute.yaw, driver.yaw, atol=1e-3)
    with pytest.raises(InputError, match="turn takes a Motion"):
        model.turn(source, plain, Driver(driver))


def test_the_system_with_wav2vec2_fits_together():
    system = find_system("playmate")
    renderer, features, motion_model = (family(SMALL_WAV2VEC2) for family in system.families)
    check_fit(features, motion_model, renderer)
    assert disagreement(SMALL_WAV2VEC2, list(system.parts)) is None
    assert system.optional == ("emotion_module",)
    assert "wav2vec2" in system.required


def test_the_command_line_asks_for_emotions(directory, speech, tmp_path):
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--driven_audio", speech)
    out = tmp_path / "motion.npz"
    result = run(animate, *given, "--output", out, "--emotions", "0 neutral, 2.5 angry", "--emotion_guidance", 2)
    assert result.exit_code == 0, result.output
    assert len(Motion.load(out)) == 30
    result = run(animate, *given, "--output", tmp_path / "b.npz", "--emotion", "hapy")
    assert result.exit_code == 2
    assert "There is no emotion 'hapy': did you mean 'happy'? There are none, neutral, angry" in result.output
    assert not (tmp_path / "b.npz").exists()


def test_other_models_cannot_be_asked_for_them(small_checkpoint, tmp_path):
    out = tmp_path / "a.npz"
    result = run(animate, "--checkpoint", small_checkpoint, "--no_cache", "--emotion", "happy", "--output", out)
    assert result.exit_code == 2
    assert "This model cannot be asked for --emotion" in result.output
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pose_axes", "yaw"), "give --pose_driver"),
        (("--pose_driver", "nowhere.mp4"), "nowhere.mp4"),
        (("--pose_driver", "face.npz", "--relative"), "--relative is about the pose that sound makes"),
        (("--pose_driver", "face.npz", "--driving", "face.npz"), "choose one"),
        (("--pose_driver", "face.npz", "--pose_axes", "jaw"), "did you mean 'yaw'"),
        (("--pose_driver", "face.npz", "--pose_mode", "inpaint"), "draws no face to go with a pose"),
        (("--pose_driver", "face.npz", "--regions", "pose"), "--regions is about a driver: give one with --driving."),
        (("--driving_crop", "none"), "--driving_crop is about a driver"),
    ],
)
def test_poses_that_cannot_be_are_refused(small_checkpoint, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swing(30).save(tmp_path / "face.npz")
    result = run(sample, "--checkpoint", small_checkpoint, "--no_cache", "--output", "a.mp4", *options)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("option", ["--emotion", "--pose_amplitude", "--smoothing"])
@pytest.mark.parametrize("instead", ["--motion_in", "--driving"])
def test_what_no_motion_is_made_with_is_refused(directory, option, instead, tmp_path):
    swing(30).save(tmp_path / "face.npz")
    value = "happy" if option == "--emotion" else 1
    given = ("--checkpoint", directory, "--no_cache", instead, tmp_path / "face.npz", option, value)
    result = run(sample, *given, "--output", tmp_path / "a.mp4")
    assert result.exit_code == 2
    assert f"{option} is about a motion that sound makes, and here none is made" in result.output


def test_the_command_line_turns_heads(directory, speech, tmp_path):
    swing(30).save(tmp_path / "actor.npz")
    saved = tmp_path / "motion.npz"
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--driven_audio", speech)
    turned = ("--pose_driver", tmp_path / "actor.npz", "--pose_mode", "inpaint", "--pose_absolute")
    made = ("--output", tmp_path / "a.mp4", "--motion_out", saved, "--emotion", "happy")
    result = run(sample, *given, *turned, *made)
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(Motion.load(saved).yaw, swing(30).yaw, atol=1e-3)
    assert load_checkpoint(directory).config.system == "playmate_wav2lip"


def test_a_picture_that_is_cut_already_holds_the_head(directory, model, source, speech, tmp_path):
    saved, picture = tmp_path / "motion.npz", demo.PORTRAITS[1]
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--driven_audio", speech, "--crop", "none")
    asked = ("--pose_driver", picture, "--driving_crop", "none", "--pose_absolute")
    result = run(sample, *given, *asked, "--output", tmp_path / "a.mp4", "--motion_out", saved)
    assert result.exit_code == 0, result.output
    held = model.poses(source, picture, relative=False, driving_crop="none")
    np.testing.assert_allclose(Motion.load(saved).yaw, np.repeat(held.yaw, 30), atol=1e-3)
