"""Attributes and inputs that say how to compute (axes, sizes, bounds) as Python values.

Many of them were attributes in older versions of an operator and are inputs under the same name since: a
function takes both in one parameter. Inputs that are constants of the graph are read once.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from viz.adapters.onnx_torch.node import Node

Integers = Tensor | Sequence[int] | int


def is_constant(node: Node, index: int) -> bool:
    """Whether input number `index` is a constant of the graph."""
    return index < len(node.constant) and node.constant[index]


def prepared(node: Node, index: int, prepare: Callable[[], Any]) -> Any:
    """What `prepare` makes of input number `index`: kept for the next call if that input is a constant."""
    if not is_constant(node, index):
        return prepare()
    key = f"input {index}"
    if key not in node.cache:
        node.cache[key] = prepare()
    return node.cache[key]


def integers(node: Node, index: int, value: Integers) -> list[int]:
    """The numbers in an attribute, or in input number `index`; a single number is a list of one."""
    if isinstance(value, Tensor):
        found: list[int] = prepared(node, index, lambda: [int(number) for number in value.reshape(-1).tolist()])
        return found
    return [value] if isinstance(value, int) else list(value)


def integer(node: Node, index: int, value: Integers) -> int:
    """The one integer in an attribute, or in input number `index`."""
    return integers(node, index, value)[0]


def axes_of(rank: int, axes: Sequence[int]) -> list[int]:
    """Axes counted from the front; a tensor without axes is taken as having one, as ONNX does."""
    return [axis % max(rank, 1) for axis in axes]
