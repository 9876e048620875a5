"""Operators that onnxruntime writes for one kind of CPU: refused with the way out."""

from typing import Any, NoReturn

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator
from viz.core.errors import NotSupported

BLOCKED = "com.microsoft.nchwc"
_OPERATORS = "ReorderInput ReorderOutput Conv MaxPool AveragePool GlobalMaxPool GlobalAveragePool Upsample".split()


@operator(*_OPERATORS, domain=BLOCKED)
def blocked(node: Node, *inputs: Any, **attributes: Any) -> NoReturn:
    """Raises `NotSupported`: how channels are blocked depends on the vector width of the CPU that wrote the file."""
    raise NotSupported(
        f"{node.label} lays out its channels in blocks for the kind of CPU on which this file was optimized",
        "use the file from before, or save it with onnxruntime's optimization level 'extended' in place of 'all'",
    )
