"""What makes a reenacted picture and the keypoints behind it good. Pure functions, a number for each sample.

Pictures are (N, H, W, 3) in [0, 1], keypoints (N, K, 3); results are (N,), means over what belongs to a sample.
"""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp

SCALES = 4  # of the pyramid: the picture, then its averages over 2x2, 4x4, 8x8 pixels
SMALLEST = 16  # pixels of a scale's side
SSIM_WINDOW = 8
C1, C2 = 0.01**2, 0.03**2  # of the SSIM, for colours up to 1
WING_WIDTH, WING_CURVE = 0.1, 0.02  # in picture coordinates: 2 is the whole side


def picture_losses(output: jax.Array, target: jax.Array, weight: jax.Array) -> dict[str, jax.Array]:
    """pixels, edges and structure: how far a picture is from another at several scales.

    Args:
        output: (N, H, W, 3).
        target: the same.
        weight: (N, H, W, 1) by which pixels count, at all scales.
    """
    totals = dict.fromkeys(("pixels", "edges", "structure"), jnp.zeros(len(output), jnp.float32))
    scales = list(_scales(output, target, weight))
    for output, target, weight in scales:
        totals["pixels"] += weighted_mean(jnp.abs(output - target), weight)
        totals["edges"] += sum(
            weighted_mean(jnp.abs(jnp.diff(output - target, axis=axis)), _shortened(weight, axis)) for axis in (1, 2)
        )
        totals["structure"] += 1 - ssim(output, target, weight)
    return {name: total / len(scales) for name, total in totals.items()}


def pixel_loss(output: jax.Array, target: jax.Array, weight: jax.Array) -> jax.Array:
    """The pixels of `picture_losses` alone: (N,)."""
    scales = list(_scales(output, target, weight))
    return sum(weighted_mean(jnp.abs(output - target), weight) for output, target, weight in scales) / len(scales)


def _scales(*pictures: jax.Array) -> Iterator[tuple[jax.Array, ...]]:
    """Pictures of one size (N, H, W, ...), then their halves and so on."""
    for _ in range(SCALES):
        if pictures[0].shape[1] < SMALLEST:
            return
        yield pictures
        pictures = tuple(halved(x) for x in pictures)


def ssim(a: jax.Array, b: jax.Array, weight: jax.Array) -> jax.Array:
    """Structural similarity (Wang et al. 2004, equation 13) over boxes side by side: (N,)."""
    moments = pooled(jnp.concatenate([a, b, a * a, b * b, a * b], axis=-1), SSIM_WINDOW)
    mean_a, mean_b, square_a, square_b, product = jnp.split(moments, 5, axis=-1)  # (N, h, w, 3)
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    structure = (2 * (product - mean_a * mean_b) + C2) / (jnp.maximum(variances, 0) + C2)
    return weighted_mean(luminance * structure, pooled(weight, SSIM_WINDOW))


def weighted_mean(values: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean of (N, H, W, C) under a weight (N, H, W, 1): (N,)."""
    return (values.mean(axis=-1, keepdims=True) * weight).sum(axis=(1, 2, 3)) / weight.sum(axis=(1, 2, 3))


def halved(x: jax.Array) -> jax.Array:
    """Means over 2x2 pixels."""
    return pooled(x, 2)


def pooled(x: jax.Array, size: int) -> jax.Array:
    """Means over boxes of size x size pixels; the gradient of a library's pooling is far slower on CPUs."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // size, size, width // size, size, channels).mean(axis=(2, 4))


def _shortened(weight: jax.Array, axis: int) -> jax.Array:
    return jax.lax.slice_in_dim(weight, 1, None, axis=axis)


def detail_weight(landmarks: jax.Array, regions: Sequence[Sequence[int]], size: int, details: float) -> jax.Array:
    """1 everywhere, up to `details` more in soft spots over regions of the face: (N, size, size, 1).

    Args:
        landmarks: (N, L, 2) as (x, y) from -1 to 1, NaN where not known.
        regions: landmarks of each spot; it reaches a little beyond them.
        size: of the picture.
        details: weight at a spot's middle.
    """
    axis = (2 * jnp.arange(size, dtype=jnp.float32) + 1) / size - 1  # (size,)
    weight = jnp.ones((len(landmarks), size, size), jnp.float32)
    for region in regions:
        points = landmarks[:, jnp.array(region)]  # (N, R, 2)
        centre = points.mean(axis=1)  # (N, 2)
        radius = jnp.ptp(points, axis=1).max(axis=-1, keepdims=True) * 0.5 + 0.08  # (N, 1): points and their rims
        along_x, along_y = (
            jnp.exp(-(((axis[None] - centre[:, i, None]) / radius) ** 4)) for i in range(2)
        )  # (N, size)
        spot = along_y[:, :, None] * along_x[:, None, :]  # (N, size, size)
        weight += details * jnp.nan_to_num(spot)
    return weight[..., None]


def wing_loss(found: jax.Array, wanted: jax.Array) -> jax.Array:
    """Wing loss (arXiv 1711.06753) between points (N, P, 2); NaN in `wanted`: not known, no loss. (N,)."""
    known = jnp.isfinite(wanted)
    distance = jnp.abs(found - jnp.where(known, wanted, 0))
    offset = WING_WIDTH - WING_WIDTH * jnp.log1p(WING_WIDTH / WING_CURVE)
    wing = jnp.where(
        distance < WING_WIDTH, WING_WIDTH * jnp.log1p(distance / WING_CURVE), distance - offset
    )  # (N, P, 2)
    return jnp.where(known, wing, 0).mean(axis=(1, 2))


def opening_loss(found: jax.Array, wanted: jax.Array, pairs: Sequence[tuple[int, int]]) -> jax.Array:
    """Mean absolute error of the differences between pairs of points (N, P, 2), where `wanted` is known. (N,)."""
    first, second = (jnp.array(side) for side in zip(*pairs, strict=True))
    gaps, wanted_gaps = found[:, first] - found[:, second], wanted[:, first] - wanted[:, second]  # (N, pairs, 2)
    return masked_l1(gaps.reshape(len(gaps), -1), wanted_gaps.reshape(len(gaps), -1))


def masked_l1(found: jax.Array, wanted: jax.Array) -> jax.Array:
    """Mean absolute difference of (N, C), where `wanted` is known. (N,)."""
    known = jnp.isfinite(wanted)
    return jnp.where(known, jnp.abs(found - jnp.where(known, wanted, 0)), 0).mean(axis=-1)


def spread_loss(keypoints: jax.Array, distance: float) -> jax.Array:
    """How much pairs of keypoints (N, K, 3) are closer than `distance` (face-vid2vid, keypoint prior). (N,)."""
    count = keypoints.shape[1]
    difference = keypoints[:, :, None] - keypoints[:, None]  # (N, K, K, 3)
    itself = jnp.eye(count, dtype=jnp.float32)
    square = jnp.square(difference).sum(axis=-1) + itself[None] * distance**2  # none is too close to itself
    return jnp.maximum(0, distance**2 - square).sum(axis=(1, 2)) / (count * distance**2)


def depth_loss(keypoints: jax.Array) -> jax.Array:
    """How far the keypoints' mean depth is from 0. (N,)."""
    return jnp.abs(keypoints[..., 2].mean(axis=-1))
