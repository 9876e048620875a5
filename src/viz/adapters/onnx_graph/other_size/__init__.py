"""An ONNX graph for images of another size: cut to some of its layers, and checked for sizes written into it."""

from viz.adapters.onnx_graph.other_size.graph import at_own_size, at_size
from viz.adapters.onnx_graph.other_size.rules import first_obstacle
from viz.adapters.onnx_graph.other_size.step import Obstacle, Sizes

__all__ = ["Obstacle", "Sizes", "at_own_size", "at_size", "first_obstacle"]
