"""What became of the gradient on its way through one run: where it ended, and where it was let through."""

from collections.abc import Iterable
from typing import Any

import torch

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operators._vmap import needs_gradient
from viz.adapters.onnx_torch.operators.quantization import STRAIGHT_THROUGH
from viz.core.errors import ModelError

# Their results do not follow from their inputs' values, so nothing is lost where they cut the graph.
_VALUES_UNUSED = frozenset(
    "Shape Size EyeLike RandomNormalLike RandomUniformLike SequenceLength OptionalHasElement".split()
)
_MOST_ITERATIONS = 100_000


class Journal:
    """Notes of one run; every run has its own, so that runs do not see each other.

    Attributes:
        ended: labels of the nodes that took tensors with a gradient and gave none on, with the tensor they made.
        straight_through: labels of the nodes that a gradient passes as if they were not there.
        tracking: whether autograd records at all.
    """

    def __init__(self) -> None:
        self.ended: dict[str, None] = {}
        self.straight_through: dict[str, None] = {}
        self.tracking = torch.is_grad_enabled()
        self._iterations = 0

    def watch(self, node: Node, arguments: Iterable[Any], result: Any) -> None:
        """Note what a node did to the gradient."""
        if has_gradient(result):
            if (node.domain, node.op) in STRAIGHT_THROUGH and any(map(has_gradient, arguments)):
                self.straight_through[node.label] = None
        elif node.op not in _VALUES_UNUSED and any(map(has_gradient, arguments)):
            made = next(filter(None, node.outputs), "")
            self.ended[f"{node.label} (tensor {made!r})" if node.name else node.label] = None

    def count_iteration(self, node: Node) -> None:
        """One more turn of a loop. Raises `ModelError` where a run takes so many that it may never end."""
        self._iterations += 1
        if self._iterations > _MOST_ITERATIONS:
            raise ModelError(
                f"{node.label} has not ended after {_MOST_ITERATIONS:,} turns",
                "its condition never becomes false, or its trip count is wrong: export the model again",
            )


def has_gradient(value: Any) -> bool:
    """Whether a gradient flows back from a value: a tensor, also inside `torch.vmap`, or a sequence of them."""
    if isinstance(value, torch.Tensor):
        return value.requires_grad or needs_gradient(value)
    return isinstance(value, list | tuple) and any(map(has_gradient, value))
