"""Mouths that DreamHead paints, against the world's own: each half of the model alone, then both together."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.demo import measures, sheets
from benchmarks.demo.actors import film, speak
from benchmarks.demo.rows import Row
from benchmarks.demo.sitters import Painter, Sitter
from benchmarks.demo.unseen import take
from kdtalker_jax.faces.resizing import resize
from kdtalker_jax.media.rates import SAMPLE_RATE
from kdtalker_jax.metrics.changes import compare_mouths
from kdtalker_jax.metrics.similarity import compare
from kdtalker_jax.portrait import TalkingPortrait
from kdtalker_jax.renderers.latent.painting import in_levels
from kdtalker_jax.spaces.landmarks.contours import LIPS, rows_of
from kdtalker_jax.spaces.landmarks.pictures import landmark_pictures
from kdtalker_jax.spaces.landmarks.pose import canonical
from kdtalker_jax.spaces.landmarks.shapes import lip_gap
from kdtalker_jax.synthetic.drawing import draw_frames

_NEARLY_SHUT = 0.1  # of the range of openings in speech


class Heard(NamedTuple):
    """What the landmark denoiser makes of a sitter's speech, and the truth."""

    made: np.ndarray  # (T, N, 3) shapes in the canonical pose, where eyes are 1 apart
    true: np.ndarray


def autoencoder_rows(painter: Painter, sitters: Sequence[Sitter]) -> list[Row]:
    """What is lost by going through latents: beside it what shrinking loses."""
    pictures = np.concatenate([sitter.pictures[::8] for sitter in sitters])
    through = painter.through(pictures)
    small = pictures.shape[1] // painter.factor
    shrunk = [resize(resize(picture, small, small), *picture.shape[:2]) for picture in pictures]
    found, beside = compare(through, pictures), compare(shrunk, pictures)
    lines = np.concatenate([sitter.points[::8] for sitter in sitters])
    drawn = np.asarray(in_levels(landmark_pictures(lines, pictures.shape[1])))
    legible = measures.correlation(painter.through(drawn).ravel().astype(float), drawn.ravel().astype(float))
    return [
        Row(
            "the autoencoder",
            "PSNR >= 28.5 dB",
            f"PSNR {found.psnr:.2f} dB, SSIM {found.ssim:.3f} (shrunk to its latents' size and back: "
            f"{beside.psnr:.2f} dB, {beside.ssim:.3f})",
            found.psnr >= 28.5,
            {"through": found._asdict(), "shrunk": beside._asdict()},
        ),
        Row("pictures of landmarks through it", "legible", f"r = {legible:.3f}", None, {"r": legible}),
    ]


def image_rows(painter: Painter, sitters: Sequence[Sitter]) -> tuple[list[Row], list[np.ndarray]]:
    """Frames painted by true landmarks, told the person by the first frame; also the videos."""
    videos = [painter.paint(sitter, sitter.points) for sitter in sitters]
    mouths = [
        compare_mouths(video[1:], sitter.pictures[1:], sitter.boxes[1:])
        for sitter, video in zip(sitters, videos, strict=True)
    ]
    whole = compare(
        (frame for video in videos for frame in video[1:]),
        (frame for sitter in sitters for frame in sitter.pictures[1:]),
    )
    inside = float(np.mean([mouth.psnr for mouth in mouths]))
    row = Row(
        "frames by true landmarks",
        "PSNR >= 22 dB inside the mask, >= 30 dB whole, SSIM >= 0.93",
        f"PSNR {inside:.2f} dB, whole {whole.psnr:.2f} dB, SSIM {whole.ssim:.3f}",
        inside >= 22 and whole.psnr >= 30 and whole.ssim >= 0.93,
        {"inside": inside, "whole": whole._asdict()},
    )
    return [row, _flicker_row("the same", sitters, videos), _swap_row(painter, sitters)], videos


def _swap_row(painter: Painter, sitters: Sequence[Sitter]) -> Row:
    """Whether landmarks say what mouths do, and not the reference."""
    by_reference, by_landmarks = [], []
    for sitter in sitters:
        gaps = lip_gap(canonical(sitter.points, sitter.face.pose))
        shut, open_ = int(np.argmin(gaps)), int(np.argmax(gaps))
        at = {frame: sitter.at(painter.model, frame) for frame in (shut, open_)}
        box = sitter.boxes[shut]
        own, other, opened = (
            _cut(painter.paint(at[reference], sitter.points_at(shut, lips), [shut])[0], box).astype(float)
            for reference, lips in ((shut, shut), (open_, shut), (shut, open_))
        )
        by_reference.append(np.abs(own - other).mean())
        by_landmarks.append(np.abs(own - opened).mean())
    share = float(np.mean(by_reference) / np.mean(by_landmarks))
    return Row(
        "change of the mouth by another reference, against that by other landmarks",
        "< 10 %",
        f"{100 * share:.0f} %",
        share < 0.1,
        {"share": share},
    )


def landmark_rows(painter: Painter, sitters: Sequence[Sitter], seconds: float) -> list[Row]:
    """Landmarks made of unseen speech, and of silence."""
    heard = [_hear(painter, sitter, number) for number, sitter in enumerate(sitters)]
    lips = rows_of(LIPS, heard[0].made.shape[1])
    far = float(np.mean([np.linalg.norm(h.made[:, lips, :2] - h.true[:, lips, :2], axis=-1).mean() for h in heard]))
    opened = [lip_gap(part.made) for part in heard]
    found = measures.following(opened, [lip_gap(part.true) for part in heard])
    low, high = np.percentile(np.concatenate(opened), (5, 95))
    silence = painter.shapes(sitters[0], np.zeros(int(seconds * SAMPLE_RATE), np.float32), 0)
    shut = float((np.percentile(lip_gap(silence), 90) - low) / max(high - low, 1e-6))
    again = painter.shapes(sitters[0], sitters[0].performance.waveform, 0)
    return [
        Row(
            "lips' landmarks, made against true, unseen speech",
            "LMD <= 0.03 of the eye distance",
            f"LMD {far:.4f}",
            far <= 0.03,
            {"lmd": far},
        ),
        Row(
            "mouth opening in landmarks, made against true",
            "r >= 0.85, best offset 0 +- 1 frame",
            f"r = {found.pooled:.3f} (lowest of {len(heard)} clips {found.lowest:.3f}), offset {found.offset:+d}",
            found.pooled >= 0.85 and abs(found.offset) <= 1,
            found._asdict(),
        ),
        Row(
            "silence",
            "mouth opening under 10 % of its range",
            f"90 % of frames under {100 * shut:.1f} %",
            shut < _NEARLY_SHUT,
            {"opening_90": shut},
        ),
        Row(
            "the same seed gives the same landmarks",
            "to the bit",
            "yes" if np.array_equal(again, heard[0].made) else "no",
            np.array_equal(again, heard[0].made),
            {},
        ),
    ]


def whole_rows(painter: Painter, sitters: Sequence[Sitter]) -> tuple[list[Row], list[np.ndarray]]:
    """Sound to pictures: each sitter's own video, with the mouth that sound makes; also the videos."""
    videos, read, truth = [], [], []
    for number, sitter in enumerate(sitters):
        motion = painter.speak(sitter, sitter.performance.waveform, number)
        spoken = painter.model.space.with_mouth(sitter.face, motion)
        videos.append(painter.paint(sitter, spoken.points))
        read.append(sitter.read(videos[-1]))
        truth.append(sitter.opening)
    found = measures.following(read, truth)
    outside = max(
        int(np.abs(video.astype(int) - sitter.pictures)[:, sitter.outside].max(initial=0))
        for sitter, video in zip(sitters, videos, strict=True)
    )
    rows = [
        Row(
            "mouth opening read in pictures, against true, unseen speech",
            "r >= 0.8",
            _followed(found),
            found.pooled >= 0.8,
            found._asdict(),
        ),
        _flicker_row("sound to pictures", sitters, videos),
        Row("change outside all masks", "0", f"{outside} levels", outside == 0, {"outside": outside}),
    ]
    return rows, videos


def beside_row(name: str, model: TalkingPortrait, sitters: Sequence[Sitter]) -> Row:
    """What a model of another system, which moves the whole head, makes of the same portraits and speech."""
    read = []
    for number, sitter in enumerate(sitters):
        picture = draw_frames(sitter.person, take(sitter.states, np.array([0])), model.renderer.output_size)[0]
        source = model.prepare(picture, crop="none")
        read.append(sitter.read(film(model, source, speak(model, source, sitter.performance.waveform, number))))
    found = measures.following(read, [sitter.opening for sitter in sitters])
    quantity = f"mouth opening read in pictures of {name}, on the same speech"
    return Row(quantity, "", _followed(found), None, found._asdict())


def _followed(found: measures.Following) -> str:
    return f"r = {found.pooled:.3f} (lowest {found.lowest:.3f}), offset {found.offset:+d}"


def _flicker_row(name: str, sitters: Sequence[Sitter], videos: Sequence[np.ndarray]) -> Row:
    def change(frames: np.ndarray, boxes: np.ndarray) -> list[float]:
        pairs = zip(frames[:-1].astype(float), frames[1:], boxes[1:], strict=True)
        return [float(np.abs(_cut(after - before, box)).mean()) for before, after, box in pairs]

    made = np.concatenate([change(video, sitter.boxes) for sitter, video in zip(sitters, videos, strict=True)]).mean()
    true = np.concatenate([change(sitter.pictures, sitter.boxes) for sitter in sitters]).mean()
    return Row(
        f"change between frames inside the mask, {name}",
        "<= 1.5 times the true one",
        f"{made / true:.2f}",
        bool(made / true <= 1.5),
        {"made": float(made), "true": float(true)},
    )


def _hear(painter: Painter, sitter: Sitter, seed: int) -> Heard:
    return Heard(painter.shapes(sitter, sitter.performance.waveform, seed), canonical(sitter.points, sitter.face.pose))


def _cut(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return picture[top:bottom, left:right]


def painted_rows(
    painter: Painter, sitters: Sequence[Sitter], seconds: float, folder: object = None
) -> Iterator[list[Row]]:
    """All rows, as they are measured; sheets of pictures go to `folder`, if there is one."""
    yield autoencoder_rows(painter, sitters)
    rows, painted = image_rows(painter, sitters)
    yield rows
    yield landmark_rows(painter, sitters, seconds)
    rows, spoken = whole_rows(painter, sitters)
    yield rows
    if folder:
        for name, videos in (("true landmarks", painted), ("speech", spoken)):
            pairs = [
                np.concatenate([sitter.pictures[::6][:10], video[::6][:10]], axis=1)
                for sitter, video in zip(sitters, videos, strict=True)
            ]
            sheets.write(folder, name, np.concatenate([np.concatenate(list(pair), axis=1) for pair in pairs[:6]]))
