"""What a user writes, checked, and turned into one snapshot for the core."""

from parallelrun.config.load import Source
from parallelrun.config.loaded import Loaded
from parallelrun.config.model import Config, schema
from parallelrun.config.problem import BadConfigError, Problem

__all__ = ["BadConfigError", "Config", "Loaded", "Problem", "Source", "schema"]
