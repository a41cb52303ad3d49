"""Which settings of a training of Playmate can go together."""

from configs.playmate_training import PlaymateRun
from kdtalker_jax.errors import InputError
from kdtalker_jax.training.settings import settings


def check(config: PlaymateRun, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    share = devices * config.accumulate
    positive = ("steps", "batch_size", "accumulate", "log_every", "previous_times", "ema.every", "validation.every",
                "checkpoints.every", "checkpoints.keep_last", "input.threads", "input.prefetch")  # fmt: skip
    values = {name: value for name, _, value in settings(config)}
    for name in positive:
        if values[name] < 1:
            raise InputError(f"{name} must be at least 1, not {values[name]}.")
    if config.batch_size % share:
        raise InputError(
            f"batch_size={config.batch_size} cannot be split evenly over {devices} devices in {config.accumulate} "
            f"parts each: choose a multiple of {share}."
        )
    if config.optimizer.warmup_steps >= config.steps:
        raise InputError(
            f"optimizer.warmup_steps={config.optimizer.warmup_steps} must be fewer than steps={config.steps}."
        )
    if config.previous_times > config.diffusion.times:
        raise InputError(
            f"previous_times={config.previous_times} must be no more than diffusion.times={config.diffusion.times}."
        )
    for name in ("audio_dropout", "first_window", "emotion_dropout", "both_dropout"):
        if not 0 <= values.get(name, 0) <= 1:
            raise InputError(f"{name} is a probability, from 0 to 1, not {values[name]}.")
    if config.min_snr is not None and not config.min_snr > 0:
        raise InputError(f"min_snr is a ratio, more than 0, not {config.min_snr}.")
