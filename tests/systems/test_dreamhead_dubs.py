"""Dubs by DreamHead: videos and frames of others that say something else."""

import contextlib
import subprocess
from dataclasses import replace
from fractions import Fraction

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from kdtalker_jax import TalkingPortrait, dubbing
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.faces.detector import Box
from kdtalker_jax.faces.mesh_of_cuts import CutMesh
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.frames import exact_rate, read_frames
from pipelines import dub
from tests.metrics.films import portrait
from tests.systems.dreamhead import disc, run, write_film, write_mesh

QUICK = {"rate": 16_000, "steps": 2}
RATE = Fraction(30000, 1001)
FRAMES = 9  # of the film, 0.3 s
HIDDEN = 4  # the frame that shows no face


@pytest.fixture(scope="module")
def shown():
    """Someone who moves to the right, and is away in one frame."""
    return [disc(60 + 5 * i) if i != HIDDEN else disc(-500) for i in range(FRAMES)]


@pytest.fixture(scope="module")
def film(shown, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", shown, RATE)


def test_mouths_of_other_frames_are_painted(model, shown, waveform):
    """What lies outside is each frame's own, bit by bit; a frame that shows no face is so everywhere."""
    calls = []

    def frames():
        calls.append(1)
        return iter(shown)

    made = np.concatenate(list(model.repaint(frames, waveform, crop="none", batch_size=4, **QUICK)))
    assert made.shape == (FRAMES, 160, 160, 3)
    changed = (made != np.stack(shown)).any(axis=-1)
    seen = np.arange(FRAMES) != HIDDEN
    np.testing.assert_array_equal(changed.any(axis=(1, 2)), seen)
    assert changed[seen].mean() < 0.6
    assert not changed[:, :40].any()
    columns = [np.flatnonzero(changed[i].any(axis=0)).mean() for i in (0, 8)]
    assert columns[1] > columns[0], "the mouth moves with the face"
    one = np.concatenate(list(model.repaint(frames, waveform, crop="none", batch_size=1, **QUICK)))
    np.testing.assert_allclose(one.astype(int), made, atol=1)
    assert len(calls) > 2


def test_a_mouth_that_reaches_the_cuts_border_has_a_seam_within_the_frame(model, shown, waveform):
    """Not where the cut ends with the frame."""
    frame = np.pad(shown[0], ((0, 80), (0, 80), (0, 0)))
    watched = dubbing.watch(model, lambda: shown[:1], Fraction(25), "the frames", crop="none")
    source, motion = watched.portrait(model), model.animate(model.prepare(disc(), "none"), waveform, **QUICK)
    whole = np.int32([[0, 0, 1, 1]]) * model.renderer.picture_size

    def bottom(region):
        """How far what is painted differs from the frame in the last rows of the region, on the whole."""
        moved = replace(watched, read=lambda: [frame], regions=[region])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model.renderer, "regions", lambda own: whole)
            (made,) = dubbing.repainted(model, moved, source, motion, 1, batch_size=1)
        changed = np.abs(made[0].astype(int) - frame)[region.top : region.bottom, region.left : region.right]
        return changed[-1].mean(), changed[-40:-20].mean()

    last, inner = bottom(Box(0, 0, 160, 160))
    assert last < 0.2 * inner
    last, inner = bottom(Box(80, 80, 240, 240))
    assert last > 0.3 * inner


def test_what_overflows_in_low_precision_is_painted_again(directory, model, shown, waveform, monkeypatch):
    """In float32, as portraits are; weights are damaged where that does not help."""
    how = {"crop": "none", "batch_size": 4, **QUICK}
    low = TalkingPortrait.load(directory, dtype="bfloat16")
    repaint = low.renderer.repaint

    def overflows(*given):
        state, faces, finite = repaint(*given)
        return state, 0 * faces, finite & False

    monkeypatch.setattr(low.renderer, "repaint", overflows)
    with pytest.warns(match="overflow in bfloat16; they are painted in float32"):
        made = np.concatenate(list(low.repaint(lambda: shown[:4], waveform[: 4 * 640], **how)))
    expected = np.concatenate(list(model.repaint(lambda: shown[:4], waveform[: 4 * 640], **how)))
    # Landmarks are bfloat16's own, and where they move a latent from one code to the next, pixels jump.
    assert (np.abs(made.astype(int) - expected) > 2).mean() < 0.1
    monkeypatch.setattr(model.renderer, "repaint", overflows)
    with pytest.raises(CheckpointError, match="not finite: the model's weights are damaged"):
        list(model.repaint(lambda: shown[:4], waveform[: 4 * 640], **how))


def test_another_video_is_watched_by_the_same_program(model, shown, waveform, monkeypatch):
    traced, call = [], CutMesh.__call__
    monkeypatch.setattr(CutMesh, "__call__", lambda self, frames: traced.append(1) or call(self, frames))
    for count in (2, 3):
        dubbing.watch(model, lambda count=count: shown[:count], Fraction(25), "the frames", crop="none")
    assert len(traced) <= 1


def test_a_missing_face_mesh_is_missed_before_a_frame_is_read(model, tmp_path, monkeypatch):
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "missing.tflite"))
    with pytest.raises(CheckpointError, match=r"missing\.tflite"):
        dubbing.watch(model, lambda: pytest.fail("read"), Fraction(25), "the frames", crop="none")


@pytest.mark.parametrize(("face_index", "side"), [(None, "left"), (1, "right")])
def test_of_several_faces_the_largest_or_the_named_one_speaks(
    directory, waveform, face_index, side, tmp_path, monkeypatch
):
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(write_mesh(tmp_path, always=True)))
    shown = np.full((256, 480, 3), 200, np.uint8)
    shown[:, :256], shown[40:232, 280:472] = portrait(256), portrait(192, "bruno")
    model, how = TalkingPortrait.load(directory), {"face_index": face_index, **QUICK}
    told = contextlib.nullcontext()
    if face_index is None:
        told = pytest.warns(match="There are 2 faces in the frames: the largest is followed, unless `face_index` names")
    with told:
        made = np.concatenate(list(model.repaint(lambda: [shown] * 4, waveform[: 4 * 640], **how)))
    columns = np.flatnonzero((made != shown).any(axis=(0, 1, 3)))
    assert len(columns) > 20
    assert columns.max() < 256 if side == "left" else columns.min() > 280
    with pytest.raises(InputError, match="There is no face 2"):
        model.repaint(lambda: [shown] * 4, waveform[: 4 * 640], **how | {"face_index": 2})


def test_a_recording_that_is_shorter_ends_it(model, shown, waveform):
    made = list(model.repaint(lambda: shown, waveform[: 3 * 640], crop="none", batch_size=2, **QUICK))
    assert len(made) == 3


def test_no_more_is_heard_than_the_frames_last(model, shown, waveform, monkeypatch):
    """A recording may be longer than the video."""
    heard, windows = [], model.features.windows

    def counted(params, pieces, rows):
        for window in windows(params, pieces, rows):
            heard.append(len(window))
            yield window

    monkeypatch.setattr(model.features, "windows", counted)
    how = {"crop": "none", "batch_size": 4, **QUICK}
    made = np.concatenate(list(model.repaint(lambda: shown, waveform, **how)))
    assert len(heard) == 1 and len(made) == FRAMES


@pytest.mark.parametrize(("length", "frames"), [("shortest", 5), ("audio", 14), ("video", FRAMES), ("loop", 14)])
@pytest.mark.filterwarnings("default:The video is cut", "default:The face is not seen in 1 of 9 frames")
def test_the_command_line_dubs_a_video(directory, film, waveform, length, frames, tmp_path):
    """At its own rate; as long as is asked for."""
    speech, out = tmp_path / "speech.wav", tmp_path / "out.mp4"
    soundfile.write(speech, waveform[: (12 if length in ("audio", "loop") else 5) * 640], 16_000)
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--crop", "none", "--video", film)
    result = run(dub, *given, "--driven_audio", speech, "--length", length, "--output", out)
    assert result.exit_code == 0, result.output
    assert f"{frames} frames" in result.output
    assert exact_rate(out) == RATE
    made = np.stack(list(read_frames(out, rate=RATE))).astype(int)
    assert len(made) == frames and len(load_waveform(out)) > 0
    theirs = np.stack(list(read_frames(film, rate=RATE)))
    index = np.arange(frames)
    theirs = theirs[index % FRAMES if length == "loop" else np.minimum(index, FRAMES - 1)]
    difference = np.abs(made - theirs)
    assert difference[:, :32].mean() < 6, "codecs alone"
    assert difference.mean(axis=(0, 3)).max() > 20, "and the mouth is another"


def test_what_cannot_be_is_said(model, small_model, directory, small_checkpoint, film, speech, shown, tmp_path):
    with pytest.raises(InputError, match="`length` is one of shortest, audio, video, loop, not 'longest'"):
        model.dub(film, speech, tmp_path / "out.mp4", length="longest")
    with pytest.raises(TypeError, match="dub takes no argument 'lenght': did you mean 'length'"):
        model.dub(film, speech, tmp_path / "out.mp4", lenght="loop")
    with pytest.raises(InputError, match="moves whole faces and paints no mouths"):
        small_model.repaint(lambda: shown, speech)
    with pytest.raises(InputError, match="`frame_rate` must be a number from 1 to 240, not 0"):
        model.repaint(lambda: shown, speech, frame_rate=0)
    for asked in ({"stitch": True}, {"edits": "yaw=9"}, {"relative": True}):
        with pytest.raises(InputError, match="is for models that move whole heads"):
            model.dub(film, speech, tmp_path / "out.mp4", **asked)
    once = iter(shown)
    with pytest.raises(InputError, match="has no frames"):
        list(model.repaint(lambda: once, speech, crop="none", steps=2))
    given = ("--no_cache", "--video", film, "--driven_audio", speech, "--output", tmp_path / "out.mp4")
    for extra, sentence in (
        (("--checkpoint", directory, "--stitch"), "paints mouths by sound alone"),
        (("--checkpoint", directory, "--feather", "0.1"), "paints mouths by sound alone"),
        (("--checkpoint", directory, "--moved", "mouth"), "--moved is for portraits"),
        (("--checkpoint", small_checkpoint, "--crop", "none"), "--crop is for models that paint mouths"),
    ):
        result = run(dub, *given, *extra)
        assert (result.exit_code, sentence in result.output) == (2, True), result.output
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"initial_noise": np.zeros((3, 64, 486))}, "The initial noise must have shape"),
        ({"moved": "mouth"}, "`moved` is for portraits"),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_the_video_is_watched(
    model, film, speech, shown, asked, sentence, tmp_path, monkeypatch
):
    monkeypatch.setattr(dubbing, "watch", None)
    with pytest.raises(InputError, match=sentence):
        model.dub(film, speech, tmp_path / "out.mp4", **asked)
    with pytest.raises(InputError, match=sentence):
        model.repaint(lambda: shown, speech, **asked)


def test_a_dub_begins_with_the_first_picture(model, film, speech, tmp_path):
    """The old sound, which begins later, is not heard any more."""
    late = ("-i", film, "-itsoffset", "0.15", "-i", speech, "-c:v", "copy", tmp_path / "late.mp4")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *map(str, late)], check=True, capture_output=True)
    with pytest.warns(match="The face is not seen in 1 of 9 frames"):
        made = model.dub(tmp_path / "late.mp4", speech, tmp_path / "out.mp4", length="video", crop="none", steps=2)
    assert made.frames == FRAMES


def test_a_large_video_keeps_its_size(model, speech, tmp_path):
    large = np.repeat(np.repeat(disc(), 14, axis=0), 14, axis=1)  # 2240 pixels a side
    film = write_film(tmp_path / "large.mp4", [large] * 2, 25)
    made = model.dub(film, speech, tmp_path / "out.mp4", crop="none", steps=2)
    assert next(read_frames(made.path, longest=4096)).shape == large.shape
