"""Colours of videos: what a screen shows, whatever transfer, primaries, matrix, range and depth they are stored in.

The videos are made here, of the standards' own formulas; no part of ffmpeg converts their colours.
"""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdtalker_jax.media.frames import read_frames

WHITE = 203  # nits of sRGB's white in HDR, ITU-R BT.2408
CHROMATICITIES = {  # x, y of red, green, blue; the white is D65 unless said
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt470bg": ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    "smpte170m": ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt470bg": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}
HDR = ["arib-std-b67", "smpte2084"]


def to_xyz(primaries):
    """(3, 3), for column vectors of linear RGB."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in CHROMATICITIES[primaries]]).T
    return columns * np.linalg.solve(columns, [0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])


def from_srgb(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_srgb(light):
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def pq(light):
    power = (light * WHITE / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light):
    """For a screen of 1000 nits, whose system gamma of 1.2 is taken for each colour of its own."""
    scene = (light * WHITE / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def encode(light, transfer):
    """Values from 0 to 1 of the light that a screen gives off; 1 is white."""
    light = np.maximum(light, 0)
    if transfer in ("smpte2084", "arib-std-b67"):
        return pq(light) if transfer == "smpte2084" else hlg(light)
    if transfer == "iec61966-2-1":
        return to_srgb(light)
    return light ** {"linear": 1, "bt470m": 1 / 2.2, "bt470bg": 1 / 2.8}.get(transfer, 1 / 2.4)  # ITU-R BT.1886


def quantised(values, matrix, full, depth):
    """RGB from 0 to 1 (..., 3) as the planes of a pixel format (3, ...): G, B, R for `gbr`, otherwise Y, U, V."""
    scale = 1 << depth - 8
    if matrix == "gbr":
        return np.round(np.moveaxis(values, -1, 0)[[1, 2, 0]] * (256 * scale - 1))
    kr, kb = LUMA[matrix]
    red, green, blue = np.moveaxis(values, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = np.stack([(blue - luma) / (1 - kb) / 2, (red - luma) / (1 - kr) / 2])
    most = 256 * scale - 1
    if full:
        planes = [luma[None] * most, chroma * most + 128 * scale]
    else:
        planes = [luma[None] * 219 * scale + 16 * scale, chroma * 224 * scale + 128 * scale]
    return np.clip(np.round(np.concatenate(planes)), 0, most)


def colours(seed=None):
    """uint8 (8, 24, 3): greys and colours of sRGB, none so bright that a last bit could push it over white."""
    if seed is not None:
        return np.random.default_rng(seed).integers(0, 246, (8, 24, 3), np.uint8)
    greys = np.repeat(np.linspace(0, 245, 96).round()[:, None], 3, axis=1)
    others = list(itertools.product((20, 60, 130, 180, 240), repeat=3))[:96]
    return np.concatenate([greys, others]).reshape(8, 24, 3).astype(np.uint8)


@pytest.fixture
def coloured(ffmpeg, tmp_path):
    """Writes a lossless video of four pictures that show sRGB colours: (colours, tags) -> path."""

    def make(shown, transfer, primaries, matrix, full=False, depth=10, alpha=False, tags=""):
        light = from_srgb(shown / 255) @ (np.linalg.solve(to_xyz(primaries), to_xyz("bt709"))).T
        planes = quantised(encode(light, transfer), matrix, full, depth)
        if alpha:
            planes = np.concatenate([planes, np.full_like(planes[:1], (1 << depth) - 1)])
        names = {"gbr": "gbrap" if alpha else "gbrp"}
        name = names.get(matrix, "yuva444p" if alpha else "yuv444p") + ("" if depth == 8 else f"{depth}le")
        raw = tmp_path / "raw"
        raw.write_bytes(np.tile(planes.astype(np.uint8 if depth == 8 else "<u2"), (4, 1, 1, 1)).tobytes())
        size = f"{shown.shape[1]}x{shown.shape[0]}"
        tags = tags or f"color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}"
        tags = f"setparams=range={'pc' if full or matrix == 'gbr' else 'tv'}:{tags}"
        source = ("-f", "rawvideo", "-pix_fmt", name, "-s", size, "-r", "25", "-i", raw)
        ffmpeg(*source, "-vf", tags, "-c:v", "ffv1", "-strict", "-2", tmp_path / "video.mkv")
        return tmp_path / "video.mkv"

    return make


def error(path, shown):
    return np.abs(next(read_frames(path)).astype(int) - shown).max()


@pytest.mark.parametrize("primaries", ["bt2020", "smpte432", "bt709"])
@pytest.mark.parametrize("transfer", HDR)
def test_hdr_is_shown_as_a_screen_of_srgb_shows_it(coloured, transfer, primaries):
    assert error(coloured(colours(), transfer, primaries, "bt2020nc", depth=12), colours()) <= 3


@pytest.mark.parametrize("transfer", HDR)
def test_lights_brighter_than_white_keep_their_hue(coloured, transfer):
    """A face in the sun becomes no yellow mask: the greatest of its values is white's, the others keep their part."""
    light = from_srgb(np.array([240, 200, 170]) / 255)
    bright = np.tile(255 * to_srgb(light * 1.8), (8, 24, 1))
    shown = next(read_frames(coloured(bright, transfer, "bt2020", "bt2020nc", depth=12)))
    np.testing.assert_allclose(shown[4, 12], 255 * to_srgb(light / light.max()), atol=2)


@pytest.mark.parametrize(
    ("transfer", "primaries"),
    [("bt709", "bt2020"), ("bt2020-10", "bt2020"), ("bt709", "smpte432"), ("iec61966-2-1", "smpte432")],
)
def test_wide_gamuts_are_narrowed(coloured, transfer, primaries):
    assert error(coloured(colours(), transfer, primaries, "bt709", depth=12), colours()) <= 2


@pytest.mark.parametrize("transfer", ["linear", "bt470m", "bt470bg"])
def test_other_gammas(coloured, transfer):
    assert error(coloured(colours(), transfer, "bt709", "gbr", depth=16), colours()) <= 1


@pytest.mark.parametrize("how", ["full range", "8 bits of RGB", "alpha", "no matrix", "no primaries"])
def test_hdr_in_other_wrappings(coloured, how):
    matrix = "gbr" if how == "8 bits of RGB" else "bt2020nc"
    options = {
        "full range": {"full": True, "depth": 12},
        "8 bits of RGB": {"depth": 8},
        "alpha": {"alpha": True},
        "no matrix": {"tags": "color_primaries=bt2020:color_trc=smpte2084:colorspace=unknown"},
        "no primaries": {"tags": "color_primaries=unknown:color_trc=smpte2084:colorspace=bt2020nc"},
    }[how]
    shown = np.clip(colours(), 60, 240)  # dark and saturated colours lack the bits
    assert error(coloured(shown, "smpte2084", "bt2020", matrix, **options), shown) <= (20 if "8" in how else 6)


@pytest.mark.parametrize(
    ("transfer", "primaries", "said"),
    [
        ("bt709", "smpte432", "color_primaries=smpte432:color_trc=unknown:colorspace=unknown"),
        ("linear", "bt709", "color_primaries=unknown:color_trc=linear:colorspace=unknown"),
        ("smpte2084", "bt2020", "color_primaries=unknown:color_trc=smpte2084:colorspace=unknown"),
    ],
)
def test_what_tags_leave_out(coloured, transfer, primaries, said):
    """The matrix of small video, the primaries and the curve that are most common with what is said."""
    matrix = "bt2020nc" if primaries == "bt2020" else "smpte170m"
    shown = np.clip(colours(), 80, 240)
    assert error(coloured(shown, transfer, primaries, matrix, depth=12, tags=said), shown) <= 4


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p10le", "yuv420p", "yuva420p10le", "gbrp10le", "rgb48le"])
def test_hdr_of_common_pixel_formats_and_odd_sizes(ffmpeg, tmp_path, pixels):
    video = tmp_path / "video.mkv"
    level = round(255 * float(pq(np.array(0.2))))
    source = ("-f", "lavfi", "-i", f"color=0x{level:02x}{level:02x}{level:02x}:s=63x47:d=0.1")
    matrix = "gbr" if pixels[0] in "gr" else "bt2020nc"
    tags = f"setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace={matrix}"
    scale = "scale" if matrix == "gbr" else "scale=out_color_matrix=bt2020nc"
    ffmpeg(*source, "-vf", f"{scale},format={pixels},{tags}", "-c:v", "ffv1", video)
    frame = next(read_frames(video))
    assert frame.shape == (47, 63, 3)
    np.testing.assert_allclose(frame.astype(int), round(255 * float(to_srgb(np.array(0.2)))), atol=4)


def test_grey_hdr(ffmpeg, tmp_path):
    """A pixel format without colours still has a transfer."""
    video = tmp_path / "grey.mkv"
    values = np.round(1023 * pq(from_srgb(np.linspace(0, 240, 24) / 255))).astype("<u2")
    (tmp_path / "raw").write_bytes(np.tile(values, (8, 1)).tobytes())
    source = ("-f", "rawvideo", "-pix_fmt", "gray10le", "-s", "24x8", "-i", tmp_path / "raw")
    tags = "setparams=range=pc:color_primaries=bt2020:color_trc=smpte2084"
    ffmpeg(*source, "-vf", tags, "-c:v", "ffv1", video)
    np.testing.assert_allclose(next(read_frames(video))[4, :, 1], np.linspace(0, 240, 24), atol=3)


@pytest.mark.parametrize("matrix", ["ycgco", "bt2020c", "chroma-derived-nc"])
def test_rare_matrices(ffmpeg, tmp_path, matrix):
    video = tmp_path / "rare.mkv"
    convert = f"format=gbrp10,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr,zscale=m={matrix}:r=tv"
    source = ("-f", "lavfi", "-i", "color=0xE0AC91:s=64x32:d=0.1")
    ffmpeg(*source, "-vf", f"{convert},format=yuv444p10le", "-c:v", "ffv1", video)
    for as_opencv in (False, True):
        shown = next(read_frames(video, as_opencv=as_opencv))[16, 32]
        np.testing.assert_allclose(shown.astype(int), (0xE0, 0xAC, 0x91), atol=2)


def as_swscale_reads(ffmpeg, path, options=""):
    """The first picture through ffmpeg's scaler, asked for nothing but exactness."""
    raw = path.with_suffix(".rgb")
    flags = "scale=flags=bicubic+accurate_rnd+full_chroma_int"
    ffmpeg("-i", path, "-vf", flags + options, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", raw)
    return np.fromfile(raw, np.uint8)


ORDINARY = [
    (*tags, pixels)
    for pixels in ("yuv420p", "yuv422p10le", "yuvj420p")
    for tags in [("bt709", "bt709", "bt709"), ("smpte170m",) * 3, ("bt470bg",) * 3, ("unknown",) * 3]
] + [("smpte170m", "bt709", "bt709", "yuv420p"), ("bt709", "bt709", "iec61966-2-1", "yuv420p")]


@pytest.mark.parametrize(("matrix", "primaries", "transfer", "pixels"), ORDINARY)
def test_ordinary_video_is_left_as_it_is(ffmpeg, tmp_path, matrix, primaries, transfer, pixels):
    video = tmp_path / "video.mkv"
    tags = f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.1", "-vf", f"format={pixels},{tags}", "-c:v", "ffv1", video)
    np.testing.assert_array_equal(next(read_frames(video)).ravel(), as_swscale_reads(ffmpeg, video))


@pytest.mark.parametrize(
    ("size", "matrix"), [("1280x720", "bt709"), ("720x1280", "bt709"), ("854x480", "bt601"), ("512x512", "bt601")]
)
def test_untagged_video_has_the_matrix_of_its_size(ffmpeg, tmp_path, size, matrix):
    """High definition is BT.709 to every player; OpenCV takes BT.601 for all."""
    video = tmp_path / "video.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.04,format=yuv420p", "-c:v", "mpeg4", "-q:v", "2", video)
    expected = as_swscale_reads(ffmpeg, video, f":in_color_matrix={matrix}")
    np.testing.assert_array_equal(next(read_frames(video)).ravel(), expected)
    as_opencv = next(read_frames(video, as_opencv=True)).ravel().astype(int)
    assert np.abs(as_opencv - as_swscale_reads(ffmpeg, video, ":in_color_matrix=bt601")).mean() < 2


def test_a_phone_held_upright_films_in_the_matrix_of_its_sensor(ffmpeg, tmp_path):
    """854x480 turned is 854 high and still no high definition."""
    lying, upright = tmp_path / "lying.mp4", tmp_path / "upright.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=854x480:d=0.04,format=yuv420p", "-c:v", "mpeg4", lying)
    ffmpeg("-display_rotation", "90", "-i", lying, "-c", "copy", upright)
    expected = as_swscale_reads(ffmpeg, upright, ":in_color_matrix=bt601")
    np.testing.assert_array_equal(next(read_frames(upright)).ravel(), expected)


@pytest.mark.parametrize("pixels", ["rgb24", "gbrp", "gray", "pal8", "rgba"])
def test_large_video_without_chroma_needs_no_matrix(ffmpeg, tmp_path, pixels):
    video = tmp_path / "video.nut"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:d=0.04", "-pix_fmt", pixels, "-c:v", "rawvideo", video)
    np.testing.assert_array_equal(next(read_frames(video)).ravel(), as_swscale_reads(ffmpeg, video))


@pytest.mark.slow
@settings(
    max_examples=120, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    transfer=st.sampled_from([*HDR, "linear", "bt470m", "bt470bg", "iec61966-2-1", "bt709", "smpte170m", "bt2020-12"]),
    primaries=st.sampled_from(["bt709", "bt2020", "smpte432"]),
    matrix=st.sampled_from(["gbr", *LUMA]),
    depth=st.sampled_from([10, 12]),
    full=st.booleans(),
    alpha=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_tags(coloured, transfer, primaries, matrix, depth, full, alpha, seed):
    """Within what a step of the stored value is worth in sRGB, for values that no screen would clip."""
    shown = np.clip(colours(seed), 80, 240)
    if primaries == "bt709" and transfer in ("bt709", "smpte170m", "bt2020-12"):
        transfer = "iec61966-2-1"  # ordinary video is shown as if it were sRGB
    path = coloured(shown, transfer, primaries, matrix, full, depth, alpha and depth == 10)
    assert error(path, shown) <= (8 if depth == 10 else 3)
