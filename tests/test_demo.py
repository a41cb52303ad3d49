"""What comes with the package: it is complete, small, and the model knows the portraits beside it."""

import numpy as np
import pytest

from configs.kdtalker import VARIED
from kdtalker_jax import demo
from kdtalker_jax.checkpoints import load_checkpoint
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.image import read_image
from kdtalker_jax.metrics.similarity import compare
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.landmarks.shapes import lip_gap


def speech(frames: int) -> np.ndarray:
    return load_waveform(demo.RECORDINGS[0])[: frames * 640]


@pytest.fixture(scope="module")
def model() -> TalkingPortrait:
    return TalkingPortrait.load()


def test_there_are_portraits_and_recordings():
    assert [path.stem for path in demo.PORTRAITS] == ["bruno", "mila", "yara"]
    assert [path.stem for path in demo.RECORDINGS] == ["evening", "morning"]


def test_the_model_is_small_and_whole(model):
    assert sum(path.stat().st_size for path in demo.MODEL.rglob("*") if path.is_file()) < 15e6
    assert model.config.generator == VARIED.generator
    networks = {"appearance", "motion_extractor", "warping", "generator", "audio_encoder", "denoiser"}
    assert networks | {"stitching", "retargeting"} >= set(model.params) >= networks


def test_the_model_renders_its_portraits(model):
    """As they are: with the keypoints that it finds in them."""
    outputs, truths = [], []
    for portrait in demo.PORTRAITS:
        source = model.prepare(portrait, crop="none")
        (frames,) = model.render(source, model.drive(source, source.motion))
        outputs.append(frames[0])
        truths.append(resize(read_image(portrait), *frames[0].shape[:2]))
    found = compare(outputs, truths)
    assert found.psnr > 26
    assert found.ssim > 0.88


def test_the_mouth_opens_in_speech_and_not_in_silence(model):
    """At the keypoints of the inner lips, that the training guides there."""
    source = model.prepare(demo.PORTRAITS[0], crop="none")

    def openings(waveform: np.ndarray) -> np.ndarray:
        motion = model.animate(source, waveform, sampler="dpm++", steps=5)
        return motion.keypoints[:, 19, 1] - motion.keypoints[:, 17, 1]  # (F,) lower below upper

    assert np.ptp(openings(speech(64))) > 3 * np.ptp(openings(np.zeros(64 * 640, np.float32)))


def test_all_models_together_are_small():
    """And none has a copy of what another has."""
    sizes = [path.stat().st_size for folder in demo.MODELS.values() for path in folder.rglob("*") if path.is_file()]
    assert sum(sizes) < 40e6
    own = {name: set(load_checkpoint(folder).parts) for name, folder in demo.MODELS.items()}
    assert own["demo-playmate"] == {"diffusion_transformer", "emotion_module"}
    assert own["demo-dreamhead"] == {"landmark_denoiser", "autoencoder", "unet"}


def test_one_of_them_feels():
    model = TalkingPortrait.load("demo-playmate")
    source = model.prepare(demo.PORTRAITS[0], crop="none")
    happy, sad = (model.animate(source, speech(64), emotion=emotion) for emotion in ("happy", "sad"))
    assert np.abs(happy.exp - sad.exp).max() > 0.02
    (frames,) = model.render(source, happy[:2], batch_size=2)
    assert frames.shape == (2, 256, 256, 3)


def test_one_of_them_paints_mouths_alone():
    """That are more open where sound is loud; all else is the portrait, to the bit."""
    model = TalkingPortrait.load("demo-dreamhead")
    portrait = demo.PORTRAITS[0]
    source = model.prepare(portrait, crop="none", landmarks=demo.landmarks_of(portrait))
    motion = model.animate(source, speech(48), moved="mouth")
    gaps = lip_gap(motion.offsets + source.own.identity)
    shut, open_ = int(np.argmin(gaps)), int(np.argmax(gaps))
    shown = motion[shut : shut + 1].join(motion[open_ : open_ + 1])
    (frames,) = model.render(source, shown, batch_size=2)
    changed = np.abs(frames.astype(int) - source.image).max(axis=-1)  # (2, S, S)
    box = model.renderer.regions(source.own)[0]
    inside = np.zeros(changed.shape[1:], bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    assert not changed[:, ~inside].any()
    assert np.abs(frames[0].astype(int) - frames[1])[inside].mean() > 3
