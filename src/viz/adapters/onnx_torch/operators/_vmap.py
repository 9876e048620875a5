"""What an operator function may ask of a tensor that `torch.vmap` has wrapped."""

import torch
from torch import Tensor
from torch._C import _functorch


def is_batched(tensor: Tensor) -> bool:
    """Whether the tensor stands for one item of a batch: its values must not be read, some kernels do not take it."""
    return bool(_functorch.is_batchedtensor(tensor))


def needs_gradient(tensor: Tensor) -> bool:
    """Whether a gradient may flow back through the tensor. Inside vmap `requires_grad` says False for everything."""
    while _functorch.is_batchedtensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return torch.is_grad_enabled() and tensor.requires_grad
