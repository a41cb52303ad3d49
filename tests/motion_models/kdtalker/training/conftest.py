"""Fixtures of all trainings' tests."""

from tests.training.fixtures import clips, dataset, finished

__all__ = ["clips", "dataset", "finished"]
