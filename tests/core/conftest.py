"""Fixtures of the tests of core."""

from pathlib import Path

import pytest


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    """Where a model would lie, alone in its folder; nothing reads it."""
    return tmp_path / "resnet.onnx"
