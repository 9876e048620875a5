"""Normalizations as relevance passes them: statistics of the image count as constants, so that they are linear.

Source: Ali et al. 2022, arXiv 2202.07304, section 4.2 ("LN-rule"), here also for groups and instances.
"""

import torch
from torch import Tensor

from viz.adapters.backward_rules.operation import Operation
from viz.adapters.backward_rules.steps import contributing, sharing, with_path

_PYTHON_ORDER = ("running_mean", "running_var", "weight", "bias")
_ATEN_ORDER = ("weight", "bias", "running_mean", "running_var")


def batch_affine(op: Operation) -> tuple[Tensor, Tensor] | None:
    """Scale and shift per channel of a batch normalization; None where it uses the statistics of the batch."""
    order = _PYTHON_ORDER if op.function is torch.nn.functional.batch_norm else _ATEN_ORDER
    given = {name: op.argument(1 + place, name) for place, name in enumerate(order)}
    always_evaluates = op.name.endswith("no_training")
    mean, variance = given["running_mean"], given["running_var"]
    if mean is None or (not always_evaluates and op.argument(5, "training", default=False)):
        return None
    scale = torch.rsqrt(variance + op.argument(6 if always_evaluates else 7, "eps", default=1e-5))
    scale = scale if given["weight"] is None else scale * given["weight"]
    shift = -mean * scale
    return scale, shift if given["bias"] is None else shift + given["bias"]


def normalized(op: Operation, value: Tensor) -> Tensor:
    """LRP-epsilon through layer_norm or group_norm: the bias keeps its part, the mean is one of the inputs."""
    x, size = contributing(op.x), op.argument(1, "normalized_shape", "num_groups")
    weight, bias = op.argument(2, "weight"), op.argument(3, "bias")
    eps: float = op.argument(4, "eps", default=1e-5)
    if op.name == "group_norm":
        result = _divided(x.reshape(len(x), size, -1), 1, eps).reshape(x.shape)
        per_channel = (-1, *[1] * (x.ndim - 2))
        weight, bias = (None if part is None else part.reshape(per_channel) for part in (weight, bias))
    else:
        result = _divided(x, len(size), eps)
    result = result if weight is None else result * weight
    return with_path(sharing(result if bias is None else result + bias), value)


def _divided(x: Tensor, axes: int, eps: float) -> Tensor:
    """Centred over the last axes and divided by their deviation, which gets no relevance."""
    last = tuple(range(-axes, 0))
    variance = x.detach().var(last, correction=0, keepdim=True)
    return (x - x.mean(last, keepdim=True)) * torch.rsqrt(variance + eps)
