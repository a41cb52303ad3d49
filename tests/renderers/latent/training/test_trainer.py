"""Whole runs of both networks: they learn, the autoencoder stays as it was, and models come of them."""

import shutil
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest

from configs.dreamhead import SMALL
from configs.latent import SMALL as LATENT_SMALL
from kdtalker_jax.checkpoints import load_checkpoint, read_record, save_checkpoint, write_record
from kdtalker_jax.errors import CheckpointError, InputError
from kdtalker_jax.random_parts import random_variables
from kdtalker_jax.renderers.latent.training.export import export_run, load_trained
from kdtalker_jax.renderers.latent.training.trainer import fitted, train
from tests.renderers.latent.training.tiny import AUTOENCODER, IMAGES
from tests.training.landmarks import SIZE, make_clip, write_dataset
from tests.training.metrics import read_metrics


def assert_equal(one, other) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize(("run", "parts"), [("autoencoder", ("picture", "codes")), ("images", ("mouth",))])
def test_some_steps_learn(run, parts, request):
    metrics = read_metrics(request.getfixturevalue(run))
    assert list(metrics) == list(range(1, 7))
    assert {f"train/{part}" for part in ("loss", "grad_norm", *parts)} <= set(metrics[1])
    assert metrics[6]["validation/loss"] < metrics[3]["validation/loss"]


def test_the_autoencoder_stays_as_it_was_to_the_bit(autoencoder, images):
    one, two = load_trained(autoencoder), load_trained(images)
    assert_equal(two.params["autoencoder"], one.params["autoencoder"])
    assert two.statistics == one.statistics
    assert set(two.params) == {"autoencoder", "unet"}
    assert np.abs(two.params["unet"]["conv_out"]["kernel"]).max() > 1e-4, "the U-Net has learnt"


@pytest.mark.parametrize("run", ["autoencoder", pytest.param("images", marks=pytest.mark.slow)])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(run, request, autoencoder, dataset, tmp_path):
    finished, config = request.getfixturevalue(run), {"autoencoder": AUTOENCODER, "images": IMAGES}[run]

    def interrupt(sentence: str) -> None:
        if sentence.startswith("Step 3:"):
            signal.raise_signal(signal.SIGTERM)

    init = autoencoder if run == "images" else None
    assert not train(config, dataset, tmp_path / "run", init=init, report=interrupt).finished
    assert train(config, dataset, tmp_path / "run") == (6, True)
    for ema in (False, True):
        assert_equal(load_trained(tmp_path / "run", ema=ema).params, load_trained(finished, ema=ema).params)


def test_a_run_goes_on_without_what_it_began_with(images, dataset, tmp_path):
    run = shutil.copytree(images, tmp_path / "run")
    write_record(run, replace(read_record(run, "dreamhead_images"), init=str(tmp_path / "gone")))
    shutil.rmtree(run / "checkpoints" / "6")
    assert train(IMAGES, dataset, run) == (6, True)
    assert_equal(load_trained(run).params, load_trained(images).params)


def test_pictures_need_an_autoencoder(dataset, autoencoder, small_checkpoint, tmp_path):
    for call in (lambda: train(IMAGES, dataset, tmp_path / "run"), lambda: fitted(IMAGES, dataset, None)):
        with pytest.raises(InputError, match="name a model or a run that has one as `init`"):
            call()
    other = replace(IMAGES, autoencoder=replace(IMAGES.autoencoder, width=16))
    with pytest.raises(InputError, match="autoencoder of other sizes: here width is 16, not 8"):
        train(other, dataset, tmp_path / "run", init=autoencoder)
    assert fitted(other, dataset, str(autoencoder)).autoencoder == IMAGES.autoencoder
    assert fitted(other, dataset, str(autoencoder)).unet == IMAGES.unet
    assert fitted(AUTOENCODER, dataset, None) == AUTOENCODER
    with pytest.raises(CheckpointError, match="no networks of latent diffusion"):
        load_trained(small_checkpoint)


def test_the_same_command_goes_on_before_the_first_checkpoint(autoencoder, images, tmp_path):
    for run, kind, config in (
        (autoencoder, "dreamhead_autoencoder", AUTOENCODER),
        (images, "dreamhead_images", IMAGES),
    ):
        folder = tmp_path / kind
        folder.mkdir()
        write_record(folder, read_record(run, kind))
        assert fitted(type(config)(), None, str(folder)).autoencoder == config.autoencoder


def test_a_converted_model_of_latent_diffusion_is_a_beginning(dataset, tmp_path):
    """Of both networks; faces are those of the data set."""
    networks = {name: random_variables(name, LATENT_SMALL) for name in ("autoencoder", "unet")}
    save_checkpoint(tmp_path / "model", networks, LATENT_SMALL)
    trained = load_trained(tmp_path / "model")
    assert trained.statistics is None and set(trained.params) == {"autoencoder", "unet"}
    config = fitted(IMAGES, dataset, str(tmp_path / "model"))
    assert (config.autoencoder, config.unet) == (LATENT_SMALL.autoencoder, LATENT_SMALL.unet)


def test_runs_become_a_model(autoencoder, images, tmp_path):
    save_checkpoint(tmp_path / "base", {"audio_encoder": random_variables("audio_encoder", SMALL)}, SMALL)
    said = export_run(images, tmp_path / "base", tmp_path / "out")
    assert "moving average after 6 steps" in said
    model, trained = load_checkpoint(tmp_path / "out"), load_trained(images)
    assert set(model.parts) == {"audio_encoder", "autoencoder", "unet"}
    assert model.config.statistics == trained.statistics, "the base makes no landmarks: it has those of nobody"
    assert model.config.painting.image_size == IMAGES.image_size
    for name in ("autoencoder", "unet"):
        assert_equal(model.variables(name)["params"], trained.params[name])
    speaks = {"landmark_denoiser": random_variables("landmark_denoiser", SMALL)}
    save_checkpoint(tmp_path / "speaks", speaks, SMALL)
    export_run(images, tmp_path / "speaks", tmp_path / "both")
    assert load_checkpoint(tmp_path / "both").config.statistics == SMALL.statistics, "by which landmarks are made"
    export_run(autoencoder, tmp_path / "base", tmp_path / "half")
    assert set(load_checkpoint(tmp_path / "half").parts) == {"audio_encoder", "autoencoder"}


def test_latents_become_as_large_as_noise(autoencoder, dataset, tmp_path):
    """By a power of two, once: a run that goes on has them from its own checkpoint."""
    config = replace(IMAGES, steps=3, unit_latents=True)
    said = []
    train(config, dataset, tmp_path / "run", init=autoencoder, report=said.append)
    assert any(sentence.startswith("Latents have a deviation of") for sentence in said)
    one, two = (load_trained(path).params["autoencoder"] for path in (autoencoder, tmp_path / "run"))
    by = float(two["codebook"].ravel()[0] / one["codebook"].ravel()[0])
    assert by != 1 and np.log2(by).is_integer()
    assert_equal(two["decoder"], one["decoder"])
    assert train(config, dataset, tmp_path / "run", report=said.append) == (3, True)
    assert_equal(load_trained(tmp_path / "run").params["autoencoder"], two)


def test_latents_that_are_kept_teach_the_same(autoencoder, dataset, tmp_path):
    """From the first step on, and where a run goes on."""
    config = replace(IMAGES, landmark_noise=0.0, keep_latents=True, unit_latents=True, mouth=1.0)
    losses = {}
    for name, keeps in (("kept", True), ("seen", False)):
        train(replace(config, keep_latents=keeps), dataset, tmp_path / name, init=autoencoder)
        losses[name] = [step["train/loss"] for step in read_metrics(tmp_path / name).values()]
    np.testing.assert_allclose(losses["kept"], losses["seen"], rtol=1e-3)
    run = shutil.copytree(tmp_path / "kept", tmp_path / "run")
    shutil.rmtree(run / "checkpoints" / "6")
    assert train(config, dataset, run) == (6, True)
    assert_equal(load_trained(run).params, load_trained(tmp_path / "kept").params)


def test_on_cuts_the_autoencoder_is_still_judged_by_whole_pictures(dataset, tmp_path):
    """At a first step, which changes nothing yet."""
    metrics = []
    for name, cut in (("whole", None), ("cuts", SIZE // 2)):
        config = replace(AUTOENCODER, steps=3, cut=cut, validation=replace(AUTOENCODER.validation, every=1))
        train(config, dataset, tmp_path / name)
        metrics.append(read_metrics(tmp_path / name)[1])
    whole, cuts = metrics
    assert cuts["validation/loss"] == whole["validation/loss"] and cuts["train/loss"] != whole["train/loss"]


def test_what_cannot_be_trained_on_is_said(dataset, clips, autoencoder, tmp_path):
    with pytest.raises(InputError, match="is trained on a data set"):
        train(AUTOENCODER, None, tmp_path / "run")
    with pytest.raises(InputError, match="image_size must be a multiple of 8, not 60"):
        train(replace(AUTOENCODER, image_size=60), dataset, tmp_path / "run")
    for cut in (0, 31, SIZE + 2):
        with pytest.raises(InputError, match=f"cut must be a multiple of 2 up to image_size={SIZE}, not {cut}"):
            train(replace(AUTOENCODER, cut=cut), dataset, tmp_path / "run")
    with pytest.raises(InputError, match="beyond is a probability"):
        train(replace(IMAGES, beyond=-1.0), dataset, tmp_path / "run", init=autoencoder)
    plain = write_dataset(tmp_path / "plain", {"train": [clips[0], make_clip("no pictures", 9)]})
    with pytest.raises(InputError, match="clip no pictures has no frames"):
        train(AUTOENCODER, plain, tmp_path / "run")
    assert not list((tmp_path / "run").glob("*"))
