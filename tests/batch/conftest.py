"""A folder with a tiny model and pictures for it, as a batch finds them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.onnx_models import conv_net


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a.onnx and b.onnx with other weights, and six pictures in photos/."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.onnx", "b.onnx")):
        conv_net(tmp_path / name, seed=seed)
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path
