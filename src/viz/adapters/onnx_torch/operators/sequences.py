"""Sequences and optionals. A list of tensors is one value; an optional is its value, or None."""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator


@operator("SequenceConstruct", since=11)
def sequence_construct(node: Node, *tensors: Tensor) -> list[Tensor]:
    """The sequence of the inputs."""
    return list(tensors)


@operator("SequenceEmpty", since=11)
def sequence_empty(node: Node, dtype: int = 1) -> list[Tensor]:
    """A sequence of nothing; lists need no element type."""
    return []


@operator("SequenceAt", since=11)
def sequence_at(node: Node, sequence: list[Tensor], position: Tensor) -> Tensor:
    """The tensor at the position; negative ones count from the end."""
    return sequence[int(position)]


@operator("SequenceInsert", since=11)
def sequence_insert(node: Node, sequence: list[Tensor], tensor: Tensor, position: Tensor | None = None) -> list[Tensor]:
    """A new sequence with the tensor before the position, at the end by default."""
    at = len(sequence) if position is None else int(position)
    return [*sequence[:at], tensor, *sequence[at:]]


@operator("SequenceErase", since=11)
def sequence_erase(node: Node, sequence: list[Tensor], position: Tensor | None = None) -> list[Tensor]:
    """A new sequence without the tensor at the position, the last one by default."""
    rest = list(sequence)
    del rest[-1 if position is None else int(position)]
    return rest


@operator("SequenceLength", since=11)
def sequence_length(node: Node, sequence: list[Tensor]) -> Tensor:
    """How many tensors there are, int64."""
    return torch.tensor(len(sequence))


@operator("ConcatFromSequence", since=11)
def concat_from_sequence(node: Node, sequence: list[Tensor], *, axis: int, new_axis: int = 0) -> Tensor:
    """The tensors joined along an axis, or stacked on a new one."""
    return torch.stack(sequence, axis) if new_axis else torch.cat(sequence, axis)


@operator("SplitToSequence", since=11)
def split_to_sequence(
    node: Node, x: Tensor, split: Tensor | None = None, axis: int = 0, keepdims: int = 1
) -> list[Tensor]:
    """Pieces along an axis: of one length, of given lengths, or single places, these without the axis if so asked."""
    if split is not None:
        return list(torch.split(x, int(split) if split.dim() == 0 else split.tolist(), axis))
    return list(torch.split(x, 1, axis) if keepdims else torch.unbind(x, axis))


@operator("Optional", since=15)
def optional(node: Node, value: Any = None, type: Any = None) -> Any:  # noqa: A002  (the attribute's name)
    """The value as an optional; None where there is none."""
    return value


@operator("OptionalGetElement", since=15)
def optional_get_element(node: Node, value: Any) -> Any:
    """The value of an optional."""
    return value


@operator("OptionalHasElement", since=15)
def optional_has_element(node: Node, value: Any = None) -> Tensor:
    """Whether an optional has a value."""
    return torch.tensor(value is not None)
