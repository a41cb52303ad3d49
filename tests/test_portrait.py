"""TalkingPortrait on the small sizes: lengths, seeds, static shapes, streaming, low precision."""

import copy
import functools
from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import SMALL
from kdtalker_jax import demo
from kdtalker_jax.errors import CheckpointError, InputError, NoFaceError
from kdtalker_jax.features.mel import mel_spectrogram, mel_windows
from kdtalker_jax.features.wav2lip.model import Wav2LipFeatures
from kdtalker_jax.features.wav2lip.parts import AUDIO_ENCODER
from kdtalker_jax.motion_models.kdtalker.model import KDTalker
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.liveportrait.model import LivePortrait
from kdtalker_jax.rendering import Frames
from kdtalker_jax.spaces.keypoints import Motion

FRAME = 640  # samples at 16 kHz


def noise_of(frames):
    """A recording of so many frames."""
    return np.random.default_rng(frames).normal(0, 0.1, frames * FRAME).astype(np.float32)


@pytest.fixture(scope="module")
def source(small_model):
    return small_model.prepare(demo.PORTRAITS[0], crop="none")


@pytest.fixture(scope="module")
def animate(small_model, source):
    return functools.partial(small_model.animate, source, steps=2)


def test_prepare_describes_the_portrait(source):
    assert source.image.shape == (64, 64, 3) and source.image.dtype == np.uint8
    assert source.keypoints.shape == (21, 3)
    assert len(source.motion) == 1
    np.testing.assert_array_equal(source.motion.keypoints[0], source.keypoints)


def test_every_length_gives_its_own_number_of_frames(animate):
    """The published code loses frames or crashes below 32; these lie about there and both borders of windows."""
    for frames in (*range(1, 6), *range(30, 34), *range(61, 69), *range(126, 131)):
        motion = animate(noise_of(frames), steps=1)
        assert motion.keypoints.shape == (frames, 21, 3)
        assert np.isfinite(motion.keypoints).all()


def test_the_rest_of_a_frame_is_dropped(animate):
    assert len(animate(np.pad(noise_of(3), (0, FRAME - 1)))) == 3
    with pytest.raises(InputError, match="40 ms"):
        animate(noise_of(1)[:-1])


def test_the_seed_decides_the_motion(animate):
    first, again, other = (animate(noise_of(70), seed=seed).to_vector() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_noise_can_be_given(animate):
    noise = np.random.default_rng(0).standard_normal((2, 64, 70)).astype(np.float32)
    motions = [animate(noise_of(70), initial_noise=noise, seed=seed).to_vector() for seed in (0, 1)]
    np.testing.assert_array_equal(*motions)
    with pytest.raises(InputError, match=r"\(2, 64, 70\)"):
        animate(noise_of(70), initial_noise=noise[:1])


def test_ddpm_draws_its_noise_from_the_seed(animate):
    first, again, other = (animate(noise_of(5), sampler="ddpm", seed=seed).to_vector() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_what_a_denoiser_is_made_for_is_what_it_gets(small_model, source):
    model = TalkingPortrait(SMALL.replace(diffusion=replace(SMALL.diffusion, sampler="ddpm")), small_model.params)
    published, made, asked, other = (
        each.animate(source, noise_of(5), steps=2, **options).to_vector()
        for each, options in (
            (small_model, {}),
            (model, {}),
            (small_model, {"sampler": "ddpm"}),
            (model, {"sampler": "dpm++"}),
        )
    )
    np.testing.assert_array_equal(made, asked)
    np.testing.assert_array_equal(published, other)
    assert np.abs(made - published).max() > 0.1


def test_sampling_has_the_schedule_of_training(small_model, source):
    diffusion = replace(SMALL.diffusion, beta_end=0.02)
    model = TalkingPortrait(SMALL.replace(diffusion=diffusion), small_model.params)
    options = {"sampler": "ddim", "steps": 2, "smooth": False}
    published, other = (m.animate(source, noise_of(64), **options).to_vector() for m in (small_model, model))
    assert np.abs(published - other).max() > 1e-3


def test_sampling_has_the_noise_of_training(small_model, source):
    """Its offset, where sampling starts and in what ddpm adds on the way."""
    diffusion = replace(SMALL.diffusion, noise_offset=3.0)
    models = small_model, TalkingPortrait(SMALL.replace(diffusion=diffusion), small_model.params)
    noise = np.random.default_rng(0).standard_normal((1, 64, 70)).astype(np.float32)

    def apart(**options) -> float:
        motions = [model.animate(source, noise_of(64), steps=2, smooth=False, **options) for model in models]
        return float(np.abs(motions[0].to_vector() - motions[1].to_vector()).max())

    assert apart() > 0.1
    assert apart(initial_noise=noise) == 0
    assert apart(initial_noise=noise, sampler="ddpm") > 0.1


def test_windows_follow_each_other(small_model, source, animate):
    """The second window starts from the first's last frame: change the first's noise alone, and the second changes."""
    noise = np.random.default_rng(0).standard_normal((2, 64, 70)).astype(np.float32)
    other = noise.copy()
    other[0] += 1
    a, b = (animate(noise_of(128), initial_noise=n, smooth=False).to_vector() for n in (noise, other))
    assert np.abs(a[64:] - b[64:]).max() > 1e-4


def test_silence_gives_motion(animate):
    assert np.isfinite(animate(np.zeros(30 * FRAME, np.float32)).keypoints).all()


def test_audio_features_do_not_depend_on_batches(small_model):
    """Each frame's window alone gives what the whole recording gives in batches."""
    waveform = noise_of(140)
    features = small_model.audio_features(waveform)
    mel, encoder = mel_spectrogram(waveform), AUDIO_ENCODER.build(SMALL)
    for i in (0, 1, 127, 128, 139):
        alone = encoder.apply(small_model.params["audio_encoder"], mel_windows(mel, i, i + 1))
        np.testing.assert_allclose(features[i], alone[0], atol=1e-5)


def test_smoothing_can_be_switched_off_and_up(animate):
    raw, published, strong = (animate(noise_of(40), smooth=smooth) for smooth in (False, True, 1000.0))
    jitter = [np.abs(np.diff(motion.yaw, 2)).mean() for motion in (raw, published, strong)]
    assert jitter[0] > jitter[1] > jitter[2]
    np.testing.assert_array_equal(raw.scale, published.scale)


def test_relative_motion_starts_at_the_portrait(animate, source):
    keypoints = animate(noise_of(10), relative=True).keypoints
    # Depth is not translated, neither here nor in the source.
    np.testing.assert_allclose(keypoints[0], source.keypoints, atol=1e-5)


def test_stitching_moves_keypoints(small_model, source, animate):
    plain, stitched = (animate(noise_of(10), stitch=stitch).keypoints for stitch in (False, True))
    expected = small_model.renderer.stitch(small_model.params, source.arrays, plain)
    np.testing.assert_allclose(stitched, expected, atol=1e-6)
    assert np.abs(stitched - plain).max() > 1e-3


def test_frames_do_not_depend_on_the_batch(small_model, source, animate):
    motion = animate(noise_of(7))
    batches = {size: list(small_model.render(source, motion, batch_size=size)) for size in (1, 3, 8)}
    assert [len(frames) for frames in batches[3]] == [3, 3, 1]
    one = np.concatenate(batches[1])
    assert one.shape == (7, 128, 128, 3) and one.dtype == np.uint8
    for size in (3, 8):
        assert np.abs(np.concatenate(batches[size]).astype(int) - one).max() <= 1


def test_a_saved_motion_renders_the_same(small_model, source, animate, tmp_path):
    motion = animate(noise_of(3))
    motion.save(tmp_path / "motion.npz")
    again = small_model.drive(source, Motion.load(tmp_path / "motion.npz"))
    np.testing.assert_array_equal(again.keypoints, motion.keypoints)


def test_everything_is_compiled_once_whatever_the_length(small_model):
    """chex raises when a function is traced a second time."""

    def count(stage):
        @functools.wraps(stage.func)  # chex counts by name
        def function(*arguments):
            return stage(*arguments)

        return jax.jit(chex.assert_max_traces(function, n=1))

    chex.clear_trace_counter()

    model = TalkingPortrait(SMALL, small_model.params)
    model.features, model.motion_model = Wav2LipFeatures(SMALL, jit=count), KDTalker(SMALL, jit=count)
    model.renderer = LivePortrait(SMALL, jit=count)
    model._frames = Frames(model.renderer, small_model.params)
    for frames, picture in zip((1, 64, 200), demo.PORTRAITS, strict=True):
        source = model.prepare(picture, crop="none")
        motion = model.animate(source, noise_of(frames), steps=2, stitch=True)
        shown = Motion.from_vector(motion.to_vector()[:5])
        rendered = list(model.render(source, model.drive(source, shown), batch_size=2))
        assert sum(map(len, rendered)) == min(frames, 5)


def test_models_of_one_configuration_compile_together_and_are_set_apart(small_model, source):
    first = TalkingPortrait(SMALL, small_model.params)
    motion = first.drive(source, Motion.from_vector(source.motion.to_vector()))
    frame = list(first.render(source, motion, batch_size=1))
    compiled = first.renderer._render._cache_size()
    second = TalkingPortrait(SMALL, small_model.params)
    np.testing.assert_array_equal(list(second.render(source, motion, batch_size=1)), frame)
    assert second.renderer._render._cache_size() == compiled > 0
    second.motion_model.sampler = "none of the first's"
    assert first.motion_model.sampler != second.motion_model.sampler


def test_frames_that_overflow_in_bfloat16_are_rendered_in_float32(small_variables, small_model, source):
    """A value that only float32 can hold, and a generator that does not look at it."""
    params = jax.tree.map(np.array, small_model.params)
    fourth = params["warping"]["params"]["fourth"]
    fourth["kernel"][:], fourth["bias"][:] = 0, 3.4e38  # rounds to infinity in bfloat16
    for scope in _scopes(params["generator"]["params"]):
        for layer in ("fc", "shared"):
            if layer in scope:
                scope[layer]["kernel"][:] = 0
    motion = Motion.from_vector(np.repeat(source.motion.to_vector(), 3, axis=0))
    motion = small_model.drive(source, motion)
    exact = list(TalkingPortrait(SMALL, params).render(source, motion, batch_size=1))
    low = TalkingPortrait(SMALL, params, dtype="bfloat16")
    with pytest.warns(UserWarning, match="float32") as warnings:
        frames = list(low.render(source, motion, batch_size=1))
    assert len(warnings) == 1
    np.testing.assert_array_equal(frames, exact)


def _scopes(tree):
    yield tree
    for child in tree.values():
        if isinstance(child, dict):
            yield from _scopes(child)


def test_bfloat16_renders_nearly_the_same(small_model, source):
    low = TalkingPortrait(SMALL, small_model.params, dtype="bfloat16")
    motion = small_model.drive(source, source.motion)
    (exact,), (frames,) = (list(model.render(source, motion)) for model in (small_model, low))
    assert np.abs(frames.astype(int) - exact).mean() < 8


def test_load_reads_what_was_saved(small_checkpoint, small_model, source):
    loaded = TalkingPortrait.load(small_checkpoint)
    assert loaded.config == SMALL
    np.testing.assert_array_equal(loaded.prepare(demo.PORTRAITS[0], crop="none").keypoints, source.keypoints)


def test_load_names_what_is_missing(tmp_path, small_variables):
    from kdtalker_jax.checkpoints import save_checkpoint

    with pytest.raises(CheckpointError, match="does not exist"):
        TalkingPortrait.load(tmp_path / "nowhere")
    save_checkpoint(tmp_path / "part", {"denoiser": small_variables["denoiser"]}, SMALL)
    with pytest.raises(CheckpointError, match="generator"):
        TalkingPortrait.load(tmp_path / "part")


def test_wrong_arguments_are_sentences(small_model, source):
    with pytest.raises(InputError, match="float16"):
        TalkingPortrait(SMALL, small_model.params, dtype="float16")
    with pytest.raises(InputError, match="sampler"):
        small_model.animate(source, noise_of(1), sampler="euler")
    with pytest.raises(InputError, match="batch size"):
        next(small_model.render(source, small_model.drive(source, source.motion), batch_size=0))
    with pytest.raises(InputError, match="drive"):
        next(small_model.render(source, Motion.from_vector(source.motion.to_vector())))
    with pytest.raises(InputError, match="uint8"):
        small_model.prepare(np.zeros((64, 64, 3)))
    with pytest.raises(NoFaceError, match='or use `crop="none"` if'):
        small_model.prepare(np.zeros((300, 300, 3), np.uint8))


def with_damage(model, name):
    """The same model with one network whose weights are not finite, as its own overflow would leave it."""
    damaged = copy.copy(model)
    damaged.params = {**model.params, name: jax.tree.map(lambda leaf: leaf * jnp.nan, model.params[name])}
    damaged._frames = Frames(damaged.renderer, damaged.params)
    return damaged


@pytest.mark.parametrize("name", ["appearance", "motion_extractor", "warping"])
def test_a_model_that_describes_nothing_is_said_to_be_damaged(small_model, name):
    with pytest.raises(CheckpointError, match=r"^The model gives .*: its weights are damaged"):
        with_damage(small_model, name).prepare(demo.PORTRAITS[0], crop="none")


@pytest.mark.parametrize("name", ["audio_encoder", "denoiser", "retargeting"])
def test_motion_that_is_not_finite_is_the_models_fault(small_model, source, name):
    """And is not written anywhere: neither whole nor piece by piece."""
    damaged = with_damage(small_model, name)
    for animate in (
        lambda: damaged.animate(source, noise_of(70), steps=1, stitch=True),
        lambda: next(damaged.stream_motion(source, [noise_of(70)], steps=1, stitch=True)),
    ):
        with pytest.raises(CheckpointError, match=r"^The model gives .*: its weights are damaged"):
            animate()


def test_a_video_of_nothing_is_not_written(small_model, source, animate, tmp_path):
    with pytest.raises(CheckpointError, match="Frame 1 holds values that are not finite"):
        with_damage(small_model, "generator").write(source, animate(noise_of(3)), tmp_path / "x.mp4", None)
    assert not list(tmp_path.iterdir())
