"""How an audio encoder is trained on the speech of the synthetic world."""

from dataclasses import dataclass

from configs.kdtalker import DEMO, SMALL
from configs.training import CheckpointConfig, DevicesConfig
from kdtalker_jax.features.wav2lip.config import AudioEncoderConfig
from kdtalker_jax.records import added


@dataclass(frozen=True)
class AudioValidationConfig:
    """What is heard of speakers that are not trained on."""

    every: int = 500  # steps
    performances: int = 24


_DEVICES = DevicesConfig()
_CHECKPOINTS = CheckpointConfig(every=250, keep_every=0)


@dataclass(frozen=True)
class AudioConfig:
    """One run: mel windows in, the mouth that spoke them out."""

    name: str = "demo_audio"
    seed: int = 0
    steps: int = 1_500
    batch_size: int = 64
    performances: int = 300  # invented speakers, each with words of their own
    frames: int = 200  # of each
    read: float = added(0.0)  # part of them that espeak-ng and flite read aloud, where these are installed
    learning_rate: float = 2e-3  # at its peak; a cosine down to 0
    weight_decay: float = 1e-4
    gain: float = 6.0  # decibels: deviation of a window's loudness from what was recorded
    tilt: float = 6.0  # decibels: the same between the lowest and the highest band
    noise: float = 0.5  # probability of a noise floor, at -70 to -35 dB
    log_every: int = 50  # steps
    encoder: AudioEncoderConfig = DEMO.audio_encoder
    devices: DevicesConfig = _DEVICES
    validation: AudioValidationConfig = AudioValidationConfig()
    checkpoints: CheckpointConfig = _CHECKPOINTS


DEMO_AUDIO = AudioConfig()

SMALL_AUDIO = AudioConfig(
    name="small_audio",
    steps=60,
    batch_size=32,
    performances=4,
    frames=75,
    log_every=10,
    encoder=SMALL.audio_encoder,
    validation=AudioValidationConfig(every=30, performances=2),
    checkpoints=CheckpointConfig(every=30, keep_every=0),
)

AUDIO_CONFIGS = {config.name: config for config in (DEMO_AUDIO, SMALL_AUDIO)}
