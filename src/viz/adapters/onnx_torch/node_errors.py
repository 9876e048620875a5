"""Whatever goes wrong while a node runs, as a `ModelError` that names the node, what it was given and what to do."""

from collections.abc import Sequence
from typing import Any

import torch

from viz.adapters.onnx_torch.node import Node
from viz.core.errors import ModelError, OutOfMemory
from viz.core.torch_errors import first_lines, is_out_of_memory

_CHECK = "check the file with `python -m onnx.checker FILE`, and that the images have the size that the model expects"


def node_error(node: Node, arguments: Sequence[Any], problem: BaseException) -> ModelError:
    """The error for a node that failed on these inputs."""
    reason = first_lines(problem) or type(problem).__name__
    what = f"{node.label} failed on inputs {_described(arguments)}: {reason}"
    if is_out_of_memory(problem):
        return OutOfMemory(what, "try a smaller --batch-size")
    return ModelError(what, _CHECK)


def no_way(node: Node, reasons: Sequence[str]) -> ModelError:
    """The error for an operator that none of the tiers computes."""
    domain = f"domain {node.domain!r}" if node.domain else "the standard domain"
    why = "; ".join(filter(None, reasons))
    return ModelError(
        f"operator {node.op!r} of {domain}, version {node.version}, cannot be computed here ({node.label})"
        + (f": {why}" if why else ""),
        "techniques that only run the model forward may still work (viz occlusion, rise); for gradients, "
        "export the model with standard operators, or add the operator to viz.adapters.onnx_torch.operators",
    )


def _described(arguments: Sequence[Any]) -> str:
    return ", ".join(_shape_of(argument) for argument in arguments) or "none"


def _shape_of(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return f"sequence of {len(value)}"
    return f"{getattr(value, 'shape', '')} {getattr(value, 'dtype', type(value).__name__)}".strip()
