"""Node cases in forms that real files have: weights as constants of the graph, operators at older opsets."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from tests.conformance.cases import Case, DataSet
from tests.conformance.converters import OnnxRuntime

FORMAT = 8  # a version of the file format that holds all these opsets


class NotApplicable(Exception):
    """The case has no such form."""


def with_constants(case: Case) -> Case:
    """The same case with every input but the first turned into a constant. Raises `NotApplicable`."""
    inputs = case.data_sets[0].inputs
    if len(inputs) < 2 or len(case.model.graph.input) != len(inputs):
        raise NotApplicable("nothing to turn into a constant")
    if not all(isinstance(value, np.ndarray | np.generic) for value in inputs[1:]):
        raise NotApplicable("sequences and optionals cannot be constants")
    model = copy.deepcopy(case.model)
    for declared, value in list(zip(case.model.graph.input, inputs, strict=True))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), declared.name))
        model.graph.input.remove(declared)
    return Case(case.name, model, [DataSet(inputs[:1], case.data_sets[0].outputs)], case.rtol, case.atol)


def at_opset(case: Case, version: int) -> Case:
    """The same graph at an older opset, with onnxruntime's answer as the right one.

    Raises `NotApplicable` where the graph is not valid there or onnxruntime does not run it. Its meaning may
    differ from that at the newer opset: what old versions of operators did differently is the point.
    """
    if all(opset.version <= version for opset in case.model.opset_import):
        raise NotApplicable("not newer")
    model = copy.deepcopy(case.model)
    model.ir_version = FORMAT
    for opset in model.opset_import:
        opset.version = min(opset.version, version)
    inputs = case.data_sets[0].inputs
    return Case(case.name, model, [DataSet(inputs, _by_onnxruntime(model, inputs))], case.rtol, case.atol)


def _by_onnxruntime(model: onnx.ModelProto, inputs: Sequence[Any]) -> list[Any]:
    try:
        onnx.checker.check_model(model)
        return OnnxRuntime().prepare(model)(inputs)
    except Exception as refusal:  # the checker and onnxruntime raise a dozen kinds, all with this meaning
        raise NotApplicable(str(refusal)) from refusal
