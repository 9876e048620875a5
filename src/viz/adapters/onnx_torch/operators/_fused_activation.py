"""Activations that onnxruntime's optimizer fused into another operator, computed by the standard's own functions."""

from collections.abc import Sequence

from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import Unsupported, lookup

# In which order the node lists the attributes of the operator that was fused.
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "Relu": (),
    "Sigmoid": (),
    "Tanh": (),
    "Softplus": (),
    "Softsign": (),
    "HardSwish": (),
    "LeakyRelu": ("alpha",),
    "ThresholdedRelu": ("alpha",),
    "Elu": ("alpha",),
    "Selu": ("alpha", "gamma"),
    "HardSigmoid": ("alpha", "beta"),
    "Clip": ("min", "max"),
}


def activated(node: Node, x: Tensor, activation: str, parameters: Sequence[float | None]) -> Tensor:
    """`x` after the activation, itself where there is none. Parameters that are left out have their defaults."""
    if not activation:
        return x
    function = lookup("", activation, node.opsets.get("", 1))
    if activation not in _PARAMETERS or function is None:
        raise Unsupported(f"the fused activation {activation!r}")
    given = zip(_PARAMETERS[activation], parameters, strict=False)  # what belongs to other activations is not read
    found: Tensor = function(node, x, **{name: value for name, value in given if value is not None})
    return found
