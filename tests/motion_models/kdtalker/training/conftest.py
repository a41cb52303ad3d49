"""Fixtures of all trainings' tests."""

from tests.quick import quick_compilation
from tests.training.fixtures import clips, dataset, finished

__all__ = ["clips", "dataset", "finished", "quick_compilation"]
