"""DreamHead as a system of the house: portraits that speak, and data sets that it is trained on."""

import jax
import numpy as np
import pytest
import soundfile

from configs.dreamhead import SMALL, SMALL_WAV2VEC2
from kdtalker_jax import TalkingPortrait, demo
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.compositing.finish import Finish
from kdtalker_jax.data.clips import open_clips
from kdtalker_jax.data.landmark_clips import clip_statistics
from kdtalker_jax.data.report import system_of
from kdtalker_jax.errors import InputError
from kdtalker_jax.media.frames import read_frames
from kdtalker_jax.media.video import VideoWriter
from kdtalker_jax.spaces.landmarks.known import in_pixels
from kdtalker_jax.spaces.landmarks.motion import LandmarkMotion
from kdtalker_jax.systems import check_fit, disagreement, find_system
from pipelines import compile, export, extract, sample, train
from tests.systems.dreamhead import SYSTEM, disc, run

QUICK = {"rate": 16_000, "steps": 2}


@pytest.fixture(scope="module")
def source(model):
    return model.prepare(disc(), crop="none")


@pytest.fixture(scope="module")
def motion(model, source, waveform):
    return model.animate(source, waveform, **QUICK)


def test_a_portrait_speaks(model, source, waveform, motion):
    assert isinstance(motion, LandmarkMotion) and motion.points.shape == (70, 162, 3)
    np.testing.assert_array_equal(model.animate(source, waveform, **QUICK).offsets, motion.offsets)
    frames = np.concatenate(list(model.render(source, motion[:3], batch_size=2)))
    changed = (frames != source.image).any(axis=-1)  # (3, S, S)
    assert changed.any(axis=(1, 2)).all()
    assert not changed.all(axis=0)[:16].any(), "the forehead stays"


def test_it_is_streamed_as_it_is_animated(model, source, waveform, motion):
    pieces = list(model.stream_motion(source, np.array_split(waveform, 7), **QUICK))
    assert len(pieces) > 1
    np.testing.assert_allclose(np.concatenate([piece.points for piece in pieces]), motion.points, atol=1e-4)


def test_it_can_be_asked_for_the_mouth_alone(model, source, waveform, motion):
    mouth = model.animate(source, waveform, moved="mouth", **QUICK)
    still = np.ptp(mouth.points, axis=0).max(axis=1) < 1e-6
    assert 60 < still.sum() < 120
    assert np.ptp(motion.points, axis=0).max(axis=1).min() > 1e-4
    with pytest.raises(InputError, match="`moved` is one of all, mouth"):
        model.animate(source, waveform, moved="nose", **QUICK)


def test_how_it_paints_is_chosen_when_it_is_loaded(directory, model, source, motion):
    exact = TalkingPortrait.load(directory, rendering={"steps": 3, "seed": 5})
    assert exact.config.painting.steps == 3 and not exact.renderer.stateful
    one, other = (next(iter(loaded.render(source, motion[:1]))).astype(int) for loaded in (model, exact))
    assert np.abs(one - other).max() > 1


def test_pasted_back_all_but_the_mouth_stays_bit_by_bit(model, source):
    (made,) = Finish(paste_back=True).applied(source, model.render(source, source.motion))
    changed = (made[0] != disc()).any(axis=-1)
    scale = len(disc()) / model.renderer.picture_size
    left, top, right, bottom = (
        model.renderer.regions(source.own)[0] * scale + scale * np.array([-1, -1, 1, 1])
    ).astype(int)
    assert changed[top:bottom, left:right].mean() > 0.3
    changed[top:bottom, left:right] = False
    assert not changed.any()


def test_motion_is_kept_in_files(model, source, motion, tmp_path):
    motion.save(tmp_path / "motion.npz")
    again = model.drive(source, LandmarkMotion.load(tmp_path / "motion.npz"))
    np.testing.assert_allclose(again.points, motion.points, atol=1e-5)


def test_the_system_with_wav2vec2_fits_together():
    system = find_system("dreamhead")
    renderer, features, motion_model = (family(SMALL_WAV2VEC2) for family in system.families)
    check_fit(features, motion_model, renderer)
    assert disagreement(SMALL_WAV2VEC2, list(system.parts)) is None
    assert "wav2vec2" in system.required
    assert set(SYSTEM.required) == {"autoencoder", "unet", "audio_encoder", "landmark_denoiser"}


def test_the_command_line_makes_a_video(directory, speech, tmp_path):
    from PIL import Image

    Image.fromarray(disc()).save(tmp_path / "face.png")
    out = tmp_path / "out.mp4"
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--driven_audio", speech)
    result = run(sample, *given, "--source_image", tmp_path / "face.png", "--crop", "none", "--output", out)
    assert result.exit_code == 0, result.output
    assert len(list(read_frames(out))) == 5


def test_known_landmarks_are_not_looked_for(model, source, monkeypatch):
    """They are in pixels of the picture, wherever its cut lies."""
    points = in_pixels(source.own.motion.points[0], len(disc()))
    monkeypatch.setattr(model.renderer, "describe", None)
    again = model.prepare(disc(), crop="none", landmarks=points)
    np.testing.assert_allclose(again.own.motion.points, source.own.motion.points, atol=1e-5)
    padded = np.pad(disc(), ((0, 0), (40, 40), (0, 0)))  # continued to a square of 240
    shifted = model.prepare(padded, crop="none", landmarks=points + np.array([40, 0, 0])).own.motion.points[0]
    np.testing.assert_allclose((shifted[:, :2] + 1) * 120 - (40, 40), points[:, :2], atol=1e-3)


def test_stitching_is_refused_before_anything_is_heard(model, source, waveform, monkeypatch):
    monkeypatch.setattr(model.features, "windows", None)
    with pytest.raises(InputError, match="nothing to stitch"):
        model.animate(source, waveform, stitch=True)


def test_implicit_keypoints_take_no_landmarks(small_model):
    with pytest.raises(InputError, match="leave the landmarks out"):
        small_model.prepare(demo.PORTRAITS[0], crop="none", landmarks=demo.landmarks_of(demo.PORTRAITS[0]))


def test_the_packages_portrait_needs_no_face_mesh(directory, speech, tmp_path, monkeypatch):
    monkeypatch.setenv("KDTALKER_FACE_MESH", str(tmp_path / "missing.tflite"))
    given = ("--checkpoint", directory, "--no_cache", "--steps", 2, "--driven_audio", speech)
    result = run(sample, *given, "--output", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.output
    known = (
        "--moved",
        "mouth",
        "--source_image",
        demo.PORTRAITS[1],
        "--landmarks",
        demo.landmarks_of(demo.PORTRAITS[1]),
    )
    result = run(sample, *given, *known, "--crop", "none", "--output", tmp_path / "other.mp4")
    assert result.exit_code == 0, result.output
    assert [len(list(read_frames(tmp_path / name))) for name in ("out.mp4", "other.mp4")] == [5, 5]
    result = run(compile, "--checkpoint", directory, "--no_cache", "--steps", 2)
    assert result.exit_code == 0, result.output


def test_videos_become_its_data_set_and_train_both_stages(directory, tmp_path):
    """By command lines, from films to a model that has learnt."""
    (tmp_path / "videos").mkdir()
    moving = np.stack([disc(70 + 10 * np.sin(i / 5), 80, 64 * 2) for i in range(70)])
    with VideoWriter(tmp_path / "videos" / "a.mp4", recording(tmp_path, 70)) as video:
        video.write(moving)
    data, common = tmp_path / "set", ("--no_cache",)
    made = ("--videos", tmp_path / "videos", "--checkpoint", directory, "--already_cut", "--split", "1/0")
    result = run(extract, *made, "--keep_frames", "--out", data)
    assert result.exit_code == 0, result.output
    (clip,) = open_clips(data, "train")
    assert clip["points"].shape == (70, 162, 3) and clip["audio"].shape == (70, SMALL.landmark_denoiser.audio_features)
    assert (clip["face"] > 0.5).all() and len(clip["jpeg"]) == 70
    assert system_of(data) == "dreamhead_wav2lip"
    with pytest.raises(InputError, match="mouths of the training set do not open"):
        clip_statistics(open_clips(data, "train"))
    few = ("--config", "small", "--data", data, "--set", "steps=2", "--set", "optimizer.warmup_steps=1", *common)
    few += ("--set", "batch_size=2", "--set", "validation.samples=0", "--set", "ema.every=1")
    first = ("--init", directory, "--workdir", tmp_path / "first")
    result = run(train, "dreamhead", *few, *first)
    assert result.exit_code == 0, result.output
    assert "Finished after 2 steps." in result.output
    result = run(train, "dreamhead", "--stage", 2, *few, "--init", directory, "--workdir", tmp_path / "second")
    assert result.exit_code == 0, result.output
    for run_of, base, out in (("first", directory, "speaking"), ("second", tmp_path / "speaking", "both")):
        result = run(export, "--run", tmp_path / run_of, "--checkpoint", base, "--out", tmp_path / out)
        assert result.exit_code == 0, result.output
        assert "moving average after 2 steps" in result.output
    before, after = (load_checkpoint(path) for path in (directory, tmp_path / "both"))
    for name, same in (("autoencoder", True), ("audio_encoder", True), ("unet", False), ("landmark_denoiser", False)):
        trees = [jax.tree.leaves(model.variables(name)["params"]) for model in (before, after)]
        assert all(np.array_equal(*pair) for pair in zip(*trees, strict=True)) == same, name
    assert len(TalkingPortrait.load(tmp_path / "both").prepare(disc(), crop="none").motion) == 1


def test_videos_in_which_hardly_a_face_is_seen_are_left_out(directory, tmp_path):
    """In no frame, in a few, and in most, by a network that looks at each."""
    videos = tmp_path / "videos"
    videos.mkdir()
    seen, nobody = disc(70, 80, 128), np.zeros((128, 128, 3), np.uint8)
    for name, faces in (("none", 0), ("few", 10), ("most", 56)):
        with VideoWriter(videos / f"{name}.mp4", recording(tmp_path, 70)) as video:
            video.write(np.stack([seen] * faces + [nobody] * (70 - faces)))
    common = ("--videos", videos, "--checkpoint", directory, "--already_cut", "--split", "1/0", "--no_cache")
    result = run(extract, *common, "--out", tmp_path / "set")
    assert result.exit_code == 0, result.output
    assert "skipped: 2 (2 no face)" in result.output
    assert "none.mp4: no face: There is no face in any frame." in result.output
    assert "few.mp4: no face: There is no face in 86% of the frames." in result.output
    (clip,) = open_clips(tmp_path / "set", "train")
    assert clip["name"] == "most.mp4" and (clip["face"] >= 0.5).sum() == 56
    result = run(extract, *common, "--max_without_face", 100, "--out", tmp_path / "more")
    assert result.exit_code == 0, result.output
    assert [clip["name"] for clip in open_clips(tmp_path / "more", "train")] == ["few.mp4", "most.mp4"]


def recording(folder, frames):
    random = np.random.default_rng(0)
    soundfile.write(folder / "sound.wav", random.normal(0, 0.1, frames * 640), 16_000)
    return folder / "sound.wav"
