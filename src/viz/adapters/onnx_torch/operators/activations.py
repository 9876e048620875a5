"""Activations, each as the torch function that backward rules recognise, and no rectifier that is none."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, operator


@operator("Relu")
def relu(node: Node, x: Tensor, consumed_inputs: Any = None) -> Tensor:
    """max(x, 0)."""
    return functional.relu(x)


@operator("LeakyRelu")
def leaky_relu(node: Node, x: Tensor, alpha: float = 0.01, consumed_inputs: Any = None) -> Tensor:
    """x, or alpha x below zero."""
    return functional.leaky_relu(x, alpha)


@operator("PRelu")
def channelwise_prelu(node: Node, x: Tensor, slope: Tensor, consumed_inputs: Any = None) -> Tensor:
    """x, or slope times x below zero, with one slope for all or one for each channel."""
    return functional.prelu(x, slope.reshape(-1))


@operator("PRelu", since=7)
def prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    """x, or slope times x below zero, with slopes of any shape that broadcasts to x."""
    if x.is_floating_point() and _is_channelwise(x, slope):
        return functional.prelu(x, slope.reshape(-1))
    return torch.where(x < 0, x * slope, x).to(x.dtype) if x.dtype.is_signed else x


def _is_channelwise(x: Tensor, slope: Tensor) -> bool:
    """Whether the slopes are one number, or numbers along axis 1 of x only."""
    if slope.numel() == 1:
        return slope.dim() <= x.dim()
    starts_at_channels = slope.dim() == x.dim() - 1
    return starts_at_channels and slope.shape[0] == slope.numel()


@operator("Elu")
def elu(node: Node, x: Tensor, alpha: float = 1.0, consumed_inputs: Any = None) -> Tensor:
    """x, or alpha (exp x - 1) below zero."""
    return functional.elu(x, alpha)


@operator("Selu")
def selu_rounded(
    node: Node, x: Tensor, alpha: float = 1.6732, gamma: float = 1.0507, consumed_inputs: Any = None
) -> Tensor:
    """Selu with the constants to four digits that it had at first."""
    return gamma * functional.elu(x, alpha)


@operator("Selu", since=6)
def selu(node: Node, x: Tensor, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Tensor:
    """gamma times (x, or alpha (exp x - 1) below zero)."""
    usual = abs(alpha - 1.6732632423543772) < 1e-6 and abs(gamma - 1.0507009873554805) < 1e-6
    return functional.selu(x) if usual else gamma * functional.elu(x, alpha)


@operator("Celu")
def celu(node: Node, x: Tensor, alpha: float = 1.0) -> Tensor:
    """x, or alpha (exp(x / alpha) - 1) below zero."""
    return functional.celu(x, alpha)


@operator("ThresholdedRelu")
def thresholded_relu(node: Node, x: Tensor, alpha: float = 1.0) -> Tensor:
    """x above alpha, else 0."""
    return functional.threshold(x, alpha, 0.0)


@operator("HardSigmoid")
def hard_sigmoid(node: Node, x: Tensor, alpha: float = 0.2, beta: float = 0.5, consumed_inputs: Any = None) -> Tensor:
    """alpha x + beta, cut at 0 and 1."""
    scale, shift = 6 * alpha, 6 * beta - 3  # torch's has slope 1/6 and 1/2 at zero
    if abs(scale - 1) > 1e-6:
        x = x * scale
    return functional.hardsigmoid(x + shift if shift else x)


@operator("HardSwish")
def hard_swish(node: Node, x: Tensor) -> Tensor:
    """x times (x / 6 + 1/2, cut at 0 and 1)."""
    return functional.hardswish(x)


@operator("Swish")
def swish(node: Node, x: Tensor, alpha: float = 1.0) -> Tensor:
    """x sigmoid(alpha x)."""
    return functional.silu(x) if alpha == 1 else x * torch.sigmoid(alpha * x)


@operator("Gelu")
def gelu(node: Node, x: Tensor, approximate: str = "none") -> Tensor:
    """x times the normal distribution function at x, exactly or by the approximation with tanh."""
    return functional.gelu(x, approximate=approximate)


@operator("Mish")
def mish(node: Node, x: Tensor) -> Tensor:
    """x tanh(softplus x)."""
    return functional.mish(x)


@operator("Softplus")
def softplus(node: Node, x: Tensor) -> Tensor:
    """log(1 + exp x)."""
    return functional.softplus(x, threshold=40.0)  # above, x is the same to all digits of float64; torch's 20 is not


@operator("Softsign")
def softsign(node: Node, x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return functional.softsign(x)


@operator("Sigmoid")
def sigmoid(node: Node, x: Tensor, consumed_inputs: Any = None) -> Tensor:
    """1 / (1 + exp -x)."""
    return torch.sigmoid(x)


@operator("Tanh")
def tanh(node: Node, x: Tensor, consumed_inputs: Any = None) -> Tensor:
    """The hyperbolic tangent."""
    return torch.tanh(x)


@operator("Shrink")
def shrink(node: Node, x: Tensor, bias: float = 0.0, lambd: float = 0.5) -> Tensor:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    above = torch.where(x > lambd, x - bias, torch.zeros_like(x))
    return torch.where(x < -lambd, x + bias, above).to(x.dtype)


@operator("Dropout")
def dropout_like_input(node: Node, x: Tensor, ratio: float = 0.5, is_test: int = 1, consumed_inputs: Any = None) -> Any:
    """x as it is: models are run to be looked at, not trained.

    The mask has the type of x. It marks what is dropped, so nothing, in onnxruntime; the standard leaves it open.
    """
    return x if node.output_count == 1 else (x, torch.zeros_like(x))


@operator("Dropout", since=10)
def dropout_marking_what_is_dropped(node: Node, x: Tensor, ratio: float = 0.5) -> Any:
    """x as it is, and a mask as before, of truths."""
    return x if node.output_count == 1 else (x, torch.zeros_like(x, dtype=torch.bool))


@operator("Dropout", since=12)
def dropout(
    node: Node, x: Tensor, ratio: Any = 0.5, training_mode: Tensor | None = None, seed: int | None = None
) -> Any:
    """x as it is, and a mask of truths that marks what is kept. Dropping in training mode is `Unsupported`."""
    if training_mode is not None and bool(training_mode) and (ratio is None or float(ratio) > 0):
        raise Unsupported("Dropout in training mode")
    return x if node.output_count == 1 else (x, torch.ones_like(x, dtype=torch.bool))
