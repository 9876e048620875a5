"""Gradients held against finite differences in float64."""

import torch


def assert_gradient_is_right(function, inputs):
    """`function` maps a tensor to numbers; its gradient is that of central differences at every input value."""
    inputs = inputs.double().requires_grad_()
    assert torch.autograd.gradcheck(function, inputs, eps=1e-6, atol=1e-7, rtol=1e-5)


def noise(*shape, seed=0):
    """Random values in [0, 1], float64."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
