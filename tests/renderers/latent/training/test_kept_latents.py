"""Latents that are kept are those that the autoencoder would see in each step."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdtalker_jax.data.landmark_clips import clip_statistics
from kdtalker_jax.errors import InputError
from kdtalker_jax.renderers.latent.parts import AUTOENCODER, UNET
from kdtalker_jax.renderers.latent.training.input import Chosen, pictures_of, usable_clips
from kdtalker_jax.renderers.latent.training.kept_latents import KeptLatents
from kdtalker_jax.renderers.latent.training.objectives import image_losses, latent_losses
from tests.renderers.latent.training.tiny import IMAGES

EXACT = replace(IMAGES, landmark_noise=0.0, mouth=1.0, consistency=2.0)
CHOSEN = [Chosen(0, 3, 5, 0.1), Chosen(1, 19, 0, 0.4), Chosen(1, 2, 2, 0.7), Chosen(2, 0, 0, 0.95)]
PLACES = np.arange(4, dtype=np.int32)


@pytest.fixture(scope="module")
def kept(clips):
    return usable_clips(clips, clip_statistics(clips), IMAGES)


@pytest.fixture(scope="module")
def networks():
    return {part.name: part.build(IMAGES) for part in (AUTOENCODER, UNET)}


@pytest.fixture(scope="module")
def params():
    return {part.name: part.initialise(IMAGES, jax.random.key(0))["params"] for part in (AUTOENCODER, UNET)}


def test_losses_are_those_of_the_pictures(kept, networks, params):
    pictures = pictures_of(kept, IMAGES.image_size)(CHOSEN, PLACES)
    latents = KeptLatents(kept, EXACT, networks, params[AUTOENCODER.name])(CHOSEN, PLACES)
    asked = (networks, EXACT, params[UNET.name], params[AUTOENCODER.name])
    seen, known = image_losses(*asked, pictures, jnp.int32(5)), latent_losses(*asked, latents, jnp.int32(5))
    for name in ("loss", "mouth", "reference"):
        np.testing.assert_allclose(known[name], seen[name], rtol=1e-4)


def test_frames_are_found_whichever_share_a_batch(kept, networks, params):
    """Batches reach across clips, and the last of them is not full."""
    alone, together = (
        KeptLatents(kept, replace(EXACT, batch_size=size), networks, params[AUTOENCODER.name])(CHOSEN, PLACES)
        for size in (1, 7)
    )
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), together, alone)


def test_a_batch_reads_each_of_its_clips_once(kept, networks, params):
    """Clips that there is no room for come from the disk each time."""
    read = []

    class Counted(list):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    KeptLatents(Counted(kept), replace(EXACT, batch_size=7), networks, params[AUTOENCODER.name])
    assert sorted(set(read)) == [0, 1, 2]
    batches = -(-sum(len(clip.seen) for clip in kept) // 7)
    assert len(read) <= batches + len(kept) - 1  # two clips share at most one batch


def test_a_share_of_landmarks_is_inexact(kept, networks, params):
    keep = KeptLatents(kept, replace(IMAGES, landmark_noise=0.5), networks, params[AUTOENCODER.name])
    lines = keep([Chosen(1, 4, 4, chance) for chance in (0.1, 0.3, 0.5, 0.9, np.nextafter(0.5, 0))], PLACES).lines
    reference = keep([Chosen(1, 4, 4, 0.1)], PLACES[:1]).reference_lines[0]
    first, second, exact, same, last = lines
    np.testing.assert_array_equal(exact, reference)
    np.testing.assert_array_equal(exact, same)
    np.testing.assert_array_equal(last, second)
    assert (first != exact).any() and (second != exact).any() and (first != second).any()


def test_what_would_not_fit_is_refused_before_anything_is_encoded(kept):
    small = replace(IMAGES, input=replace(IMAGES.input, cache_gb=1e-4))
    with pytest.raises(InputError, match=r"Latents of all frames take .* GB, more than input\.cache_gb=0.0001"):
        KeptLatents(kept, small, {}, None)
