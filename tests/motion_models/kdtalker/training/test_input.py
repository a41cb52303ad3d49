"""Batches are known by their number, on any number of processes."""

from dataclasses import replace

import numpy as np
import pytest

from kdtalker_jax.errors import InputError
from kdtalker_jax.motion_models.kdtalker.training.input import Batches, MotionClip, UsableClips, check_clips
from tests.training.synthetic import TINY, make_clip, make_clips

WINDOW = 64


class Counting(list):
    """Clips that count how often they are read."""

    reads = 0

    def __getitem__(self, index):
        Counting.reads += 1
        return super().__getitem__(index)


def usable(clips: list[dict], **changes) -> UsableClips:
    return UsableClips(clips, WINDOW, replace(TINY.input, **changes))


def test_usable_length_leaves_out_the_last_of_motion_and_two_of_audio():
    assert MotionClip.of(make_clip("a", 100)).usable_length == 98
    assert MotionClip.of(make_clip("a", 100, audio_frames=200)).usable_length == 99
    assert MotionClip.of(make_clip("a", 100, audio_frames=90)).usable_length == 88


def test_a_window_follows_its_reference_frame():
    stored = make_clip("a", 100)
    motion, canonical, audio = MotionClip.of(stored).window(7, WINDOW)
    assert motion.shape == (65, 70)
    reference = [stored[name][7] for name in ("scale", "yaw", "pitch", "roll")]
    np.testing.assert_array_equal(motion[0], np.concatenate([reference, stored["t"][7], stored["exp"][7]]))
    np.testing.assert_array_equal(motion[64, 7:], stored["exp"][71])
    np.testing.assert_array_equal(canonical, stored["kp"][7])
    np.testing.assert_array_equal(audio, stored["audio"][8:72])


@pytest.mark.parametrize("frames", [67, 70, 200])
def test_windows_begin_anywhere_both_ends_included(frames):
    """n = frames - 2 here; the first frame is uniform in 0 .. n - 65."""
    clip = MotionClip.of(make_clip("a", frames))
    starts, counts = np.unique(
        [clip.start(x, WINDOW) for x in np.linspace(0, 1, 10_000, endpoint=False)], return_counts=True
    )
    assert starts.tolist() == list(range(frames - 2 - 65 + 1))
    assert counts.max() - counts.min() <= 1
    assert len(clip.window(starts[-1], WINDOW)[2]) == WINDOW


def test_clips_too_short_for_a_window_are_left_out_and_counted():
    """66 frames of motion or 67 of sound are the least."""
    lengths = [(66, 67), (65, 200), (200, 66), (200, 200)]
    clips = usable([make_clip(str(i), frames, audio_frames=audio) for i, (frames, audio) in enumerate(lengths)])
    assert [clip.name for clip in clips] == ["0", "3"]
    assert clips.left_out == 2


def take(count: int, config=TINY, **processes) -> list[dict]:
    batches = Batches(usable(make_clips()), config, **processes)
    return [
        {**batch.windows._asdict(), "sources": batch.sources} for batch, _ in zip(batches, range(count), strict=False)
    ]


def test_every_clip_comes_once_before_one_comes_again():
    config = replace(TINY, batch_size=6)
    for batch in take(3, config):
        names = {source.split(" from")[0] for source in batch["sources"]}
        assert names == {f"clip {i}" for i in range(6)}


def test_order_and_windows_differ_between_epochs_and_seeds():
    config = replace(TINY, batch_size=6)
    first, second = (batch["sources"] for batch in take(2, config))
    assert first != second
    assert take(1, replace(config, seed=1))[0]["sources"] != first


def test_the_same_seed_gives_the_same_batches():
    for a, b in zip(take(5), take(5), strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_processes_share_what_one_process_has_alone():
    whole = take(4)
    shares = [take(4, process=process, processes=2) for process in range(2)]
    for i, batch in enumerate(whole):
        for name, expected in batch.items():
            together = np.concatenate([share[i][name] for share in shares])
            order = np.argsort(np.concatenate([share[i]["position"] for share in shares]))
            np.testing.assert_array_equal(together[order], expected)
        assert batch["position"].tolist() == [0, 1, 2, 3]


def test_the_position_in_the_data_resumes_on_any_number_of_processes():
    batches = Batches(usable(make_clips()), TINY, process=1, processes=2)
    for _ in range(3):
        next(batches)
    resumed = Batches(usable(make_clips()), TINY)
    resumed.state = batches.state
    assert next(resumed).sources == take(4)[3]["sources"]


def test_fewer_clips_than_a_batch_come_several_times():
    config = replace(TINY, batch_size=32)
    assert take(1, config)[0]["motion"].shape == (32, 65, 70)


@pytest.mark.parametrize(("room", "reads_again"), [(0.1, 0), (0.0, 6)])
def test_clips_are_kept_in_memory_as_far_as_there_is_room(room, reads_again):
    clips = usable(Counting(make_clips()), cache_gb=room)
    Counting.reads = 0
    assert sum(len(clip.motion) for clip in clips) == 555
    assert Counting.reads == reads_again


def test_no_usable_clip_is_an_error_that_says_what_is_needed():
    with pytest.raises(InputError, match="motion needs 66 frames, audio 67"):
        check_clips(usable([make_clip("a", 30)]), TINY, "data")


def test_features_of_another_size_are_refused_by_name():
    with pytest.raises(InputError, match=r"8 numbers per frame where denoiser.audio_features asks for 512"):
        check_clips(usable(make_clips()), replace(TINY, denoiser=replace(TINY.denoiser, audio_features=512)), "data")
