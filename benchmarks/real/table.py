"""The rows that `benchmarks.real_faces` prints: of all clips together, and of each."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.demo.rows import Row
from benchmarks.real.judging import ANGLES, Verdict

BY_CLIP = (
    "clip", "frames", "PSNR, still", "PSNR", "SSIM, still", "SSIM", "mouth r", "eyes r", "distance, own", "distance",
    "yaw r", "pitch r", "roll r", "by sound: mouth r", "offset",
)  # fmt: skip

TURNS = 1.5  # degrees, standard deviation


def rows(verdicts: Sequence[Verdict]) -> Iterator[Row]:
    """Of all clips, each of which counts the same."""
    psnr, ssim, still, still_ssim = (_mean(v, verdicts) for v in ("psnr", "ssim", "still_psnr", "still_ssim"))
    yield Row(
        "real clips, self-reenactment",
        "PSNR >= 24.5 dB, SSIM >= 0.80",
        f"PSNR {psnr:.2f} dB, SSIM {ssim:.3f}",
        psnr >= 24.5 and ssim >= 0.80,
        {"psnr": psnr, "ssim": ssim},
    )
    text = f"PSNR {still:.2f} dB, SSIM {still_ssim:.3f}"
    yield Row("the still portrait", "", text, None, {"psnr": still, "ssim": still_ssim})
    yield _above_still([verdict for verdict in verdicts if verdict.moves])
    yield _opening_row("mouth", 0.75, verdicts)
    yield _opening_row("eyes", 0.5, verdicts)
    yield from _identity_rows(verdicts)
    yield _pose_row(verdicts)
    found = _mean("found", verdicts)
    share = f"{100 * found:.1f} % of the frames where the person has one"
    yield Row("a face is found", "", share, None, {"found": found})
    heard = [verdict for verdict in verdicts if verdict.offset is not None or np.isfinite(verdict.spoken)]
    yield _spoken_row(heard)
    if heard:
        yield _own_row(heard)


def clip_cells(verdict: Verdict) -> list[str]:
    """As `BY_CLIP` names them."""
    numbers = [verdict.mouth, verdict.eyes, verdict.own_distance, verdict.distance, *verdict.pose.values()]
    pictures = [f"{verdict.still_psnr:.2f}", f"{verdict.psnr:.2f}", f"{verdict.still_ssim:.3f}", f"{verdict.ssim:.3f}"]
    sound = [_number(verdict.spoken), "" if verdict.offset is None else f"{verdict.offset:+d}"]
    return [verdict.name, str(verdict.frames), *pictures, *map(_number, numbers), *sound]


def _above_still(moving: Sequence[Verdict]) -> Row:
    gains = {verdict.name: verdict.gain for verdict in moving}
    above = sum(gain > 0 for gain in gains.values())
    text = f"{above} of {len(gains)}; least {min(gains.values()):+.2f} dB" if gains else "no clip moves"
    reached = above == len(gains) if gains else None
    return Row("PSNR above the still portrait's", "on every clip that moves", text, reached, gains)


def _opening_row(name: str, reach: float, verdicts: Sequence[Verdict]) -> Row:
    values = {verdict.name: getattr(verdict, name) for verdict in verdicts}
    average, lowest = _finite(np.mean, values), _finite(min, values)
    return Row(
        f"{name} opening against the person's",
        f"r >= {reach}",
        f"r = {average:.2f} on average (lowest {lowest:.2f})",
        average >= reach,
        values,
    )


def _identity_rows(verdicts: Sequence[Verdict]) -> Iterator[Row]:
    def measured(distances: dict[str, float], cosine: float) -> tuple[str, float, float]:
        average, highest = _finite(np.mean, distances), _finite(max, distances)
        text = f"distance {average:.2f} on average (highest {highest:.2f}), cosine {cosine:.3f}"
        return text, average, highest

    made = {verdict.name: verdict.distance for verdict in verdicts}
    own = {verdict.name: verdict.own_distance for verdict in verdicts}
    text, average, highest = measured(made, _mean("cosine", verdicts))
    reached = average <= 0.40 and highest <= 0.55 and bool(np.isfinite(list(made.values())).all())
    reach = "distance <= 0.40 on average, every clip <= 0.55"
    yield Row("identity, frames against portrait", reach, text, reached, made)
    text, _, _ = measured(own, _mean("own_cosine", verdicts))
    yield Row("the same of the person's own frames", "", text, None, own)


def _pose_row(verdicts: Sequence[Verdict]) -> Row:
    """r of those clips in which the head turns about that axis: elsewhere it is one of the landmarks' noise."""
    r, errors = {}, {}
    for name in ANGLES:
        turning = {verdict.name: verdict.pose[name] for verdict in verdicts if verdict.pose_std[name] >= TURNS}
        r[name] = _finite(np.mean, turning)
        errors[name] = _finite(np.mean, {verdict.name: verdict.pose_error[name] for verdict in verdicts})
    text = ", ".join(f"{name} r = {r[name]:.2f} ({errors[name]:.1f} degrees off)" for name in ANGLES)
    reached = r["yaw"] >= 0.9 and r["pitch"] >= 0.9 if np.isfinite([r["yaw"], r["pitch"]]).all() else None
    return Row("head pose by landmarks", "r >= 0.9 yaw and pitch", text, reached, {"r": r, "error": errors})


def _spoken_row(verdicts: Sequence[Verdict]) -> Row:
    name, reach = "driven by its own sound: mouth opening against the person's", "r >= 0.5 each, offset 0 +- 1"
    if not verdicts:
        return Row(name, reach, "no clip has sound", None, {})
    values = {verdict.name: verdict.spoken for verdict in verdicts}
    offsets = [verdict.offset for verdict in verdicts]
    reached = all(r >= 0.5 for r in values.values()) and all(offset in (-1, 0, 1) for offset in offsets)
    average, lowest = _finite(np.mean, values), _finite(min, values)
    text = f"r = {average:.2f} on average of {len(values)} (lowest {lowest:.2f}), offsets {_signed(offsets)}"
    return Row(name, reach, text, reached, {"r": values, "offsets": offsets})


def _own_row(verdicts: Sequence[Verdict]) -> Row:
    """Whether clips are in step themselves: a mouth that is in step with the sound is no more like theirs."""
    values = {verdict.name: verdict.loud for verdict in verdicts}
    offsets = [verdict.own_offset for verdict in verdicts]
    text = f"r = {_finite(np.mean, values):.2f} on average, offsets {_signed(offsets)}"
    name = "the person's own mouth opening against how loud the sound is"
    return Row(name, "", text, None, {"r": values, "offsets": offsets})


def _signed(offsets: Sequence[int | None]) -> str:
    return ", ".join("?" if offset is None else f"{offset:+d}" for offset in offsets)


def _mean(field: str, verdicts: Sequence[Verdict]) -> float:
    return _finite(np.mean, {verdict.name: getattr(verdict, field) for verdict in verdicts})


def _finite(summary: Callable[[list[float]], float], values: dict[str, float]) -> float:
    """Of the values that are numbers; NaN where none is."""
    numbers = [value for value in values.values() if np.isfinite(value)]
    return float(summary(numbers)) if numbers else np.nan


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""
