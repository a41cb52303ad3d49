"""Which settings of a training of Playmate can go together."""

from configs.playmate_training import EmotionRun, PlaymateRun
from kdtalker_jax.errors import InputError
from kdtalker_jax.training import one_network

_PROBABILITIES = ("audio_dropout", "first_window")
_OF_EMOTIONS = ("emotion_dropout", "both_dropout")


def check(config: PlaymateRun, devices: int) -> None:
    """Raises InputError for values that no run can have on this number of devices."""
    probabilities = _PROBABILITIES + (_OF_EMOTIONS if isinstance(config, EmotionRun) else ())
    one_network.check(config, devices, probabilities, positive=("previous_times",))
    if config.previous_times > config.diffusion.times:
        raise InputError(
            f"previous_times={config.previous_times} must be no more than diffusion.times={config.diffusion.times}."
        )
    if isinstance(config, EmotionRun) and not config.emotion_dropout + config.both_dropout < 1:
        raise InputError(
            f"emotion_dropout={config.emotion_dropout} and both_dropout={config.both_dropout} leave no sample that is "
            "told its emotion: their sum must be below 1."
        )
    if config.min_snr is not None and not config.min_snr > 0:
        raise InputError(f"min_snr is a ratio, more than 0, not {config.min_snr}.")
