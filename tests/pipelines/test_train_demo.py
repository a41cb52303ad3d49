"""`python -m pipelines.train_demo`: from nothing to a model that makes a video."""

import chex
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.demo.sitters import Painter
from kdtalker_jax.checkpoints import load_networks
from kdtalker_jax.portrait import TalkingPortrait
from pipelines.train_demo import main


def test_a_base_of_what_has_none_is_refused(tmp_path):
    """Whoever forgets --system would wait hours for another model."""
    result = CliRunner().invoke(main, ["--workdir", str(tmp_path / "work"), "--base", "demo"])
    assert result.exit_code == 2 and "--base is of another --system" in result.output
    assert not (tmp_path / "work").exists()


@pytest.mark.slow
def test_all_stages_end_in_a_model_that_speaks(tmp_path):
    """A few minutes on two cores, nearly all of it compilation."""
    arguments = ["--workdir", str(tmp_path / "work"), "--config", "small"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    model = TalkingPortrait.load(tmp_path / "work" / "demo" / "model")
    portraits = sorted((tmp_path / "work" / "demo" / "portraits").glob("*.png"))  # landmarks are beside
    recordings = sorted((tmp_path / "work" / "demo" / "recordings").iterdir())
    assert (len(portraits), len(recordings)) == (3, 2)
    source = model.prepare(portraits[0], crop="none")
    motion = model.animate(source, recordings[0], sampler="dpm++", steps=2)
    assert len(motion.yaw) == 150
    assert np.isfinite(motion.to_vector()).all()

    first, *others = (load_networks(tmp_path / "work" / run)[0] for run in ("renderer", "details", "lids", "feelings"))
    for after in others[:-1]:
        chex.assert_trees_all_close(after["motion_extractor"], first["motion_extractor"], rtol=1e-6)  # of an average
    for after in others:
        with pytest.raises(AssertionError):
            chex.assert_trees_all_close(after["warping"], first["warping"], rtol=1e-6)
    with pytest.raises(AssertionError):
        chex.assert_trees_all_close(others[-1]["motion_extractor"], first["motion_extractor"], rtol=1e-6)
    assert np.any(others[-1]["generator"]["params"]["keypoints"]["kernel"])

    finished = (tmp_path / "work" / "demo" / "model" / "config.json").stat().st_mtime_ns
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert (tmp_path / "work" / "demo" / "model" / "config.json").stat().st_mtime_ns == finished


@pytest.mark.slow
def test_all_stages_of_dreamhead_end_in_a_model_that_paints(tmp_path):
    """A few minutes likewise. Its audio encoder stays where it is: in the model that comes with the package."""
    arguments = ["--system", "dreamhead", "--workdir", str(tmp_path / "work"), "--config", "small"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    directory = tmp_path / "work" / "demo" / "model"
    assert not (directory / "audio_encoder").exists()
    painter = Painter(TalkingPortrait.load(directory))
    sitter = painter.sitters(1, 40, "varied", 30)[0]
    motion = painter.speak(sitter, sitter.performance.waveform, 0)
    assert len(motion) == 40
    painted = painter.paint(sitter, motion.points)
    assert painted.shape == sitter.pictures.shape
    assert not np.array_equal(painted, sitter.pictures)
