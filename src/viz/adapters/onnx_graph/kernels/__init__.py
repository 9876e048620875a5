"""The weights of an ONNX graph's convolutions and dense layers, and whose channels its tensors have."""

from viz.adapters.onnx_graph.kernels.graph import Kernels

__all__ = ["Kernels"]
