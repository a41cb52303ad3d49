"""What the points of MediaPipe's face mesh stand for, beyond the lines of `spaces.landmarks.contours`."""

import numpy as np

# By MediaPipe's numbers, the points nearest to the 68 of iBUG 300-W: jaw, brows, nose, eyes, lips.
AS_68 = (
    *(127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)

_EYES = (  # corners, middle of the upper and of the lower lid
    (33, 133, 159, 145),
    (362, 263, 386, 374),
)
_IRIS = 0.24  # its radius, of the distance of an eye's corners: irises of all adults are of nearly one size


def as_68(points: np.ndarray) -> np.ndarray:
    """Points of a mesh (..., 468 or more, 3 or 2) as the 68 landmarks of iBUG 300-W, (..., 68, 2)."""
    return points[..., AS_68, :2]


def with_irises(points: np.ndarray) -> np.ndarray:
    """The 468 points (..., 468, 3) of a mesh and ten for irises that look straight ahead, (..., 478, 3).

    For each eye, left in the picture first: the centre, midway between the lids, then what is right of it, above, left
    and below, as MediaPipe counts them. Of numpy or JAX arrays.
    """
    xp = points.__array_namespace__()
    irises = []
    for *corners, upper, lower in _EYES:
        first, second = (points[..., corner, :] for corner in corners)
        centre = (points[..., upper, :] + points[..., lower, :]) / 2
        across = _IRIS * (second - first)  # to the right in the picture
        down = xp.stack([-across[..., 1], across[..., 0], xp.zeros_like(across[..., 0])], axis=-1)
        level = xp.hypot(across[..., 0], across[..., 1])[..., None]
        down = down / xp.maximum(level, 1e-12) * xp.linalg.norm(across, axis=-1, keepdims=True)
        irises += [centre, centre + across, centre - down, centre - across, centre + down]
    return xp.concatenate([points, xp.stack(irises, axis=-2)], axis=-2)
