"""From motion coefficients to keypoints in the picture, and from one head's motion to another's.

Pure functions on numpy or JAX arrays with any leading dimensions, except `drive`, which takes whole sequences.
Keypoints are row vectors: a rotated keypoint is x R (LivePortrait, arXiv 2407.03168, equation 2).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdtalker_jax.batching import in_batches
from kdtalker_jax.errors import InputError
from kdtalker_jax.spaces.keypoints import Array, Coefficients, Motion, split

FRAMES_PER_BATCH = 256

# Accelerators round the inputs of matrix products by default; keypoints are worth all their digits.
_matmul = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


def degrees_from_bins(logits: Array) -> jax.Array:
    """(..., 66) logits of an angle -> (...,) degrees: the expected value over bins of 3 degrees from -97.5 on."""
    degrees = jnp.arange(logits.shape[-1], dtype=jnp.float32) * 3.0  # (66,)
    degrees = jax.lax.broadcast_to_rank(degrees, logits.ndim)
    return jnp.sum(jax.nn.softmax(logits.astype(jnp.float32)) * degrees, axis=-1) - 97.5


def rotation_matrix(pitch: Array, yaw: Array, roll: Array, xp: Any = jnp) -> Any:
    """Degrees (...,) each -> (..., 3, 3), (Rz(roll) Ry(yaw) Rx(pitch)) transposed, for row vectors. `xp`: or numpy."""
    (cx, sx), (cy, sy), (cz, sz) = ((xp.cos(a), xp.sin(a)) for a in map(xp.radians, (pitch, yaw, roll)))
    rows = [
        [cy * cz, cy * sz, -sy],
        [sx * sy * cz - cx * sz, sx * sy * sz + cx * cz, sx * cy],
        [cx * sy * cz + sx * sz, cx * sy * sz - sx * cz, cx * cy],
    ]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def transform_keypoints(kp: Array, scale: Array, rotation: Array, exp: Array, t: Array) -> jax.Array:
    """Place canonical keypoints: scale (kp R + exp) + (t_x, t_y, 0). Depth is not translated.

    Args:
        kp: (..., 3 K) canonical keypoints. scale: (...,). rotation: (..., 3, 3). exp: (..., 3 K). t: (..., 3).

    Returns:
        (..., K, 3) keypoints in the picture, x and y from -1 to 1.
    """
    across = jax.lax.broadcast_to_rank(jnp.array([1.0, 1.0, 0.0], jnp.float32), t.ndim)
    turned = _matmul(_as_points(kp), rotation) + _as_points(exp)  # (..., K, 3)
    scale = jax.lax.broadcast_to_rank(scale[..., None, None], turned.ndim)
    return scale * turned + (t * across)[..., None, :]


def _as_points(flat: Array) -> Array:
    return flat.reshape(*flat.shape[:-1], -1, 3)


def placed_keypoints(motion: Mapping[str, Array]) -> jax.Array:
    """Where the motion of B heads has their keypoints: kp (B, 3 K) and coefficients by name -> (B, K, 3)."""
    rotation = rotation_matrix(motion["pitch"], motion["yaw"], motion["roll"])  # (B, 3, 3)
    return transform_keypoints(motion["kp"], motion["scale"], rotation, motion["exp"], motion["t"])


def absolute_keypoints(kp: Array, source: Coefficients, driving: Coefficients) -> jax.Array:
    """The driving motion as it is, with the source's size of head. (..., K, 3); kp as in `transform_keypoints`."""
    rotation = rotation_matrix(driving.pitch, driving.yaw, driving.roll)  # (..., 3, 3)
    return transform_keypoints(kp, source.scale, rotation, driving.exp, driving.t)


def relative_keypoints(kp: Array, source: Coefficients, driving: Coefficients, first: Coefficients) -> jax.Array:
    """The driving motion's change since its first frame, added to the source's own pose. (..., K, 3)."""
    source_rotation, driving_rotation, first_rotation = (
        rotation_matrix(pose.pitch, pose.yaw, pose.roll) for pose in (source, driving, first)
    )
    rotation = _matmul(_matmul(driving_rotation, first_rotation.mT), source_rotation)  # (..., 3, 3)
    return transform_keypoints(
        kp,
        source.scale * driving.scale / first.scale,
        rotation,
        _change(source.exp, driving.exp, first.exp),
        _change(source.t, driving.t, first.t),
    )


def _change(source: Array, driving: Array, first: Array) -> jax.Array:
    """source + driving - first, (..., C), of which any may be of one frame."""
    rank = max(part.ndim for part in (source, driving, first))
    source, driving, first = (jax.lax.broadcast_to_rank(part, rank) for part in (source, driving, first))
    return source + driving - first


@partial(jax.jit, static_argnames="relative")
def _drive(kp: Array, source: Array, first: Array, driving: Array, *, relative: bool) -> jax.Array:
    """`drive` for one batch, on motion vectors."""
    source, first, driving = split(source), split(first), split(driving)
    if relative:
        return relative_keypoints(kp, source, driving, first)
    return absolute_keypoints(kp, source, driving)


def check_keypoints(motion: Motion, expected: int) -> None:
    """Raises InputError where the motion is of another number of keypoints."""
    if motion.exp.shape[1] != 3 * expected:
        raise InputError(
            f"The motion moves {motion.exp.shape[1] // 3} keypoints and the model has {expected}: "
            "use a motion made with this checkpoint."
        )


def drive(
    kp: np.ndarray, source: Motion, driving: Motion, *, relative: bool = False, first: Motion | None = None
) -> np.ndarray:
    """Move a portrait's keypoints by a motion of any length; compiled once for all lengths.

    Args:
        kp: (3 K,) canonical keypoints of the portrait.
        source: the portrait's own motion, one frame.
        driving: T frames.
        relative: False (published default): pose, expression and position of the driving motion, size of the
            source. True: only what changes since the driving motion's first frame, on top of the source's own.
        first: a motion whose first frame is that one, where `driving` is a later piece.

    Returns:
        (T, K, 3) float32, the driving keypoints x_d.

    Raises:
        InputError: the motion is of another number of keypoints.
    """
    check_keypoints(driving, kp.shape[0] // 3)
    vectors = driving.to_vector()  # (T, 7 + 3 K)
    beginning = vectors[0] if first is None else first.to_vector()[0]
    step = partial(_drive, kp, source.to_vector()[0], beginning, relative=relative)
    return in_batches(step, FRAMES_PER_BATCH, vectors)
