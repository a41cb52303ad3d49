import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kdtalker_jax.errors import InputError
from kdtalker_jax.media.audio import load_waveform, resample_chunks, resample_waveform
from kdtalker_jax.media.rates import num_frames

ODD_NAMES = [
    "-dash",
    "with space",
    "quote'\"`",
    "ünï 录音",
    "$(touch hacked)",
    "a;b|c&d",
    "concat:a|b",
    "data:,x",
    "%03d",
]


def in_one_piece(samples, rate):
    """What librosa.load does: the channels' mean, resampled at once, of the rounded-up length."""
    mono = samples.mean(axis=1, dtype=np.float32)
    if rate == 16_000:
        return mono
    length = int(np.ceil(len(mono) * (16_000 / rate)))
    waveform = soxr.resample(mono, rate, 16_000, quality="soxr_hq")[:length]
    return np.pad(waveform, (0, length - len(waveform)))


def delay(waveform, reference):
    """Samples by which `waveform` lags behind `reference`, from the peak of their correlation."""
    size = 1 << (len(waveform) + len(reference)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(waveform, size) * np.conj(np.fft.rfft(reference, size)))
    return (int(correlation.argmax()) + size // 2) % size - size // 2


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth_of_wav(tmp_path, tone, subtype):
    soundfile.write(tmp_path / "a.wav", tone(0.5, 22_050, 2), 22_050, subtype=subtype)
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(load_waveform(tmp_path / "a.wav"), in_one_piece(samples, rate), atol=1e-6)
    np.testing.assert_allclose(samples, tone(0.5, 22_050, 2), atol=0.01)  # the depth itself was read rightly


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 24_000, 37_800, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_blocks_equal_the_whole_at_every_rate(tmp_path, tone, rate, channels):
    """1.7 s at the higher rates spans several blocks."""
    samples = tone(1.7, rate, channels)[:-3]
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    waveform = load_waveform(tmp_path / "a.wav")
    assert waveform.dtype == np.float32
    expected = in_one_piece(samples, rate)
    assert waveform.shape == expected.shape
    np.testing.assert_allclose(waveform, expected, atol=1e-6)


CODECS = [
    ("mp3", "libmp3lame"),
    ("flac", "flac"),
    ("ogg", "libvorbis"),
    ("opus", "libopus"),
    ("m4a", "aac"),
    ("aac", "aac"),
    ("aiff", "pcm_s16be"),
    ("wma", "wmav2"),
    ("mka", "ac3"),
]


@pytest.mark.parametrize(("extension", "codec"), CODECS)
def test_compressed_recordings(tmp_path, tone, ffmpeg, extension, codec):
    soundfile.write(tmp_path / "a.wav", tone(2, 48_000, 2), 48_000)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", codec, tmp_path / f"b.{extension}")
    reference, waveform = load_waveform(tmp_path / "a.wav"), load_waveform(tmp_path / f"b.{extension}")
    assert (
        abs(len(waveform) - len(reference)) < 0.13 * 16_000
    )  # raw aac and wma do not tell where sound starts and ends
    assert abs(delay(waveform, reference)) <= (2048 if extension in ("aac", "wma") else 0)
    if extension not in ("aac", "wma"):
        part = min(len(waveform), len(reference))
        assert np.corrcoef(waveform[:part], reference[:part])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("extension", "codec"), [("mp4", "aac"), ("mov", "pcm_s16le"), ("mkv", "flac"), ("webm", "libopus")]
)
def test_the_sound_of_a_video(tmp_path, tone, ffmpeg, extension, codec):
    soundfile.write(tmp_path / "a.wav", tone(1, 48_000), 48_000)
    picture = ("-f", "lavfi", "-i", "color=size=32x32:rate=25:duration=1")
    ffmpeg(*picture, "-i", tmp_path / "a.wav", "-c:a", codec, tmp_path / f"b.{extension}")
    reference, waveform = load_waveform(tmp_path / "a.wav"), load_waveform(tmp_path / f"b.{extension}")
    assert abs(len(waveform) - len(reference)) < 640
    assert delay(waveform, reference) == 0


def test_content_decides_and_extensions_do_not(tmp_path, tone, ffmpeg):
    soundfile.write(tmp_path / "a.wav", tone(0.5, 16_000), 16_000)
    expected = load_waveform(tmp_path / "a.wav")
    for name in ("a.raw", "a.mp3", "a.au", "a.vox", "a.png", "a"):
        (tmp_path / name).write_bytes((tmp_path / "a.wav").read_bytes())
        np.testing.assert_array_equal(load_waveform(tmp_path / name), expected)
    ffmpeg("-i", tmp_path / "a.wav", tmp_path / "b.m4a")
    (tmp_path / "b.wav").write_bytes((tmp_path / "b.m4a").read_bytes())
    assert delay(load_waveform(tmp_path / "b.wav"), expected) == 0


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_file_names_are_names_and_nothing_else(tmp_path, tone, ffmpeg, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    soundfile.write("plain.wav", tone(0.2, 16_000), 16_000)
    ffmpeg("-i", "plain.wav", "plain.m4a")
    for extension in ("wav", "m4a"):  # one is read by libsndfile, the other by ffmpeg
        data = (tmp_path / f"plain.{extension}").read_bytes()
        (tmp_path / f"{name}.{extension}").write_bytes(data)
        np.testing.assert_array_equal(load_waveform(f"{name}.{extension}"), load_waveform(f"plain.{extension}"))
    assert not (tmp_path / "hacked").exists()


def test_a_missing_file_is_missing_even_if_its_name_is_an_address():
    with pytest.raises(InputError, match="does not exist"):
        load_waveform("http://localhost:9/a.wav")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nfile:{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "ffconcat version 1.0\nfile secret.ts\n",
        '<?xml version="1.0"?>\n<MPD type="static" xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        '<Representation id="1" bandwidth="1"><BaseURL>{secret}</BaseURL></Representation></AdaptationSet>'
        "</Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    ],
)
def test_playlists_cannot_open_other_files(tmp_path, tone, ffmpeg, monkeypatch, playlist):
    monkeypatch.chdir(tmp_path)
    soundfile.write("secret.wav", tone(2, 16_000), 16_000)
    ffmpeg("-i", "secret.wav", "-c:a", "aac", "secret.ts")
    (tmp_path / "list.wav").write_text(playlist.format(secret=tmp_path / "secret.ts"))
    with pytest.raises(InputError, match=r"list\.wav is not a recording"):
        load_waveform("list.wav")


def test_a_header_that_announces_no_samples_is_mended(tmp_path, tone):
    """Recorders that lose power leave a length of zero."""
    soundfile.write(tmp_path / "a.wav", tone(0.5, 16_000), 16_000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    size = data.index(b"data") + 4
    data[size : size + 4] = bytes(4)
    (tmp_path / "b.wav").write_bytes(data)
    np.testing.assert_array_equal(load_waveform(tmp_path / "b.wav"), load_waveform(tmp_path / "a.wav"))


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg"])
def test_a_recording_that_breaks_off_gives_its_beginning(tmp_path, tone, ffmpeg, extension):
    soundfile.write(tmp_path / "a.wav", tone(9, 16_000), 16_000)
    ffmpeg("-i", tmp_path / "a.wav", tmp_path / f"b.{extension}")
    data = (tmp_path / f"b.{extension}").read_bytes()
    (tmp_path / f"cut.{extension}").write_bytes(data[: len(data) * 2 // 3])
    waveform, whole = load_waveform(tmp_path / f"cut.{extension}"), load_waveform(tmp_path / "a.wav")
    assert 48_000 < len(waveform) < 120_000
    assert delay(waveform, whole) == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"Dear diary, this is no recording.\n" * 99, "is not a recording"),
        (bytes(range(256)) * 40, "is not a recording"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is damaged or holds no sound"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2mp41", "is damaged or holds no sound"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "seem to be swapped"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "seem to be swapped"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "seem to be swapped"),
    ],
)
@pytest.mark.parametrize("name", ["speech.wav", "speech.vox", "speech.raw"])
def test_other_content_is_named_for_what_it_is(tmp_path, content, sentence, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"speech\.\w+.* {sentence}"):
        load_waveform(tmp_path / name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_picture_in_place_of_the_recording(tmp_path, kind):
    Image.new("RGB", (40, 40), (9, 99, 199)).save(tmp_path / "speech.wav", format=kind)
    with pytest.raises(InputError, match=r"speech\.wav is a picture.*seem to be swapped"):
        load_waveform(tmp_path / "speech.wav")


def test_a_video_without_sound(tmp_path, ffmpeg):
    ffmpeg("-f", "lavfi", "-i", "color=size=32x32:rate=25:duration=0.2", tmp_path / "mute.mp4")
    with pytest.raises(InputError, match=r"mute\.mp4 has no audio stream"):
        load_waveform(tmp_path / "mute.mp4")


def test_paths_without_a_file(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.wav does not exist"):
        load_waveform(tmp_path / "nowhere.wav")
    with pytest.raises(InputError, match="is a folder"):
        load_waveform(tmp_path)


def test_recordings_without_length_or_too_short(tmp_path, tone):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    with pytest.raises(InputError, match=r"none\.wav.* length is zero"):
        load_waveform(tmp_path / "none.wav")
    soundfile.write(tmp_path / "short.wav", tone(1, 16_000)[:639], 16_000)
    with pytest.raises(InputError, match=r"short\.wav lasts 39.9 ms, less than one video frame"):
        load_waveform(tmp_path / "short.wav")
    soundfile.write(tmp_path / "frame.wav", tone(1, 16_000)[:640], 16_000)
    assert load_waveform(tmp_path / "frame.wav").shape == (640,)


def test_silence_is_a_recording(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(44_100), 44_100)
    np.testing.assert_array_equal(load_waveform(tmp_path / "silent.wav"), np.zeros(16_000))


def test_values_that_are_no_numbers_are_refused(tmp_path, tone):
    for value in (np.nan, np.inf):
        samples = tone(0.5, 44_100)
        samples[9_999] = value
        soundfile.write(tmp_path / "a.wav", samples, 44_100, subtype="FLOAT")
        with pytest.raises(InputError, match=r"a\.wav holds values that are not finite"):
            load_waveform(tmp_path / "a.wav")
        with pytest.raises(InputError, match="The waveform holds values that are not finite"):
            resample_waveform(samples, 44_100)


def test_an_impossible_rate_is_refused(tmp_path, tone):
    """Resampling from 1 Hz would turn a small file into one that fills the memory."""
    soundfile.write(tmp_path / "a.wav", tone(1, 16_000), 1)
    with pytest.raises(InputError, match=r"a\.wav has an impossible rate of 1 "):
        load_waveform(tmp_path / "a.wav")
    for rate in (0, -16_000, 10**9, float("nan")):
        with pytest.raises(InputError, match="impossible rate"):
            resample_waveform(tone(1, 16_000), rate)


@pytest.mark.parametrize("extension", ["wav", "mka"])
def test_memory_holds_the_result_and_not_the_recording(tmp_path, ffmpeg, extension):
    """Decoded at once, these 10 s of 5.1 at 192 kHz would take 46 MB as float32, the result 0.6 MB."""
    source = ("-f", "lavfi", "-i", "anullsrc=channel_layout=5.1:sample_rate=192000", "-t", "10")
    ffmpeg(*source, "-c:a", "pcm_s16le", tmp_path / f"a.{extension}")
    load_waveform(tmp_path / f"a.{extension}")
    tracemalloc.start()
    assert load_waveform(tmp_path / f"a.{extension}").shape == (160_000,)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float16, np.float32, np.float64])
def test_waveforms_in_memory_are_scaled_by_their_type(tone, dtype):
    samples = tone(0.5, 44_100, 2)
    if np.issubdtype(dtype, np.integer):
        offset, scale = (128, 127) if dtype == np.uint8 else (0, np.iinfo(dtype).max)
        stored = np.round(samples.astype(np.float64) * scale + offset).astype(dtype)
    else:
        stored = samples.astype(dtype)
    tolerance = {np.uint8: 0.02, np.float16: 1e-3}.get(dtype, 1e-4)
    np.testing.assert_allclose(resample_waveform(stored, 44_100), in_one_piece(samples, 44_100), atol=tolerance)


def test_integers_of_another_scale_than_their_types_are_refused(tone):
    samples = np.round(tone(0.5, 16_000) * 32767)
    for wide in (samples.astype(np.int64), samples.astype(np.uint64), samples[:, 0].astype(int).tolist()):
        with pytest.raises(InputError, match="int64 has no full scale that is known: convert it to int16, or to float"):
            resample_waveform(wide, 16_000)
        with pytest.raises(InputError, match="int64 has no full scale"):
            list(resample_chunks([wide], 16_000))
    with pytest.raises(InputError, match="is int32, but its values are those of int16: convert it"):
        resample_waveform(samples.astype(np.int32), 16_000)
    assert not resample_waveform(np.zeros(16_000, np.int32), 16_000).any()  # silence is the same at every scale


def test_waveforms_in_memory_equal_files(tmp_path, tone):
    samples = tone(2, 48_000, 2)
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    np.testing.assert_array_equal(resample_waveform(samples, 48_000), load_waveform(tmp_path / "a.wav"))
    np.testing.assert_array_equal(resample_waveform(samples[:, 0], 16_000), samples[:, 0])


def test_arrays_that_are_no_waveforms_are_refused(tone):
    samples = tone(0.5, 16_000, 2)
    for array in (samples.T, samples[None], samples + 1j, samples > 0, np.float32(1), samples[:, :0]):
        with pytest.raises(InputError, match="A waveform must"):
            resample_waveform(array, 16_000)
    with pytest.raises(InputError, match="length is zero"):
        resample_waveform(samples[:0, 0], 16_000)
    with pytest.raises(InputError, match="less than one video frame"):
        resample_waveform(samples[:639], 16_000)


def test_frames_are_whole_frames():
    assert [num_frames(n) for n in (0, 639, 640, 1279, 1280, 128_174)] == [0, 0, 1, 1, 2, 200]


STARTS = [
    b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0\x44\xac\0\0\x10\xb1\2\0\4\0\x10\0data\x80\0\0\0",
    b"RIFF\xff\0\0\0WAVEfmt ",
    b"fLaC\0\0\0\x22\x10\0\x10\0",
    b"OggS\0\2\0\0\0\0\0\0\0\0",
    b"ID3\4\0\0\0\0\0\0",
    b"\xff\xfb\x90\x64",
    b"FORM\0\0\0\xffAIFFCOMM\0\0\0\x12",
    b"\0\0\0\x20ftypM4A \0\0\2\0isomiso2",
    b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1",
    b".snd\0\0\0\x18\0\0\0\xff\0\0\0\3\0\0\x3e\x80\0\0\0\1",
    b"#EXTM3U\n",
    b"",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=3000))
def test_random_bytes_behind_real_headers_give_a_waveform_or_an_input_error(tmp_path, start, rest):
    path = tmp_path / "fuzz.wav"
    path.write_bytes(start + rest)
    try:
        waveform = load_waveform(path)
    except InputError as error:
        assert "fuzz.wav" in str(error)
    else:
        assert np.isfinite(waveform).all()
