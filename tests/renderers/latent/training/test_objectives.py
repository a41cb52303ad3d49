"""What both networks are asked, and what of it is random."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.data.landmark_clips import clip_statistics
from kdtalker_jax.renderers.latent.model import SCHEDULE
from kdtalker_jax.renderers.latent.parts import AUTOENCODER
from kdtalker_jax.renderers.latent.training.input import fixed_pictures, nearby, usable_clips
from kdtalker_jax.renderers.latent.training.objectives import autoencoder_losses, image_losses, roughened
from kdtalker_jax.spaces.landmarks.contours import rows_of
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures
from tests.renderers.latent.training import tiny
from tests.training.landmarks import SIZE

IMAGES, AUTOENCODERS = tiny.IMAGES, tiny.AUTOENCODER
FACTOR = IMAGES.autoencoder.factor


@pytest.fixture(scope="module")
def pictures(clips):
    kept = usable_clips(clips, clip_statistics(clips), IMAGES)
    return fixed_pictures(kept, 4, IMAGES, nearby(5, 0.1))


class Pixels:
    """In an autoencoder's place: a latent is every second pixel, and remembers what it was given."""

    def __init__(self):
        self.given = []

    def apply(self, params, array, *, method):
        if method == "encode":
            self.given.append(np.asarray(array))
            return array[:, ::FACTOR, ::FACTOR]
        if method == "quantise":
            return array + 0.1, None
        return jnp.repeat(jnp.repeat(array, FACTOR, axis=1), FACTOR, axis=2)


class Asked:
    """In a U-Net's place: says that there is no noise, and remembers what it was asked."""

    def apply(self, params, x, time, conditions):
        self.x, self.time, self.conditions = x, time, np.asarray(conditions)
        return jnp.zeros_like(x)


def asked(pictures, config=IMAGES):
    networks = {"autoencoder": Pixels(), "unet": Asked()}
    losses = image_losses(networks, config, {}, {}, pictures, jnp.int32(2))
    return networks["unet"], losses


def test_the_unet_sees_what_it_will_see(pictures):
    """The masked target, the reference, and the landmarks of both, in this order."""
    unet, losses = asked(pictures, replace(IMAGES, landmark_noise=0.0))
    masked, reference, lines, reference_lines = np.split(unet.conditions, 4, axis=-1)
    target = pictures.targets[:, ::FACTOR, ::FACTOR].astype(np.float32) / 127.5 - 1
    for i, (left, top, right, bottom) in enumerate(pictures.boxes // FACTOR):
        assert (masked[i, top:bottom, left:right] == -1).all()
        target[i, top:bottom, left:right] = -1
    np.testing.assert_allclose(masked, target, atol=1e-6)
    np.testing.assert_allclose(reference, pictures.references[:, ::FACTOR, ::FACTOR] / np.float32(127.5) - 1, atol=1e-6)
    for drawn, points in ((lines, pictures.points), (reference_lines, pictures.reference_points)):
        np.testing.assert_allclose(
            drawn, landmark_pictures(jnp.asarray(points), SIZE)[:, ::FACTOR, ::FACTOR], atol=1e-6
        )
    np.testing.assert_allclose(losses["loss"], 1, atol=0.15), "noise has deviation 1"
    np.testing.assert_allclose(losses["mouth"], 1, atol=0.3)
    _, with_mouths = asked(pictures, replace(IMAGES, landmark_noise=0.0, mouth=2.0))
    np.testing.assert_allclose(with_mouths["loss"], losses["loss"] + 2 * losses["mouth"], rtol=1e-5)


class Copies:
    """In a U-Net's place: tells what is in the reference, and remembers what it was given."""

    def __init__(self):
        self.conditions = []

    def apply(self, params, x, time, conditions):
        self.conditions.append(np.split(np.asarray(conditions), 4, axis=-1))
        return conditions[..., x.shape[-1] : 2 * x.shape[-1]]


def test_consistency_asks_for_the_same_by_the_target_itself(pictures):
    """A network that copies mouths tells otherwise by as much as the two pictures differ in the box."""
    config = replace(IMAGES, landmark_noise=1.0, mouth=1.0)
    networks = {"autoencoder": Pixels(), "unet": Copies()}
    without = image_losses(networks, config, {}, {}, pictures, jnp.int32(2))
    assert "reference" not in without and len(networks["unet"].conditions) == 1, "nothing is computed for nothing"
    losses = image_losses(networks, replace(config, consistency=3.0), {}, {}, pictures, jnp.int32(2))
    _, _, (masked, own, lines, own_lines) = networks["unet"].conditions
    _, (same_masked, reference, same_lines, _), _ = networks["unet"].conditions
    np.testing.assert_array_equal([masked, lines], [same_masked, same_lines])
    target = pictures.targets[:, ::FACTOR, ::FACTOR] / np.float32(127.5) - 1
    np.testing.assert_allclose(own, target, atol=1e-6)
    exact = landmark_pictures(jnp.asarray(pictures.points), SIZE)[:, ::FACTOR, ::FACTOR]
    np.testing.assert_allclose(own_lines, exact, atol=1e-6)
    assert np.abs(own_lines - lines).max() > 0.1, "those of the target are inexact"
    apart = np.square(reference - target).mean(axis=-1)
    for i, (left, top, right, bottom) in enumerate(pictures.boxes // FACTOR):
        np.testing.assert_allclose(losses["reference"][i], apart[i, top:bottom, left:right].mean(), 1e-4, 1e-9)
    assert max(losses["reference"]) > 0.01
    np.testing.assert_allclose(losses["loss"], without["loss"] + 3 * losses["reference"], rtol=1e-5)


def test_its_latents_are_noised_to_their_time(pictures):
    unet, _ = asked(pictures)
    clean = pictures.targets[:, ::FACTOR, ::FACTOR].astype(np.float32) / 127.5 - 1
    share = SCHEDULE.alpha_bars[np.asarray(unet.time)][:, None, None, None]
    noise = (np.asarray(unet.x) - np.sqrt(share) * clean) / np.sqrt(1 - share)
    assert abs(noise.mean()) < 0.05 and abs(noise.std() - 1) < 0.05
    assert len(set(np.asarray(unet.time).tolist())) == 4


def test_half_of_the_landmarks_are_inexact(pictures):
    points = jnp.asarray(np.repeat(pictures.points[:1], 400, axis=0))
    keys = jax.random.split(jax.random.key(0), 400)
    moved = np.asarray(roughened(IMAGES, points, keys) - points)
    rough = moved.any(axis=(1, 2))
    assert 0.42 < rough.mean() < 0.58
    left, right = pictures.points[0, rows_of((33, 263))]
    np.testing.assert_allclose(moved[rough].std(), 0.005 * np.linalg.norm(left - right), rtol=0.05)


def test_the_autoencoder_sees_landmarks_and_masks_too(pictures):
    many = jax.tree.map(lambda array: np.repeat(array[:1], 200, axis=0), pictures)
    many = many._replace(position=np.arange(200, dtype=np.int32))
    pixels = Pixels()
    losses = autoencoder_losses({"autoencoder": pixels}, AUTOENCODERS, {}, None, many, jnp.int32(0))
    (given,) = pixels.given
    lines = np.asarray(landmark_pictures(jnp.asarray(many.points[:1]), SIZE))
    left, top, right, bottom = many.boxes[0]
    are_lines = np.isclose(given, lines, atol=1e-5).all(axis=(1, 2, 3))
    are_masked = (given[:, top:bottom, left:right] == -1).all(axis=(1, 2, 3))
    assert 0.17 < are_lines.mean() < 0.33 and 0.06 < are_masked.mean() < 0.2
    np.testing.assert_allclose(losses["loss"], losses["picture"] + losses["codes"], rtol=1e-5)
    np.testing.assert_allclose(losses["codes"], 1.25 * 0.01, rtol=1e-3)


def test_random_numbers_go_with_position_and_step(pictures):
    networks = {"autoencoder": Pixels(), "unet": Asked()}
    times = []
    for step in (2, 2, 3):
        image_losses(networks, IMAGES, {}, {}, pictures, jnp.int32(step))
        times.append(np.asarray(networks["unet"].time).tolist())
    assert times[0] == times[1] != times[2]
    image_losses(networks, IMAGES, {}, {}, jax.tree.map(lambda array: array[2:], pictures), jnp.int32(2))
    assert np.asarray(networks["unet"].time).tolist() == times[0][2:]


def test_gradients_pass_to_the_encoder_as_if_nothing_were_quantised(clips, pictures):
    params = jax.jit(lambda key: AUTOENCODER.initialise(AUTOENCODERS, key))(jax.random.key(0))["params"]
    networks = {"autoencoder": AUTOENCODER.build(AUTOENCODERS)}

    @jax.jit
    def gradient(params):
        return jax.grad(
            lambda params: autoencoder_losses(networks, AUTOENCODERS, params, None, pictures, jnp.int32(0))[
                "picture"
            ].mean()
        )(params)

    found = gradient(params)
    assert np.abs(found["encoder"]["conv_in"]["kernel"]).max() > 0
    assert not np.asarray(found["codebook"]).any(), "codes learn by their distance alone"


def test_the_autoencoder_learns_from_cuts_of_what_it_would_see_whole(pictures):
    """Each anywhere in its picture, at another place in another step."""
    config, side = replace(AUTOENCODERS, lines=0.0, masked=0.0), SIZE // 2

    def given(config, step):
        pixels = Pixels()
        autoencoder_losses({"autoencoder": pixels}, config, {}, None, pictures, jnp.int32(step))
        return pixels.given[0]

    def places(step):
        found = []
        for whole, part in zip(given(config, step), given(replace(config, cut=side), step), strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side, 3))[:, :, 0]
            found += np.argwhere((windows == part).all(axis=(-3, -2, -1))).tolist()
        return found

    assert len(places(0)) == len(pictures.targets) and len({*map(tuple, places(0))}) > 1
    assert places(0) != places(1)
