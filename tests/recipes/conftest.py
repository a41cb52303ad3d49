"""Fixtures of all trainings' tests."""

from tests.training.fixtures import quick_compilation

__all__ = ["quick_compilation"]
