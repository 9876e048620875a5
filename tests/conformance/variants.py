"""Node cases in forms that real files have: weights as constants of the graph, operators at older opsets."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.runner import Runner

from tests.conformance.cases import Case, DataSet, input_names

OLDEST_FORMAT = 8  # the file format version from which all these opsets can be stored


class NotApplicable(Exception):
    """The case has no such form."""


def with_constants(case: Case) -> Case:
    """The same case with every input but the first turned into a constant. Raises `NotApplicable`."""
    inputs = case.data_sets[0].inputs
    if len(case.data_sets) != 1 or len(inputs) < 2 or len(case.model.graph.input) != len(inputs):
        raise NotApplicable("nothing to turn into a constant")
    if not all(isinstance(value, np.ndarray | np.generic) for value in inputs[1:]):
        raise NotApplicable("sequences and optionals cannot be constants")
    model = copy.deepcopy(case.model)
    for declared, value in list(zip(case.model.graph.input, inputs, strict=True))[1:]:
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), declared.name))
        model.graph.input.remove(declared)
    return Case(case.name, model, [DataSet(inputs[:1], case.data_sets[0].outputs)], case.rtol, case.atol)


def at_opset(case: Case, version: int) -> Case:
    """The same graph stamped with an older opset, where it is valid there and means the same. Raises `NotApplicable`."""
    if all(opset.version <= version for opset in case.model.opset_import):
        raise NotApplicable("not newer")
    model = copy.deepcopy(case.model)
    model.ir_version = OLDEST_FORMAT
    for opset in model.opset_import:
        opset.version = min(opset.version, version)
    try:
        onnx.checker.check_model(model)
        for data in case.data_sets:
            Runner.assert_similar_outputs(data.outputs, _by_reference(model, data.inputs), case.rtol, case.atol)
    except Exception as difference:  # whatever the checker or a kernel says: then it is another case
        raise NotApplicable(f"not the same at opset {version}") from difference
    return Case(case.name, model, case.data_sets, case.rtol, case.atol)


def _by_reference(model: onnx.ModelProto, inputs: Sequence[Any]) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, dict(zip(input_names(model), inputs, strict=False)))
