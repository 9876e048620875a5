"""Operations that are weighted sums with constant weights: what they are given, as a kernel has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz.adapters.torch_module.kernels.arguments import named
from viz.adapters.torch_module.kernels.flow import Flows
from viz.adapters.torch_module.watch import Step
from viz.core.result import FloatArray

Pair = tuple[int, int]
_CONVOLUTIONS = frozenset(("conv2d", "conv_transpose2d", "convolution"))
_PRODUCTS = frozenset(("linear", "addmm", "mm", "matmul"))


@dataclass(frozen=True)
class Sum:
    """A weighted sum: the tensor that it takes, the axis of its result's channels, and its settings by name."""

    data: Tensor
    axis: int
    weight: Tensor
    bias: Tensor | None
    dense: bool
    given: Mapping[str, Any]

    @property
    def transposed(self) -> bool:
        """Whether it is a transposed convolution, whose weights are (inputs, outputs / groups, …)."""
        return "output_padding" in self.given and self.given.get("transposed", True) is True

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.given.get("groups") or 1)

    def weights(self) -> FloatArray:
        """(outputs, inputs / groups, rows, columns)."""
        plain = _plain(self.weight)
        if self.dense:
            return _array(plain[:, :, None, None])
        if self.transposed:
            return _array(torch.cat([part.transpose(0, 1) for part in plain.chunk(self.groups)]))
        return _array(plain)

    def biases(self, outputs: int) -> FloatArray:
        """(outputs,)"""
        return _array(torch.zeros(outputs) if self.bias is None else _plain(self.bias))

    def pair(self, name: str) -> Pair:
        """A setting of rows and columns."""
        return _pair(self.given.get(name), 0 if name == "padding" else 1)

    def pads(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right."""
        padding = self.given.get("padding", 0)
        if padding == "same":  # an odd one goes to the end
            totals = [d * (k - 1) for d, k in zip(self.pair("dilation"), self.weight.shape[2:], strict=True)]
            top, left = (total // 2 for total in totals)
            return top, left, totals[0] - top, totals[1] - left
        down, across = (0, 0) if padding == "valid" else self.pair("padding")
        return down, across, down, across


def weighted_sum(step: Step, flows: Flows, stored: frozenset[int], aten: bool) -> Sum | None:
    """What a step does, where it is such a sum of what follows from the image; `stored` are its weights' memories."""
    if step.op not in _CONVOLUTIONS | _PRODUCTS:
        return None
    given = named(step.op, step.arguments, aten)
    data, weight, bias = (given.get(name) for name in ("input", "weight", "bias"))
    if not isinstance(data, Tensor) or not isinstance(weight, Tensor) or flows.moving(weight):
        return None
    if step.op in _CONVOLUTIONS:
        return Sum(data, 1, weight, bias, False, given) if weight.ndim == 4 and data.ndim == 4 else None
    if weight.ndim != 2 or (step.op != "linear" and weight.untyped_storage().data_ptr() not in stored):
        return None  # a product of two tensors that something else has made
    rows = weight if step.op == "linear" else weight.t()
    return Sum(data, step.tensors[0][1].ndim - 1, rows, bias, True, given)


def fixed_normalization(step: Step, aten: bool) -> tuple[Tensor, FloatArray, FloatArray] | None:
    """The tensor that a BatchNorm with fixed statistics takes, its scale and its shift, (channels,) each."""
    if step.op not in ("batch_norm", "native_batch_norm_legit_no_training"):
        return None
    given = named(step.op, step.arguments, aten)
    data, mean, variance = (given.get(name) for name in ("input", "running_mean", "running_var"))
    if not isinstance(data, Tensor) or given.get("training") or mean is None or variance is None:
        return None
    scale = 1 / torch.sqrt(_double(variance) + float(given.get("eps", 1e-5)))
    if given.get("weight") is not None:
        scale = scale * _double(given["weight"])
    shift = -_double(mean) * scale
    if given.get("bias") is not None:
        shift = shift + _double(given["bias"])
    return data, _array(scale), _array(shift)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().dequantize() if tensor.is_quantized else tensor.detach()


def _double(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64)


def _array(tensor: Tensor) -> FloatArray:
    found: FloatArray = tensor.to("cpu", torch.float32).contiguous().numpy().copy()
    return found


def _pair(value: Any, default: int) -> Pair:
    if value is None:
        return default, default
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return int(first), int(rest[0] if rest else first)
