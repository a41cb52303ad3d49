"""The trainings of both networks, registered: the autoencoder, and stage 2 of DreamHead."""

from configs.dreamhead_training import AutoencoderRun, ImageRun
from kdtalker_jax.spaces.landmarks.statistics import LandmarkStatistics
from kdtalker_jax.training.kinds import Kind

_FOLDER = "kdtalker_jax.renderers.latent.training"
_COMMON = {
    "train": f"{_FOLDER}.trainer:train",
    "export": f"{_FOLDER}.export:export_run",
    "fit": f"{_FOLDER}.trainer:fitted",
    "found": {"statistics": LandmarkStatistics},
}

AUTOENCODER = Kind(
    "dreamhead_autoencoder", AutoencoderRun, recipes="configs.dreamhead_training:AUTOENCODER_RUNS", **_COMMON
)
IMAGES = Kind("dreamhead_images", ImageRun, recipes="configs.dreamhead_training:IMAGE_RUNS", **_COMMON)
