"""Finding a graph's class scores, and whether a softmax stands at its end."""

from collections.abc import Sequence

import onnx

from viz.adapters.onnx_graph.tensors import Tensors
from viz.core.adapter import Scores, Squash
from viz.core.errors import UnknownName, UsageError

# Operators that change how scores are written, not what they say.
_PASSING = frozenset("Identity Reshape Flatten Squeeze Unsqueeze Cast Dropout QuantizeLinear DequantizeLinear".split())
_SQUASHES: dict[str, Squash] = {
    "Softmax": "softmax",
    "QLinearSoftmax": "softmax",
    "Sigmoid": "sigmoid",
    "QLinearSigmoid": "sigmoid",
}


def find_scores(graph: onnx.GraphProto, tensors: Tensors, wanted: str | None) -> tuple[Scores | None, list[str]]:
    """The class scores of a graph and what to tell the user about the choice.

    A score tensor is (batch, classes), or that with axes of length 1. `wanted` names an output; else
    the first output of that form is taken. Raises `UnknownName` or `UsageError` for a `wanted` that is not one.
    """
    outputs = [value.name for value in graph.output]
    if wanted is not None:
        return _scores_of(graph, tensors, _checked(wanted, outputs, tensors)), []
    candidates = [name for name in outputs if _classes(tensors, name) > 1]
    candidates = candidates or [name for name in outputs if _classes(tensors, name) == 1]
    if not candidates:
        return None, []
    notes = []
    if len(candidates) > 1:
        notes.append(f"class scores are read from output {candidates[0]!r}; --output chooses among {candidates}")
    return _scores_of(graph, tensors, candidates[0]), notes


def _checked(wanted: str, outputs: Sequence[str], tensors: Tensors) -> str:
    if wanted not in outputs:
        raise UnknownName("output", wanted, outputs)
    if _classes(tensors, wanted) == 0:
        raise UsageError(
            f"output {wanted!r} has shape {tensors.shapes.get(wanted)}, which is not (batch, classes)",
            "leave --output out, and name a neuron with --target LAYER:CHANNEL",
        )
    return wanted


def _classes(tensors: Tensors, name: str) -> int:
    """How many classes a tensor scores; 0 where it is no score tensor."""
    shape = tensors.shapes.get(name)
    if shape is None or len(shape) < 2 or shape[1] is None or any(side != 1 for side in shape[2:]):
        return 0
    return shape[1]


def _scores_of(graph: onnx.GraphProto, tensors: Tensors, output: str) -> Scores:
    classes = _classes(tensors, output)
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by.get(output)
    while node is not None and node.op_type in _PASSING:
        node = made_by.get(node.input[0])
    if node is None:
        return Scores(classes, output, None)
    if node.op_type == "LogSoftmax":
        return Scores(classes, node.input[0], None, "softmax")
    if node.op_type in _SQUASHES and "QLinear" not in node.op_type:
        return Scores(classes, node.input[0], output, _SQUASHES[node.op_type])
    if node.op_type in _SQUASHES:  # its input is quantized whole numbers: only the result is a score
        return Scores(classes, None, output)
    return Scores(classes, output, None)
