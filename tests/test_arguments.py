"""The commonest mistakes of callers get a sentence, before anything is computed."""

import re

import numpy as np
import pytest
import soundfile
from PIL import Image

from kdtalker_jax import demo
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.media.audio import load_waveform
from kdtalker_jax.media.image import picture_of, read_image
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.spaces.keypoints import Motion


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.fixture(scope="module")
def waveform():
    return load_waveform(demo.RECORDINGS[0])[: 10 * 640]


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (
            lambda model, source, sound: model.animate("face.jpg", sound),
            "animate takes a prepared portrait first, not",
        ),
        (
            lambda model, source, sound: model.animate(sound, source),
            "animate takes a prepared portrait first",
        ),
        (lambda model, source, sound: model.animate(source, source), "must be a path or a waveform, not Source"),
        (lambda model, source, sound: model.animate(source, (sound, 16_000)), "is a pair: .* as `rate`"),
        (lambda model, source, sound: model.animate(source, (16_000, sound)), "is a pair: .* as `rate`"),
        (lambda model, source, sound: model.animate(source, None), "must be a path or a waveform, not NoneType"),
        (
            lambda model, source, sound: model.stream("face.jpg", [sound]),
            "stream_motion takes a prepared portrait first",
        ),
        (lambda model, source, sound: model.render(source.motion, source), "render takes a prepared portrait first"),
        (lambda model, source, sound: model.render(source, "talk.npz"), r"read it with Motion.load\(path\)"),
        (lambda model, source, sound: model.render(source, sound), "render takes a Motion, not a ndarray"),
        (lambda model, source, sound: model.drive(source, source), "drive takes a Motion as its second argument"),
        (
            lambda model, source, sound: model.write(source.motion, source, "a.mp4", None),
            "write takes a prepared",
        ),
        (
            lambda model, source, sound: model.animate_together(["face.jpg"], [sound]),
            "animate_together takes a prepared portrait first, not 'face.jpg'",
        ),
        (lambda model, source, sound: model.prepare(source), "a path, a picture of Pillow or a uint8 array"),
    ],
)
def test_swapped_and_unprepared_arguments(small_model, source, waveform, mistake, sentence):
    with pytest.raises(InputError, match=sentence):
        mistake(small_model, source, waveform)


@pytest.mark.parametrize(
    ("keyword", "nearest"), [("sead", "seed"), ("smoothing", "smooth"), ("sampelr", "sampler"), ("progres", "progress")]
)
def test_a_misspelt_keyword_is_named(small_model, source, waveform, keyword, nearest):
    message = re.escape(f"animate takes no argument {keyword!r}: did you mean {nearest!r}?")
    with pytest.raises(TypeError, match=message):
        small_model.animate(source, waveform, **{keyword: 1})
    with pytest.raises(TypeError, match="sample takes no argument 'bach_size': did you mean 'batch_size'"):
        small_model.sample(demo.PORTRAITS[0], waveform, "a.mp4", bach_size=1)
    with pytest.raises(TypeError, match="takes no argument 'zzz': there are source, audio"):
        small_model.animate(source, waveform, zzz=1)


def test_so_it_is_by_all_methods(small_model, source):
    for call, nearest in (
        (
            lambda: small_model.prepare(demo.PORTRAITS[0], cropp="none"),
            "prepare takes no argument 'cropp'",
        ),
        (lambda: TalkingPortrait.load("demo", dtpe="bfloat16"), "load takes no argument 'dtpe': did you mean 'dtype'"),
        (lambda: small_model.render(source, source.motion, batchsize=2), "render .* did you mean 'batch_size'"),
        (lambda: small_model.write(source, source.motion, "a.mp4", finsh=None), "write .* did you mean 'finish'"),
    ):
        with pytest.raises(TypeError, match=nearest):
            call()


def test_a_stream_is_no_file(small_model, source):
    with pytest.raises(InputError, match="sound comes as waveforms, piece by piece: `animate` takes a file"):
        small_model.stream(source, "speech.wav")


def test_what_is_printed_fits_a_line(source):
    assert repr(source) == f"Source of {source.image.shape[1]}x{source.image.shape[0]} pixels"
    assert repr(source.motion).startswith("Motion of 1 frames and ")


def test_a_run_leads_to_export(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(CheckpointError, match=f"is the run of a training.*pipelines.export --run {tmp_path}"):
        TalkingPortrait.load(tmp_path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "LA", "I;16"])
def test_pictures_of_pillow_are_read_as_files_are(tmp_path, mode):
    picture = Image.open(demo.PORTRAITS[0]).resize((40, 30)).convert("RGB" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray((np.arange(1200, dtype=np.uint16) * 50).reshape(30, 40))
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    picture.save(path)
    np.testing.assert_array_equal(picture_of(Image.open(path), "it")[0], read_image(path))
    np.testing.assert_array_equal(picture_of(picture, "it")[0], read_image(path))


def test_a_picture_of_pillow_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(demo.PORTRAITS[0]).convert("RGB").resize((40, 30)).save(tmp_path / "a.jpg", exif=exif)
    np.testing.assert_array_equal(picture_of(Image.open(tmp_path / "a.jpg"), "it")[0], read_image(tmp_path / "a.jpg"))


def test_a_damaged_picture_of_pillow_is_refused(tmp_path):
    data = demo.PORTRAITS[0].read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    refused = pytest.raises(InputError, match=r"^The picture cannot be read by Pillow")
    with Image.open(tmp_path / "a.png") as picture, refused:
        picture_of(picture, "the picture")


def test_sample_takes_a_picture_and_a_waveform(small_model, waveform, tmp_path):
    """The video has the sound that was given, at its own rate."""
    soundfile.write(tmp_path / "a.wav", waveform, 16_000, subtype="FLOAT")
    asked = {"crop": "none", "steps": 2}
    small_model.sample(demo.PORTRAITS[0], tmp_path / "a.wav", tmp_path / "file.mp4", **asked)
    with Image.open(demo.PORTRAITS[0]) as picture:
        video = small_model.sample(picture, waveform, tmp_path / "array.mp4", rate=16_000, **asked)
    assert (tmp_path / "array.mp4").read_bytes() == (tmp_path / "file.mp4").read_bytes()
    assert video.frames == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "array.mp4", "file.mp4"]


def test_write_takes_a_waveform(small_model, source, waveform, tmp_path):
    motion = small_model.animate(source, waveform, rate=16_000, steps=2)
    stereo = np.stack([waveform, waveform], axis=1)
    small_model.write(source, motion[2:5], tmp_path / "a.mp4", (stereo * 32767).astype(np.int16), rate=48_000)
    assert len(load_waveform(tmp_path / "a.mp4")) == 3 * 640
    for wrong in ((waveform, 44_100), stereo.T):
        with pytest.raises(InputError):
            small_model.write(source, motion, tmp_path / "b.mp4", wrong)
    assert not (tmp_path / "b.mp4").exists()


def test_motion_can_be_cut_and_joined(small_model, source, waveform):
    motion = small_model.animate(source, waveform, rate=16_000, steps=2)
    assert len(motion[3:7]) == 4 and len(motion[-1]) == 1
    np.testing.assert_array_equal(motion[3:7].keypoints, motion.keypoints[3:7])
    whole = motion[:4].join(motion[4:5], motion[5:])
    for name in ("scale", "yaw", "t", "exp", "keypoints"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(motion, name))
    undriven = Motion.from_vector(motion.to_vector())
    assert motion.join(undriven).keypoints is None, "where one of them has not been given to a portrait"
    assert len(list(motion)) == len(motion)


def test_motion_of_nothing_or_of_another_model_is_refused():
    motion = Motion.from_vector(np.zeros((4, 70), np.float32))
    with pytest.raises(IndexError):
        motion[4]
    with pytest.raises(InputError, match="at least one frame"):
        motion[4:]
    with pytest.raises(InputError, match="other numbers of keypoints"):
        motion.join(Motion.from_vector(np.zeros((4, 37), np.float32)))
