"""Which settings of a training can go together."""

from configs.training import TrainingConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.training.settings import check_run


def check(config: TrainingConfig, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    check_run(config, devices, ("audio_noise",), ("validation.sampling_steps",))
    if config.min_snr is not None and not config.min_snr > 0:
        raise InputError(f"min_snr is a ratio, more than 0, not {config.min_snr}.")
    if not config.first_frame > 0:
        raise InputError(f"first_frame says how often a frame counts, more than 0, not {config.first_frame}.")
