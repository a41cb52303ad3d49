"""What judges videos of real people is right itself, on drawings, points and signals whose truth is known."""

import json

import cv2
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from benchmarks.demo.probe import true_reading
from benchmarks.demo.unseen import take, unseen_people, unseen_performances
from benchmarks.real.clips import Clip, half_of, read_clips
from benchmarks.real.judging import Verdict, agreement, judge
from benchmarks.real.pose import HEAD, RIGID, camera_matrix, head_pose
from benchmarks.real.seen import Seen, Watcher, eye_opening
from benchmarks.real.table import BY_CLIP, clip_cells, rows
from benchmarks.real.takes import Take
from benchmarks.real_faces import main
from kdtalker_jax.errors import InputError
from kdtalker_jax.faces.detector import FaceDetector
from kdtalker_jax.media.rates import SAMPLE_RATE, SAMPLES_PER_FRAME
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.metrics.identity import SAME_PERSON, cosines, distances
from kdtalker_jax.spaces.geometry import rotation_matrix
from kdtalker_jax.synthetic.drawing import draw_frames

FRAMES, SHOWN = 100, 3  # of a performance, and every how many of them one is seen


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def person():
    return unseen_people(1)[0]


@pytest.fixture(scope="module")
def drawn(person):
    """A clip of someone who speaks, and what they really do."""
    performance = unseen_performances(1, FRAMES)[0]
    states = take(performance.states, np.arange(0, FRAMES, SHOWN))
    pictures = draw_frames(person, states, 256)
    return Clip("drawn", pictures, performance.waveform[: len(pictures) * SAMPLES_PER_FRAME]), states


@pytest.fixture(scope="module")
def watched(drawn, detector) -> Seen:
    return Watcher(detector)(drawn[0].frames)


def test_mouths_and_heads_of_drawings_are_read(person, drawn, watched):
    """Landmarks were not made for drawings: if they follow these, they follow people."""
    _, states = drawn
    assert watched.found.mean() > 0.9
    assert agreement(watched.mouth, true_reading(person, states).opening) > 0.5
    for i, name in enumerate(("yaw", "pitch", "roll")):
        assert agreement(watched.pose[:, i], getattr(states, name)) > 0.5, name


def test_the_same_person_is_near_and_another_is_not(watched, detector):
    other = unseen_people(2)[1]
    performance = unseen_performances(2, FRAMES)[1]
    theirs = Watcher(detector)(draw_frames(other, take(performance.states, np.arange(0, FRAMES, 20)), 256))
    own, strange = distances(watched.who[1:], watched.who[0]), distances(theirs.who, watched.who[0])
    assert np.nanmax(own) < SAME_PERSON
    assert np.nanmin(strange) > np.nanmax(own)


def test_distance_and_cosine_by_hand():
    faces, reference = np.array([[1.0, 0.0], [0.0, 2.0], [0.6, 0.8]]), np.array([1.0, 0.0])
    np.testing.assert_allclose(distances(faces, reference), [0, 5**0.5, 0.8**0.5])
    np.testing.assert_allclose(cosines(faces, reference), [1, 0, 0.6])


def landmarks_at(yaw: float, pitch: float, roll: float, size: int = 256) -> np.ndarray:
    """(68, 2) of which only the rigid ones are where they should be."""
    mirror = np.diag([1.0, 1.0, -1.0])  # our z points to the viewer, OpenCV's away
    rotation = mirror @ np.asarray(rotation_matrix(*map(np.float32, (pitch, yaw, roll))), np.float64).T @ mirror
    seen, _ = cv2.projectPoints(HEAD, cv2.Rodrigues(rotation)[0], (5.0, -8.0, 900.0), camera_matrix(size), None)
    points = np.zeros((68, 2))
    points[RIGID] = seen[:, 0]
    return points


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 0, 0), (0, -15, 0), (0, 0, 20), (-20, 12, -9)])
def test_pose_is_that_of_the_head(angles):
    np.testing.assert_allclose(head_pose(landmarks_at(*angles)[None], 256)[0], angles, atol=0.1)


def test_no_face_no_pose():
    assert np.isnan(head_pose(np.full((2, 68, 2), np.nan), 256)).all()


@pytest.mark.parametrize("scale", [1, 5])
def test_eyes_are_open_by_their_own_width(scale):
    points = np.zeros((1, 68, 2))
    for corners, above, below, height in (((36, 39), (37, 38), (41, 40), 6), ((42, 45), (43, 44), (47, 46), 12)):
        points[0, corners] = (0, 0), (30, 0)
        points[0, above] = (10, -height / 2), (20, -height / 2)
        points[0, below] = (10, height / 2), (20, height / 2)
    np.testing.assert_allclose(eye_opening(scale * points), [(6 + 12) / 2 / 30])


def test_agreement_needs_faces_in_half_of_the_frames():
    wanted = np.sin(np.arange(40) / 3)
    assert agreement(np.where(np.arange(40) < 18, np.nan, 3 - 2 * wanted), wanted) == pytest.approx(-1)
    assert np.isnan(agreement(np.where(np.arange(40) < 22, np.nan, wanted), wanted))
    assert np.isnan(agreement(np.ones(40), wanted))


def seen_as(mouth: np.ndarray) -> Seen:
    """Someone who only moves the mouth, and is known again."""
    frames = len(mouth)
    pose = np.stack([np.sin(np.arange(frames) / k) for k in (3, 5, 7)], axis=1)
    return Seen(np.zeros((frames, 68, 2)), mouth, np.abs(mouth), pose, np.eye(frames, 128) * 0 + np.eye(128)[0])


@pytest.mark.parametrize("late", [-2, 0, 3])
def test_a_take_is_judged(late):
    """Pictures that are 5 levels off everywhere, a still portrait that is 51 off in all frames but its own."""
    rng = np.random.default_rng(0)
    mouth = np.convolve(rng.normal(size=60), np.ones(4) / 4, "same")
    truth = np.full((60, 32, 32, 3), 151, np.uint8)
    truth[0] = 100
    own, made = seen_as(mouth), seen_as(2 * mouth)
    made.who[:] = np.eye(128)[1]
    spoken = seen_as(np.roll(mouth, late))
    spoken.mouth[20:23] = np.nan
    sound = np.repeat(np.exp(mouth), SAMPLES_PER_FRAME) * rng.normal(0, 0.05, 60 * SAMPLES_PER_FRAME)
    # A frame shows the middle of what is heard about it.
    clip = Clip("someone", truth, np.roll(sound, -5 * SAMPLES_PER_FRAME // 2).astype(np.float32))
    verdict = judge(Take(clip, own, truth + np.uint8(5), made, truth, spoken))
    assert verdict.psnr == pytest.approx(20 * np.log10(255 / 5))
    assert verdict.still_psnr == pytest.approx(20 * np.log10(255 / 51))
    assert verdict.gain == pytest.approx(verdict.psnr - verdict.still_psnr) and verdict.moves
    assert (verdict.mouth, verdict.found) == (pytest.approx(1), 1)
    assert (verdict.distance, verdict.cosine) == (pytest.approx(2**0.5), pytest.approx(0))
    assert (verdict.own_distance, verdict.own_cosine) == (0, pytest.approx(1))
    assert verdict.offset == late
    assert verdict.own_offset == 2, "the clip's pictures come later than its sound"
    assert (verdict.spoken > 0.95) == (late == 0)
    assert all(error == 0 for error in verdict.pose_error.values())
    assert len(clip_cells(verdict)) == len(BY_CLIP)


def test_a_clip_without_sound_or_faces_is_judged_as_far_as_it_goes():
    truth = np.zeros((20, 32, 32, 3), np.uint8)
    nobody = Seen(*(np.full(shape, np.nan) for shape in ((20, 68, 2), (20,), (20,), (20, 3), (4, 128))))
    verdict = judge(Take(Clip("nobody", truth, None), nobody, truth, nobody, None, None))
    assert np.isnan([verdict.mouth, verdict.distance, verdict.spoken]).all()
    assert verdict.offset is None and verdict.found == 0 and not verdict.moves
    assert not any(
        row.reached for row in rows([verdict]) if row.reached is not None and "real clips" not in row.quantity
    )


def verdict_of(name: str = "one", **changes) -> Verdict:
    """What reaches everything, changed."""
    good = dict(frames=50, psnr=25.0, ssim=0.81, still_psnr=22.0, still_ssim=0.7, found=1.0, mouth=0.8, eyes=0.6)
    good |= dict(distance=0.3, cosine=0.95, own_distance=0.2, own_cosine=0.98, spoken=0.6, offset=-1)
    good |= dict(loud=0.5, own_offset=0)
    angles = dict.fromkeys(("yaw", "pitch", "roll"), 0.95)
    return Verdict(
        name=name, **(good | dict(pose=angles, pose_error=angles, pose_std=dict.fromkeys(angles, 5.0)) | changes)
    )


def test_everything_reached():
    assert all(row.reached in (True, None) for row in rows([verdict_of(), verdict_of("other")]))


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"ssim": 0.6}, "real clips, self-reenactment"),
        ({"still_psnr": 25.1}, "PSNR above the still portrait's"),
        ({"mouth": 0.5}, "mouth opening against the person's"),
        ({"eyes": 0.1}, "eyes opening against the person's"),
        ({"distance": 0.56, "cosine": 0.9}, "identity, frames against portrait"),
        ({"distance": np.nan}, "identity, frames against portrait"),
        ({"pose": {"yaw": 0.9, "pitch": 0.7, "roll": 1.0}}, "head pose by landmarks"),
        ({"spoken": 0.4}, "driven by its own sound: mouth opening against the person's"),
        ({"offset": 2}, "driven by its own sound: mouth opening against the person's"),
    ],
)
def test_what_is_missed_is_said(changes, missed):
    assert [row.quantity for row in rows([verdict_of(), verdict_of("other", **changes)]) if row.reached is False] == [
        missed
    ]


def test_heads_that_do_not_turn_say_nothing_about_pose():
    still = verdict_of("statue", pose=dict.fromkeys(("yaw", "pitch", "roll"), -0.1))
    still.pose_std.update(yaw=0.4)
    row = next(row for row in rows([verdict_of(), still]) if row.quantity == "head pose by landmarks")
    assert row.numbers["r"]["yaw"] == pytest.approx(0.95)
    assert row.numbers["r"]["pitch"] == pytest.approx((0.95 - 0.1) / 2)


def test_still_clips_need_not_be_bettered():
    table = {row.quantity: row for row in rows([verdict_of(), verdict_of("statue", still_psnr=45.0)])}
    assert table["PSNR above the still portrait's"].numbers == {"one": pytest.approx(3.0)}


def test_halves_are_of_names_alone():
    names = [f"clip {number}" for number in range(200)]
    halves = [half_of(name) for name in names]
    assert halves[:6] == ["a", "b", "a", "b", "b", "b"]  # once chosen, for ever
    assert 70 < halves.count("a") < 130


def test_videos_that_give_no_clip_are_named(tmp_path, detector):
    (tmp_path / "notes.txt").write_text("no video")
    (sentence,) = read_clips(tmp_path, "all", 256, 8.0, detector)
    assert "notes.txt" in sentence
    other = "ab".replace(half_of("notes"), "")
    with pytest.raises(InputError, match=f"no videos in .* for half {other}"):
        next(read_clips(tmp_path, other, 256, 8.0, detector))


@pytest.fixture(scope="module")
def videos(drawn, tmp_path_factory):
    """A folder with one second of the drawn clip, which speaks, and a file that is none."""
    folder = tmp_path_factory.mktemp("videos")
    soundfile.write(folder / "sound.wav", drawn[0].waveform[: 25 * SAMPLES_PER_FRAME], SAMPLE_RATE)
    with VideoWriter(folder / "drawn.mp4", folder / "sound.wav") as video:
        video.write(drawn[0].frames[:25])
    (folder / "sound.wav").unlink()
    (folder / "notes.txt").write_text("no video")
    return folder


def test_command_measures_what_there_is(videos, small_checkpoint, tmp_path):
    """With a model that was never trained: all rows are there, and it is not praised."""
    file = tmp_path / "real.json"
    arguments = ["--videos", str(videos), "--checkpoint", str(small_checkpoint), "--seconds", "0.6"]
    arguments += ["--json", str(file), "--sheets", str(tmp_path / "sheets")]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    rows = {row["quantity"]: row for row in found["rows"]}
    assert rows["real clips, self-reenactment"]["reached"] is False
    assert [clip["name"] for clip in found["clips"]] == ["drawn"]
    assert found["clips"][0]["frames"] == 15 and found["clips"][0]["still_psnr"] > found["clips"][0]["psnr"]
    assert len(found["left_out"]) == 1
    assert cv2.imread(str(tmp_path / "sheets" / "drawn.png")).shape == (3 * 256, 10 * 256, 3)
    assert "| drawn | 15 |" in result.output


def test_clips_may_be_looked_at_now_and_then(videos, detector):
    whole, some = (
        next(clip for clip in read_clips(videos, "all", 64, 1.0, detector, every) if isinstance(clip, Clip))
        for every in (1, 2)
    )
    np.testing.assert_array_equal(some.frames, whole.frames[::2])
    assert (len(whole.frames), len(some.frames), some.every) == (25, 13, 2)
    np.testing.assert_array_equal(some.waveform, whole.waveform)


def test_nothing_to_measure_is_said(small_checkpoint, tmp_path):
    (tmp_path / "notes.txt").write_text("no video")
    result = CliRunner().invoke(main, ["--videos", str(tmp_path), "--checkpoint", str(small_checkpoint)])
    assert result.exit_code == 2 and "could be used" in result.output
