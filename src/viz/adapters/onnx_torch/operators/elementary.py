"""Functions of one number, taken of every element: roots, exponentials, trigonometry, rounding."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.element_types import UNSIGNED
from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.adapters.onnx_torch.operators import _slopes
from viz.adapters.onnx_torch.operators._unsigned import via_int64


def _absolute(x: Tensor) -> Tensor:
    return x if x.dtype in UNSIGNED or x.dtype == torch.bool else torch.abs(x)


# Round is to the nearest, and to the even one of two, in ONNX as in torch.
_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": _absolute,
    "Neg": torch.neg,
    "Sqrt": _slopes.sqrt,
    "Reciprocal": _slopes.reciprocal,
    "Exp": _slopes.exp,
    "Log": _slopes.log,
    "Erf": torch.erf,
    "Floor": torch.floor,
    "Ceil": torch.ceil,
    "Round": torch.round,
    "Sin": torch.sin,
    "Cos": torch.cos,
    "Tan": torch.tan,
    "Asin": torch.asin,
    "Acos": torch.acos,
    "Atan": torch.atan,
    "Sinh": torch.sinh,
    "Cosh": torch.cosh,
    "Asinh": torch.asinh,
    "Acosh": torch.acosh,
    "Atanh": torch.atanh,
}


def _of_every_element(function: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def compute(node: Node, x: Tensor, consumed_inputs: Any = None) -> Tensor:
        return function(x)

    return compute


for _name, _function in _FUNCTIONS.items():
    operator(_name)(_of_every_element(_function))


@operator("Sign")
@via_int64(ordered=True)
def sign(node: Node, x: Tensor) -> Tensor:
    """-1, 0 or 1; of what is no number, that."""
    return torch.where(torch.isnan(x), x, torch.sign(x)) if x.is_floating_point() else torch.sign(x)
