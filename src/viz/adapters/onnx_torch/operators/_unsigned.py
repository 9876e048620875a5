"""Arithmetic on uint16, uint32 and uint64, for which torch has no kernels: computed in int64 and converted back."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from viz.adapters.onnx_torch.element_types import UNSIGNED
from viz.adapters.onnx_torch.operator_table import Function, Unsupported

F = TypeVar("F", bound=Function)


def via_int64(values: int = 1, like: int = 0, ordered: bool = False) -> Callable[[F], F]:
    """Let a function see int64 where its inputs are of unsigned types that torch cannot compute with.

    The first `values` outputs get the type of input number `like` again; the others (indices) stay.
    Conversion keeps the low bits, so sums, products and copies are right for uint64 as well. What is
    `ordered` (comparisons, quotients) would see the upper half of uint64 as negative: `Unsupported`.
    """

    def wrap(function: F) -> F:
        @wraps(function)
        def computed(node: Any, *inputs: Any, **attributes: Any) -> Any:
            found = {value.dtype for value in inputs if isinstance(value, Tensor) and value.dtype in UNSIGNED}
            if not found:
                return function(node, *inputs, **attributes)
            if ordered and torch.uint64 in found:
                raise Unsupported(f"{node.op} of uint64")
            result = function(node, *map(_widened, inputs), **attributes)
            return _narrowed(result, inputs[like].dtype, values)

        return cast(F, computed)

    return wrap


def _widened(value: Any) -> Any:
    return value.to(torch.int64) if isinstance(value, Tensor) and value.dtype in UNSIGNED else value


def _narrowed(result: Any, dtype: torch.dtype, values: int) -> Any:
    outputs = result if isinstance(result, tuple) else (result,)
    narrowed = tuple(
        output.to(dtype) if index < values and dtype in UNSIGNED and output.dtype == torch.int64 else output
        for index, output in enumerate(outputs)
    )
    return narrowed if isinstance(result, tuple) else narrowed[0]
