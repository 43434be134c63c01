"""Fixtures for the tests of the configuration."""

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a configuration is written."""
    return tmp_path / "p.yaml"
