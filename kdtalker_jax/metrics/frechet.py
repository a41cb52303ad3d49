"""Frechet distance of two sets of features, as of two Gaussians (FID: Heusel et al., arXiv 1706.08500)."""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of features that need not be held: `+` joins two sets.

    Attributes:
        count: how many.
        mean: (D,), float64.
        scatter: (D, D), float64: the sum of the products of what features differ from the mean by.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Of features (N, D), N at least 1."""
        features = features.astype(np.float64)
        mean = features.mean(axis=0)
        return cls(len(features), mean, (features - mean).T @ (features - mean))

    def __add__(self, other: "Moments") -> "Moments":  # type: ignore[override]
        count, apart = self.count + other.count, other.mean - self.mean
        mean = self.mean + apart * other.count / count
        between = np.outer(apart, apart) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> np.ndarray:
        """(D, D), by one less than the number of features."""
        return self.scatter / (self.count - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mean difference|^2 + trace(A + B - 2 (A B)^1/2) of covariances A and B; NaN for fewer than two features.

    (A B)^1/2 has the trace of (A^1/2 B A^1/2)^1/2, of which the eigenvalues are real, however few features there are.
    """
    if min(a.count, b.count) < 2:
        return np.nan
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T  # (D, D)
    common = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b.covariance @ root), 0)).sum()
    distance = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance) + np.trace(b.covariance) - 2 * common
    return float(max(distance, 0.0))
