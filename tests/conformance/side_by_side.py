"""Two inputs through the executor at once by `torch.vmap`, against each through it alone."""

import numpy as np
import torch
from torch import Tensor

from tests.conformance.cases import Case, load_case
from tests.conformance.outcomes import Outcome, failure
from tests.conformance.variants import NotApplicable, with_constants
from viz.adapters.onnx_torch.element_types import to_torch
from viz.adapters.onnx_torch.program import OnnxProgram


def agrees_side_by_side(name: str) -> Outcome | None:
    """Whether vmap gives the same for a node case; None where results are no tensors, or differ in shape."""
    case = _with_one_input(load_case("node", name))
    if case is None:
        return None
    program = OnnxProgram(case.model, "", native=True)
    both = _two_points(case)
    alone = [_answers(program, point) for point in both]
    if not all(isinstance(value, Tensor) for value in alone[0] + alone[1]) or _shapes(alone[0]) != _shapes(alone[1]):
        return None
    try:
        together = torch.vmap(lambda point: tuple(_answers(program, point)), randomness="same")(both)
    except Exception as problem:
        return failure("run_error", problem)
    for found, expected in zip(together, zip(*alone, strict=True), strict=True):
        if not torch.allclose(found.double(), torch.stack(expected).double(), rtol=1e-4, atol=1e-5, equal_nan=True):
            return Outcome("wrong", f"{found} side by side, {expected} alone")
    return Outcome("pass")


def _with_one_input(case: Case) -> Case | None:
    inputs = case.data_sets[0].inputs
    if not inputs or np.asarray(inputs[0]).dtype.kind != "f" or not np.asarray(inputs[0]).size:
        return None
    try:
        return case if len(inputs) == 1 else with_constants(case)
    except NotApplicable:
        return None


def _two_points(case: Case) -> Tensor:
    point = to_torch(case.data_sets[0].inputs[0])
    return torch.stack([point, (point * 0.9 + 0.01).to(point.dtype)])


def _answers(program: OnnxProgram, point: Tensor) -> list[object]:
    (name,) = program.inputs
    values = program.run({name: point}, program.outputs).values
    return [values[output] for output in program.outputs]


def _shapes(values: list[Tensor]) -> list[torch.Size]:
    return [value.shape for value in values]
