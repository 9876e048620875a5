"""Products of matrices: MatMul, Gemm, Einsum, Det."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.operator_table import Unsupported, operator


@operator("MatMul")
def matmul(node: Any, a: Tensor, b: Tensor) -> Tensor:
    """a (…, m, k) times b (…, k, n), as numpy.matmul."""
    if not a.is_floating_point():
        return _of_integers(torch.matmul, a, b)
    if b.dim() == 2 and a.dim() > 2:
        # One large product. torch would do as many small ones where the rows of `a` do not lie in order.
        return torch.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    return torch.matmul(a, b)


@operator("Gemm")
def gemm(
    node: Any,
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  (attribute names are ONNX's)
    transB: int = 0,  # noqa: N803
    broadcast: int = 0,
) -> Tensor:
    """alpha a b + beta c, (m, n); c broadcasts to it (before opset 7 only with `broadcast`, which files set)."""
    a = a.t() if transA else a
    b = b.t() if transB else b
    if not a.is_floating_point():
        return _gemm_of_integers(a, b, c, alpha, beta)
    if c is None or beta == 0:
        return _scaled(torch.matmul(a, b), alpha)
    if alpha == beta == 1 and c.numel() == b.shape[1] == c.shape[-1]:
        found: Tensor = functional.linear(a, b.t(), c.reshape(-1))
        return found
    return torch.addmm(c, a, b, alpha=alpha, beta=beta)


@operator("Einsum")
def einsum(node: Any, *operands: Tensor, equation: str) -> Tensor:
    """The sum of products that the equation names."""
    product: Callable[..., Tensor] = partial(torch.einsum, equation.replace(" ", ""))
    return product(*operands) if operands[0].is_floating_point() else _of_integers(product, *operands)


@operator("Det")
def determinant(node: Any, x: Tensor) -> Tensor:
    """(…, n, n) -> (…)."""
    found: Tensor = torch.linalg.det(x)
    return found


def _scaled(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else x * factor


def _gemm_of_integers(a: Tensor, b: Tensor, c: Tensor | None, alpha: float, beta: float) -> Tensor:
    if alpha != int(alpha) or beta != int(beta):
        raise Unsupported("Gemm of integers with a fractional factor")

    def product(a: Tensor, b: Tensor, *rest: Tensor) -> Tensor:
        found = torch.matmul(a, b) * int(alpha)
        return found + rest[0] * int(beta) if rest else found

    return _of_integers(product, a, b, *([] if c is None else [c]))


def _of_integers(function: Callable[..., Tensor], *operands: Tensor) -> Tensor:
    """`function` in 64 bits, and overflows as in the operands' own type."""
    if operands[0].device.type != "cpu":
        raise Unsupported("integer products outside the CPU")  # torch has no kernel for them
    return function(*(operand.to(torch.int64) for operand in operands)).to(operands[0].dtype)
