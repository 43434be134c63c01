"""The comparison itself, without a proxy: for tests, offline checks and experiments within one process."""

from parallelrun.compare.comparator import Answer, Comparator, Comparison, Difference
from parallelrun.config.problem import BadConfigError

__all__ = ["Answer", "BadConfigError", "Comparator", "Comparison", "Difference"]
