"""Windows whether they gain anything or not: small maps would otherwise mostly be computed whole."""

from functools import partial

import pytest

from viz.adapters.onnx_graph.windows import planning
from viz.adapters.onnx_graph.windows.graphs import window_graphs


@pytest.fixture
def windows_anyway(monkeypatch):
    """No plan is turned down because it gains little, no map because the patch reaches nearly all of it."""
    monkeypatch.setattr(planning, "LEAST_GAIN", 0.0)
    monkeypatch.setattr(planning, "window_graphs", partial(window_graphs, largest_share=1.0))
