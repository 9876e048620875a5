"""The shape of a tensor, and the same values in another shape or order."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators._reading import Integers, axes_of, integers
from viz.core.errors import ModelError


@operator("Shape")
def shape(node: Node, x: Tensor, start: int = 0, end: int | None = None) -> Tensor:
    """The sizes of x from axis `start` up to `end`, as int64."""
    return torch.tensor(x.shape[start:end], dtype=torch.int64, device=x.device)


@operator("Size")
def size(node: Node, x: Tensor) -> Tensor:
    """The number of elements, as int64."""
    return torch.tensor(x.numel(), dtype=torch.int64, device=x.device)


@operator("Reshape")
def reshape(
    node: Node,
    x: Tensor,
    shape: Integers = (),
    allowzero: int = 0,
    consumed_inputs: Any = None,
) -> Tensor:
    """x in another shape: -1 is what remains, 0 the size that this axis has now (with `allowzero` it is 0)."""
    sizes = integers(node, 1, shape)
    if 0 in sizes and not allowzero:
        sizes = [x.shape[axis] if given == 0 else given for axis, given in enumerate(sizes)]
    if 0 in sizes and -1 in sizes:
        sizes = _remaining(sizes, x.shape)
    return x.reshape(sizes)


def _remaining(sizes: Sequence[int], shape: Sequence[int]) -> list[int]:
    """Sizes of a tensor without elements, -1 worked out from the axes that are not empty."""
    rest = math.prod(filter(None, shape)) // math.prod(given for given in sizes if given > 0)
    return [rest if given == -1 else given for given in sizes]


@operator("Flatten")
def flatten(node: Node, x: Tensor, axis: int = 1) -> Tensor:
    """A matrix: the axes before `axis` in one, the others in the other."""
    axis = axis % x.dim() if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Transpose")
def transpose(node: Node, x: Tensor, perm: Sequence[int] | None = None) -> Tensor:
    """The axes in the order `perm`, or in reverse."""
    return x.permute(*range(x.dim())[::-1] if perm is None else perm)


@operator("Squeeze")
def squeeze(node: Node, x: Tensor, axes: Integers | None = None) -> Tensor:
    """Without the given axes, or without all axes of size 1. Raises `ModelError` when one of them has another size."""
    if axes is None:
        return x.squeeze()
    given = axes_of(x.dim(), integers(node, 1, axes))
    for axis in given:
        if x.shape[axis] != 1:
            raise ModelError(
                f"{node.label} removes axis {axis}, which has size {x.shape[axis]} instead of 1",
                "use images of the size and a batch of the size that the model was exported with",
            )
    return x.squeeze(tuple(given))


@operator("Unsqueeze")
def unsqueeze(node: Node, x: Tensor, axes: Integers = ()) -> Tensor:
    """With axes of size 1 put in, where the result has them."""
    given = integers(node, 1, axes)
    for axis in sorted(axes_of(x.dim() + len(given), given)):
        x = x.unsqueeze(axis)
    return x


@operator("Expand")
def expand(node: Node, x: Tensor, shape: Integers) -> Tensor:
    """x repeated, without copying, to the shape that it and the given one broadcast to."""
    both = torch.broadcast_shapes(x.shape, tuple(integers(node, 1, shape)))  # type: ignore[no-untyped-call]
    return x.expand(both)


@operator("Tile")
def tile_along(node: Node, x: Tensor, tiles: Tensor, axis: Tensor) -> Tensor:
    """x repeated along one axis."""
    counts = [1] * x.dim()
    counts[int(axis)] = int(tiles)
    return x.repeat(counts)


@operator("Tile", since=6)
def tile(node: Node, x: Tensor, repeats: Integers) -> Tensor:
    """x repeated along every axis as often as given."""
    counts = integers(node, 1, repeats)
    return x.repeat(counts) if any(count != 1 for count in counts) else x


@operator("DepthToSpace")
def depth_to_space(node: Node, x: Tensor, blocksize: int = 1, mode: str = "DCR") -> Tensor:
    """Channels to the pixels of blocks: the block's place is the slow part of the channel (DCR) or the fast (CRD)."""
    if mode == "CRD":
        return torch.pixel_shuffle(x, blocksize)
    batch, channels, height, width = x.shape
    inner = channels // blocksize**2
    blocks = x.reshape(batch, blocksize, blocksize, inner, height, width).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(batch, inner, height * blocksize, width * blocksize)


@operator("SpaceToDepth")
def space_to_depth(node: Node, x: Tensor, blocksize: int = 1, mode: str = "DCR") -> Tensor:
    """The pixels of blocks to channels, the way back from DepthToSpace."""
    if mode == "CRD":
        return torch.pixel_unshuffle(x, blocksize)
    batch, channels, height, width = x.shape
    rows, columns = height // blocksize, width // blocksize
    blocks = x.reshape(batch, channels, rows, blocksize, columns, blocksize).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(batch, channels * blocksize**2, rows, columns)
