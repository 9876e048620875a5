"""Operators of onnxruntime's own domain on images and matrices: sampling, layouts, inverses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import MICROSOFT, lookup, operator
from viz.adapters.onnx_torch.operators.pooling import max_pool


@operator("NhwcMaxPool", domain=MICROSOFT)
def nhwc_max_pool(node: Node, x: Tensor, **attributes: Any) -> Tensor:
    """MaxPool of x (b, h, w, c)."""
    found = max_pool(node, x.movedim(-1, 1), **attributes)
    assert isinstance(found, Tensor)  # the operator has no second output
    return found.movedim(1, -1)


@operator("GridSample", domain=MICROSOFT)
def grid_sample(
    node: Node,
    x: Tensor,
    grid: Tensor,
    align_corners: int = 0,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
) -> Tensor:
    """x (b, c, h, w) read at the places of the grid (b, h', w', 2), which run from -1 to 1 over the image."""
    return functional.grid_sample(x, grid, mode, padding_mode, bool(align_corners))


@operator("Inverse", domain=MICROSOFT)
def inverse(node: Node, x: Tensor) -> Tensor:
    """The inverse of each matrix."""
    found: Tensor = torch.linalg.inv(x)
    return found


@operator("ExpandDims", domain=MICROSOFT)
def expand_dims(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    """A new axis of length 1."""
    return x.unsqueeze(int(axis))


def _as_the_standard(name: str, version: int) -> None:
    """Enter an operator that means what the standard's operator of the same name means at this version."""

    def function(node: Node, *inputs: Any, **attributes: Any) -> Any:
        standard: Callable[..., Any] | None = lookup("", name, version)
        assert standard is not None
        return standard(replace(node, domain="", version=version), *inputs, **attributes)

    operator(name, domain=MICROSOFT)(function)


for _name, _version in {"Trilu": 14, "Pad": 11, "GatherND": 12}.items():
    _as_the_standard(_name, _version)
