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
    """A weighted sum: the axis of its result's channels, its weights, and its settings by name."""

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


def weighted_sum(step: Step, flows: Flows, stored: frozenset[int]) -> tuple[Tensor, Sum] | None:
    """What a step takes and does, where it is a sum of what follows from the image.

    `stored` are the addresses of the model's weights.
    """
    if step.op not in _CONVOLUTIONS | _PRODUCTS:
        return None
    given = named(step.op, step.arguments)
    data, weight, bias = (given.get(name) for name in ("input", "weight", "bias"))
    if not isinstance(data, Tensor) or not isinstance(weight, Tensor):
        return None
    if not flows.moving(data) or flows.moving(weight):
        return None
    settings = {name: value for name, value in given.items() if not isinstance(value, Tensor)}
    if step.op in _CONVOLUTIONS and weight.ndim == data.ndim == 4:
        return data, Sum(1, weight, bias, False, settings)
    # A product of two tensors that something else has made is no layer with weights.
    own = step.op == "linear" or weight.untyped_storage().data_ptr() in stored
    if step.op in _PRODUCTS and weight.ndim == 2 and own and given.get("alpha", 1) == given.get("beta", 1) == 1:
        rows = weight if step.op == "linear" else weight.t()
        return data, Sum(step.tensors[0][1].ndim - 1, rows, bias, True, settings)
    return None


def fixed_normalization(step: Step) -> tuple[Tensor, FloatArray, FloatArray] | None:
    """The tensor that a BatchNorm with fixed statistics takes, its scale and its shift, (channels,) each."""
    if step.op not in ("batch_norm", "native_batch_norm_legit_no_training"):
        return None
    given = named(step.op, step.arguments)
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
