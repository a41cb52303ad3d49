"""The synthetic world on disk: `python -m pipelines.synthesize` and what it writes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from kdtalker_jax.data.clips import SPLITS, decode_frame
from kdtalker_jax.data.landmarks import LANDMARKS
from kdtalker_jax.errors import InputError, OutputError
from kdtalker_jax.features.mel import mel_spectrogram
from kdtalker_jax.synthetic.builder import build_world, open_world, states_of
from kdtalker_jax.synthetic.clips import WorldOptions, make_clip, plan_world, unflatten_person
from kdtalker_jax.synthetic.drawing import draw_frames
from kdtalker_jax.synthetic.feelings import EMOTIONS
from kdtalker_jax.synthetic.performance import random_performance
from kdtalker_jax.synthetic.state import FaceState, FeelingState
from pipelines.synthesize import main

OPTIONS = WorldOptions(performances=3, people_per_performance=2, frames=10, expressive=2, expressive_frames=6, size=32)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("world") / "world"
    build_world(out, OPTIONS)
    return out


@pytest.fixture(scope="module")
def clips(world):
    return {split: list(open_world(world, split)) for split in SPLITS}


def test_every_planned_clip_is_there_with_all_its_truth(clips):
    assert sorted(clip["name"] for split in SPLITS for clip in clips[split]) == [p.name for p in plan_world(OPTIONS)]
    for clip in itertools.chain(*clips.values()):
        frames = 6 if clip["kind"] == "expressive" else 10
        assert clip["frames"] == len(clip["jpeg"]) == frames
        assert decode_frame(clip["jpeg"][0]).shape == (32, 32, 3)
        assert all(field.shape == (frames,) for field in states_of(clip))
        assert clip["landmarks"].shape == (frames, len(LANDMARKS), 2)
        assert clip["waveform"].shape == (frames * 640,)
        np.testing.assert_array_equal(clip["mel"], mel_spectrogram(clip["waveform"] / np.float32(32768)))


def test_pictures_show_the_stored_person_in_the_stored_state(clips):
    clip = clips["train"][0]
    drawn = draw_frames(unflatten_person(clip["person"]), states_of(clip), 32)
    difference = np.abs(decode_frame(clip["jpeg"][3]).astype(float) - drawn[3])
    assert difference.mean() < 3  # of 255: JPEG


def test_twins_share_motion_and_sound_and_are_other_people(clips):
    for clip_list in clips.values():
        ordered = sorted(clip_list, key=lambda clip: clip["name"])
        for one, other in zip(ordered[::2], ordered[1::2], strict=True):
            assert one["performance"] == other["performance"]
            for field, twin in zip(states_of(one), states_of(other), strict=True):
                np.testing.assert_array_equal(field, twin)
            np.testing.assert_array_equal(one["waveform"], other["waveform"])
            assert not np.array_equal(one["person"], other["person"])


def test_splits_share_no_performance_and_no_person(clips):
    performances = {split: {clip["performance"] for clip in clips[split]} for split in SPLITS}
    assert performances["train"] and performances["validation"]
    assert not performances["train"] & performances["validation"]
    people = [clip["person"].tobytes() for split in SPLITS for clip in clips[split]]
    assert len(set(people)) == len(people)


def test_the_same_options_give_the_same_bytes_also_after_an_interruption(world, tmp_path):
    def three(plans):
        yield from plans[:3]
        raise InterruptedError

    out = tmp_path / "again"
    with pytest.raises(InterruptedError):
        build_world(out, OPTIONS, three)
    assert not out.exists()
    build_world(out, OPTIONS)
    files = sorted(path.name for path in world.iterdir())
    assert files == sorted(path.name for path in out.iterdir())
    for name in files:
        assert (world / name).read_bytes() == (out / name).read_bytes(), name
    assert [path.name for path in tmp_path.iterdir()] == ["again"]  # nothing unfinished is left


def test_recordings_are_spoken_and_not_shared_between_splits(tmp_path):
    for number in range(12):
        soundfile.write(tmp_path / f"{number}.wav", random_performance(number, 30).waveform, 16_000)
    options = WorldOptions(
        performances=30, people_per_performance=1, frames=12, recordings=tmp_path, recorded=1.0, size=32
    )
    plans = plan_world(options)
    used = {split: {p.recording for p in plans if p.split == split and p.recording} for split in SPLITS}
    assert used["train"] and not used["train"] & used["validation"]
    plan = next(plan for plan in plans if plan.kind == "recording")
    clip = make_clip(plan, options)
    whole = soundfile.read(plan.recording, dtype="float32")[0]
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(clip["waveform"]))
    assert np.abs(windows - clip["waveform"] / 32767).mean(axis=1).min() < 1e-4


def test_frames_apart_are_those_of_the_whole_performance_without_its_sound():
    plan, apart = plan_world(OPTIONS)[0], replace(OPTIONS, apart=4)
    whole, moments = make_clip(plan, OPTIONS), make_clip(plan_world(apart)[0], apart)
    assert (whole["kind"], moments["kind"], moments["frames"]) == ("speech", "moments", 3)
    for field, every in zip(states_of(moments), states_of(whole), strict=True):
        np.testing.assert_array_equal(field, every[::4])
    assert whole["waveform"].any()
    assert moments["waveform"].shape == (3 * 640,) and not moments["waveform"].any()
    assert moments["jpeg"][1] == whole["jpeg"][4]


def test_the_command_says_what_is_wrong(world, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, list(map(str, arguments)))

    assert "exists already" in run("--out", world).output
    assert "not a folder" in run("--out", tmp_path / "new", "--recordings", tmp_path / "none").output
    assert "no recordings" in run("--out", tmp_path / "new", "--recordings", tmp_path).output
    assert "Examples" in run("--help").output


def test_reading_says_what_is_wrong(world, tmp_path):
    with pytest.raises(InputError, match=r"pipelines\.synthesize"):
        open_world(tmp_path, "train")
    with pytest.raises(InputError, match="no split"):
        open_world(world, "test")
    with pytest.raises(OutputError, match="exists already"):
        build_world(world, OPTIONS)


def test_plain_worlds_know_no_feelings(clips):
    """Nor do those of earlier versions: what reads feelings reads both."""
    for clip in itertools.chain(*clips.values()):
        assert isinstance(states_of(clip), FaceState)
        np.testing.assert_array_equal(clip["emotion"], np.full(clip["frames"], -1, np.int8))
        np.testing.assert_array_equal(clip["intensity"], np.zeros(clip["frames"], np.float32))


def test_a_look_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(InputError, match="choose one of plain, varied"):
        build_world(tmp_path / "world", replace(OPTIONS, look="real"))
    assert not list(tmp_path.iterdir())


def test_plain_people_give_an_even_share_of_a_varied_world():
    for share, expected in ((0.0, 0), (0.3, 3), (1.0, 10)):
        options = replace(OPTIONS, look="varied", plain=share)
        looks = [options.look_of(number) for number in range(10)]
        assert looks.count("plain") == expected and set(looks) <= {"plain", "varied"}
    assert OPTIONS.look_of(0) == "plain"


@pytest.mark.slow
def test_varied_worlds_hold_feelings_and_people_with_details(tmp_path):
    options = replace(OPTIONS, look="varied", plain=0.3, people_per_performance=1, expressive=2, performances=2)
    build_world(tmp_path / "world", options)
    looks = set()
    for clip in itertools.chain(*(open_world(tmp_path / "world", split) for split in SPLITS)):
        states = states_of(clip)
        assert isinstance(states, FeelingState)
        assert clip["emotion"].dtype == np.int8 and clip["emotion"].shape == clip["intensity"].shape == (
            clip["frames"],
        )
        assert set(clip["emotion"].tolist()) <= {-1, *range(len(EMOTIONS))}
        person, look = unflatten_person(clip["person"]), options.look_of(clip["performance"])
        assert (person.details is None) == (look == "plain")
        if look == "plain":
            assert not clip["emotion"].any() and not clip["intensity"].any() and not clip["press"].any()
        looks.add(look)
        drawn = draw_frames(person, states, 32)
        assert np.abs(decode_frame(clip["jpeg"][3]).astype(float) - drawn[3]).mean() < 6  # of 255: JPEG
    assert looks == {"plain", "varied"}
