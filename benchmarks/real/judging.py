"""Numbers of a take: how near it is to what the person did."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.demo import measures
from benchmarks.real.takes import Take
from kdtalker_jax.metrics.identity import cosines, distances
from kdtalker_jax.metrics.similarity import compare

ANGLES = ("yaw", "pitch", "roll")
MOVES = 35.0  # dB of a still portrait below which a clip counts as one that moves
FEWEST = 0.5  # part of the frames in which there must be a face for a correlation


@dataclass(frozen=True)
class Verdict:
    """Of one clip. Correlations are NaN where nothing varies or a face is seen too rarely."""

    name: str
    frames: int
    psnr: float  # dB, of all frames but the portrait
    ssim: float
    still_psnr: float  # of the portrait, standing still
    still_ssim: float
    found: float  # part of the person's frames with a face whose generated ones have one
    mouth: float  # r of openings
    eyes: float
    distance: float  # of frames to the portrait; SAME_PERSON is 0.6
    cosine: float
    own_distance: float  # of the person's own frames
    own_cosine: float
    pose: dict[str, float]  # r by angle
    pose_error: dict[str, float]  # mean, degrees
    pose_std: dict[str, float]  # of the person, degrees
    spoken: float  # r of the opening driven by sound, or NaN
    offset: int | None  # frames at which that r is greatest; positive: late
    loud: float  # r of the person's own opening with the loudness of the sound, or NaN
    own_offset: int | None  # likewise: how far the clip's pictures are behind its sound

    @property
    def gain(self) -> float:
        """dB above the still portrait."""
        return self.psnr - self.still_psnr

    @property
    def moves(self) -> bool:
        """Whether a still portrait is no answer."""
        return self.still_psnr < MOVES

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"gain": self.gain, "moves": self.moves}


def judge(take: Take) -> Verdict:
    """All numbers of a take."""
    truth, seen, driven = take.clip.frames, take.seen, take.seen_driven
    made, still = compare(take.driven[1:], truth[1:]), compare([truth[0]] * (len(truth) - 1), truth[1:])
    both = seen.found & driven.found
    error = np.abs(driven.pose - seen.pose)[both]  # (n, 3)
    spoken, offset, loud, own_offset = np.nan, None, np.nan, None
    if take.seen_spoken is not None:
        every = take.clip.every
        spoken, offset = _followed(take.seen_spoken.mouth, seen.mouth, every)
        loud, own_offset = _followed(seen.mouth, measures.envelope(take.clip.waveform)[::every], every)
    return Verdict(
        name=take.clip.name,
        frames=len(truth),
        psnr=made.psnr,
        ssim=made.ssim,
        still_psnr=still.psnr,
        still_ssim=still.ssim,
        found=float(both.sum() / max(seen.found.sum(), 1)),
        mouth=agreement(driven.mouth, seen.mouth),
        eyes=agreement(driven.eyes, seen.eyes),
        distance=_mean(distances(driven.who, seen.who[0])),
        cosine=_mean(cosines(driven.who, seen.who[0])),
        own_distance=_mean(distances(seen.who[1:], seen.who[0])),
        own_cosine=_mean(cosines(seen.who[1:], seen.who[0])),
        pose={name: agreement(driven.pose[:, i], seen.pose[:, i]) for i, name in enumerate(ANGLES)},
        pose_error={name: _mean(error[:, i]) for i, name in enumerate(ANGLES)},
        pose_std={name: _spread(seen.pose[:, i]) for i, name in enumerate(ANGLES)},
        spoken=spoken,
        offset=offset,
        loud=loud,
        own_offset=own_offset,
    )


def agreement(measured: np.ndarray, wanted: np.ndarray) -> float:
    """Pearson's r of (T,) and (T,) where both are known; NaN where that is in less than half of the frames."""
    both = np.isfinite(measured) & np.isfinite(wanted)
    return measures.correlation(measured[both], wanted[both]) if both.mean() >= FEWEST else np.nan


def _followed(measured: np.ndarray, wanted: np.ndarray, every: int) -> tuple[float, int | None]:
    """r, and the offset in frames at which it is greatest, of signals of every so many frames.

    Gaps of up to half of the frames are bridged.
    """
    frames = min(len(measured), len(wanted))
    if (r := agreement(measured[:frames], wanted[:frames])) != r:
        return np.nan, None
    return r, every * measures.following([_bridged(measured[:frames])], [_bridged(wanted[:frames])]).offset


def _bridged(values: np.ndarray) -> np.ndarray:
    """(T,) without NaN."""
    time, known = np.arange(len(values)), np.isfinite(values)
    return np.interp(time, time[known], values[known])


def _spread(values: np.ndarray) -> float:
    """Standard deviation of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else np.nan


def _mean(values: np.ndarray) -> float:
    """Of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
