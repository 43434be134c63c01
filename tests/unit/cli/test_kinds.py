"""The kinds of rules that the command line offers without importing the configuration."""

from parallelrun.cli.rules import Kind
from parallelrun.config.rules import RULE_KINDS


def test_they_are_those_of_the_configuration() -> None:
    assert tuple(Kind) == RULE_KINDS
