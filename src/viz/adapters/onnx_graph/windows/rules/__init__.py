"""How each operator is computed by windows. Importing a family registers its rules."""

from viz.adapters.onnx_graph.windows.rules import (  # noqa: F401
    averaging,
    combining,
    per_position,
    picking,
    sliding,
    storing,
)
from viz.adapters.onnx_graph.windows.rules.registry import RULES

__all__ = ["RULES"]
