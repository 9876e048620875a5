"""What stands behind a value inside torch.vmap: the tensor of all groups, with its place in the autograd graph."""

import torch
from torch import Tensor

from viz.core.adapter import Edge


def edge_behind(value: object, images: int) -> Edge | None:
    """Where a value of one group sits in the graph of all groups; None where it is the same for all.

    What `torch.vmap` gives back is a view of the tensor that the program went on with, so a gradient with
    respect to it would be none. The gradient is given for `images` rows, group by group.
    """
    if not isinstance(value, Tensor) or not torch._C._functorch.is_batchedtensor(value):
        return None
    axis = torch._C._functorch.maybe_get_bdim(value)
    whole = torch._C._functorch.get_unwrapped(value)
    return Edge(whole, lambda gradient: gradient.movedim(axis, 0).flatten(0, 1)[:images])
