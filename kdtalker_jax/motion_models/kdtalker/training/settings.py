"""Which settings of a training can go together."""

from configs.training import TrainingConfig
from kdtalker_jax.errors import InputError
from kdtalker_jax.training.settings import check_positive


def check(config: TrainingConfig, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    share = devices * config.accumulate
    positive = ("steps", "batch_size", "accumulate", "log_every", "ema.every", "validation.every",
                "validation.sampling_steps", "checkpoints.every", "checkpoints.keep_last", "input.threads",
                "input.prefetch")  # fmt: skip
    check_positive(config, positive)
    if config.batch_size % share:
        raise InputError(
            f"batch_size={config.batch_size} cannot be split evenly over {devices} devices in {config.accumulate} "
            f"parts each: choose a multiple of {share}."
        )
    if config.optimizer.warmup_steps >= config.steps:
        raise InputError(
            f"optimizer.warmup_steps={config.optimizer.warmup_steps} must be fewer than steps={config.steps}."
        )
    if not 0 <= config.audio_noise <= 1:
        raise InputError(f"audio_noise is a probability, from 0 to 1, not {config.audio_noise}.")
    if config.min_snr is not None and not config.min_snr > 0:
        raise InputError(f"min_snr is a ratio, more than 0, not {config.min_snr}.")
    if not config.first_frame > 0:
        raise InputError(f"first_frame says how often a frame counts, more than 0, not {config.first_frame}.")
