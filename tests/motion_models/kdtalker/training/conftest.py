"""Fixtures of all trainings' tests."""

from tests.training.fixtures import clips, dataset, finished, quick_compilation

__all__ = ["clips", "dataset", "finished", "quick_compilation"]
