"""From a folder of real videos to a sampled performance, with the command lines that a user has."""

import numpy as np
import pytest
from click.testing import CliRunner

from configs import SMALL
from kdtalker_jax.checkpoints import save_checkpoint
from kdtalker_jax.spaces.keypoints import Motion
from pipelines import export, extract, sample, train
from tests.training.metrics import read_metrics


def run(command, *arguments: object) -> str:
    result = CliRunner().invoke(command.main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_extract_train_export_sample(media, small_variables, tmp_path):
    """Three hundred steps on a CPU bring the loss to half of what it was; what was learnt can be sampled from."""
    model, data, workdir, mine = (tmp_path / name for name in ("model", "data", "run", "mine"))
    save_checkpoint(model, small_variables, SMALL)
    assert "train: 3 clips" in run(extract, "--videos", media / "video", "--checkpoint", model, "--out", data)
    output = run(train, "--config", "small", "--data", data, "--workdir", workdir)
    assert "Finished after 300 steps." in output

    losses = [values["train/loss"] for values in read_metrics(workdir).values() if "train/loss" in values]
    assert np.mean(losses[-5:]) < losses[0] / 2

    run(export, "--run", workdir, "--checkpoint", model, "--out", mine)
    motions = []
    for checkpoint in (model, mine):
        out = tmp_path / f"{checkpoint.name}.npz"
        run(
            sample, "--checkpoint", checkpoint, "--motion_out", out, "--output", tmp_path / f"{checkpoint.name}.mp4",
            "--source_image", media / "portraits" / "WDA_BenCardin1_000.png",
            "--driven_audio", media / "audio" / "sad_bus_chinese.wav", "--steps", 5,
        )  # fmt: skip
        motions.append(Motion.load(out).to_vector())
    assert motions[0].shape == motions[1].shape
    assert np.abs(motions[0] - motions[1]).max() > 0.1
