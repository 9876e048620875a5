"""The weights of a torch model's convolutions and dense layers, and whose channels its tensors have."""

from viz.adapters.torch_module.kernels.recording import Kernels, recorded

__all__ = ["Kernels", "recorded"]
