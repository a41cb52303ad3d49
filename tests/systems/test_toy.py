"""A whole system from this folder alone: converted, loaded, sampled and trained by what KDTalker uses.

It has another space, features at another rate, a motion model that is guided and carries two frames, and a renderer
that carries a picture. Nothing of it is named in the library.
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from convert import official, verify
from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.checkpoints import load_checkpoint, save_checkpoint
from kdtalker_jax.data.clips import load_statistics, open_clips
from kdtalker_jax.data.report import system_of
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.systems import System, find_system, register
from pipelines import export, extract, sample, train
from tests.metrics.films import film, portrait, speech
from tests.systems.toy.model import CONFIG, Controls
from tests.systems.toy.space import Glow

TOY = System(
    "toy",
    features="tests.systems.toy.model:Loudness",
    motion_model="tests.systems.toy.model:Mover",
    renderer="tests.systems.toy.model:Painter",
    configs="tests.systems.toy.model:CONFIGS",
    trainings=("tests.systems.toy.training:KIND",),
)
PARTS = ("painter", "ear", "mover")


@pytest.fixture(scope="module", autouse=True)
def registered():
    register(TOY)
    yield
    from kdtalker_jax import systems

    del systems._SYSTEMS["toy"]


@pytest.fixture(scope="module")
def download(tmp_path_factory, registered):
    """Published files, as PyTorch has them: kernels (outputs, inputs)."""
    folder = tmp_path_factory.mktemp("download")
    (folder / "toy").mkdir()
    for name in PARTS:
        dense = random_variables(name, CONFIG)["params"]["dense"]
        tensors = {"linear.weight": np.ascontiguousarray(dense["kernel"].T), "linear.bias": dense["bias"]}
        save_file(tensors, folder / "toy" / f"{name}.safetensors")
    return folder


def run(command, *arguments):
    result = CliRunner().invoke(command.main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def directory(download, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "toy"
    output = run(official, "--source", download, "--out", out, "--system", "toy", "--config", "toy")
    assert "has 3 of 3 parts" in output
    return out


@pytest.fixture(scope="module")
def model(directory):
    return TalkingPortrait.load(directory)


@pytest.fixture(scope="module")
def source(model):
    return model.prepare(demo.PORTRAITS[0], crop="none")


def test_it_is_converted_as_it_was(download, directory):
    assert "holds the weights of" in run(verify, "--source", download, "--checkpoint", directory)
    checkpoint = load_checkpoint(directory)
    assert checkpoint.config == CONFIG
    assert tuple(find_system("toy").required) == PARTS


def test_it_is_animated(model, source):
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000 * 2).astype(np.float32)
    motion = model.animate(source, waveform, rate=16_000, seed=1)
    assert isinstance(motion, Glow) and len(motion) == 50
    again = model.animate(source, waveform, rate=16_000, seed=1)
    np.testing.assert_array_equal(motion.driving, again.driving)
    other = model.animate(source, waveform, rate=16_000, seed=2)
    assert np.abs(motion.numbers - other.numbers).max() > 1e-4
    frames = np.concatenate(list(model.render(source, motion, batch_size=4)))
    assert frames.shape == (50, 16, 16, 3)


def test_frames_rest_on_those_before_whatever_the_batch(model, source):
    motion = model.drive(source, Glow(np.linspace(-1, 1, 14, dtype=np.float32).reshape(7, 2)))
    one, three = (np.concatenate(list(model.render(source, motion, batch_size=size))) for size in (1, 3))
    np.testing.assert_array_equal(one, three)
    alone = next(model.render(source, model.drive(source, Glow(motion.numbers[6:])), batch_size=1))
    assert np.abs(alone[0].astype(int) - one[6]).max() > 0


def test_it_is_streamed_as_it_is_animated(model, source):
    waveform = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    whole = model.animate(source, waveform, rate=16_000)
    chunks = (waveform[i : i + 777] for i in range(0, len(waveform), 777))
    pieces = list(model.stream_motion(source, chunks, rate=16_000))
    assert len(pieces) > 1
    np.testing.assert_allclose(np.concatenate([piece.driving for piece in pieces]), whole.driving, atol=1e-5)


def test_it_can_be_asked_for_what_it_knows(model, source):
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    plain, strong = (
        model.animate(source, waveform, rate=16_000, controls=Controls(guidance)).numbers for guidance in (0.0, 5.0)
    )
    assert np.abs(plain - strong).max() > 1e-3
    with pytest.raises(InputError, match="from 0 to 10"):
        Controls(11)
    with pytest.raises(InputError, match=r"This model's controls|controls must be"):
        model.animate(source, waveform, rate=16_000, controls="loud")
    with pytest.raises(TypeError, match="guidence"):
        model.animate(source, waveform, rate=16_000, guidence=3)
    with pytest.raises(InputError, match="nothing to stitch"):
        model.animate(source, waveform, rate=16_000, stitch=True)


def test_the_command_line_makes_a_video(directory, tmp_path):
    out, saved = tmp_path / "toy.mp4", tmp_path / "motion.npz"
    output = run(sample, "--checkpoint", directory, "--output", out, "--steps", 3, "--motion_out", saved, "--no_cache")
    frames = len(list(read_frames(out)))
    assert f"{frames} frames" in output and frames > 100
    assert len(Glow.load(saved)) == frames
    run(sample, "--checkpoint", directory, "--output", tmp_path / "again.mp4", "--motion_in", saved, "--no_cache")
    assert len(list(read_frames(tmp_path / "again.mp4"))) == frames


def test_it_is_trained_by_the_loop(directory, tmp_path):
    """Ten steps, stopped by nothing; and what was learnt becomes a model."""
    output = run(train, "toy_mover", "--workdir", tmp_path / "run", "--set", "steps=10")
    assert "Finished after 10 steps." in output and f"pipelines.export --run {tmp_path / 'run'}" in output
    out = tmp_path / "mine"
    assert "toy_mover after 10 steps" in run(export, "--run", tmp_path / "run", "--checkpoint", directory, "--out", out)
    before, after = (load_checkpoint(path).variables("mover")["params"]["dense"] for path in (directory, out))
    assert np.abs(before["kernel"] - after["kernel"]).max() > 1e-3
    kept = [load_checkpoint(path).variables("painter")["params"]["dense"]["kernel"] for path in (directory, out)]
    np.testing.assert_array_equal(*kept)


def test_it_can_share_parts_with_another_model(directory, model, source, tmp_path):
    """A second model of other weights for the motion, and the first one's for all else, without a copy."""
    mover = random_variables("mover", CONFIG, seed=5)
    save_checkpoint(tmp_path / "second", {"mover": mover}, CONFIG.replace("second"), based_on=directory)
    assert [path.name for path in (tmp_path / "second" / "networks").iterdir()] == ["mover"]
    second = TalkingPortrait.load(tmp_path / "second")
    for name in ("ear", "painter"):
        np.testing.assert_array_equal(
            second.params[name]["params"]["dense"]["kernel"], model.params[name]["params"]["dense"]["kernel"]
        )
    motion = second.animate(source, np.ones(16_000, np.float32) * 0.1, rate=16_000)
    assert len(motion) == 25


def test_a_base_that_has_changed_is_refused(directory, download, tmp_path):
    base = tmp_path / "base"
    run(official, "--source", download, "--out", base, "--system", "toy", "--config", "toy")
    mover = random_variables("mover", CONFIG, seed=5)
    save_checkpoint(tmp_path / "second", {"mover": mover}, CONFIG, based_on=base)
    save_checkpoint(base, {"painter": random_variables("painter", CONFIG, seed=9)}, CONFIG, overwrite=True)
    with pytest.raises(CheckpointError, match=r"takes painter from .*base, where it is another one"):
        TalkingPortrait.load(tmp_path / "second")


def test_families_that_do_not_fit_are_refused_in_a_sentence(directory, tmp_path):
    """An ear of four numbers for a mover that hears three."""
    from tests.systems.toy.networks import LinearConfig

    config = CONFIG.replace(ear=LinearConfig(4, 4))
    save_checkpoint(tmp_path / "model", {name: random_variables(name, config) for name in PARTS}, config)
    with pytest.raises(CheckpointError, match=r"features of 4 numbers at 50 a second .* hears 3 at 50"):
        TalkingPortrait.load(tmp_path / "model")


def test_videos_become_its_data_set(directory, tmp_path):
    """In its own terms, with frames and sound as it hears them; and no other system takes it for one of its own."""
    (tmp_path / "videos").mkdir()
    film(tmp_path / "videos" / "a.mp4", portrait(64), frames=60, sound=speech(2.4))
    out = tmp_path / "set"
    given = ("--videos", tmp_path / "videos", "--checkpoint", directory, "--already_cut", "--split", "1/0")
    run(extract, *given, "--out", out)
    (clip,) = open_clips(out, "train")
    assert clip["brightness"].shape == (60,) and clip["audio"].shape == (120, 3)
    assert system_of(out) == "toy"
    assert json.loads((out / "statistics.json").read_text()).keys() == {"brightness_mean", "brightness_std"}
    with pytest.raises(InputError, match="data set of the system toy, not of kdtalker"):
        load_statistics(out)
