"""Any ONNX file, forward, on onnxruntime."""

from viz.adapters.onnx_runtime.adapter import OnnxAdapter

__all__ = ["OnnxAdapter"]
