"""What a child process is asked: does a converter give a case's answer, and the right gradient?"""

import copy
import warnings
from functools import cache
from typing import Any

import numpy as np
import torch

from tests.conformance import registry
from tests.conformance.cases import Case, case_names, load_case
from tests.conformance.finite_differences import cotangents, direction
from tests.conformance.outcomes import Outcome, failure, judged
from tests.conformance.variants import NotApplicable, at_opset, with_constants

DERIVATIVE_TOLERANCE = 5e-3  # of a derivative, or absolute for one below 1: float32 against differences in float64


def prepare(converter: str) -> None:
    """What takes long and is no case's fault: importing the converter, generating the cases."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    _converter(converter)
    case_names("node")


def forward(converter: str, suite: str, name: str) -> Outcome:
    """Whether the converter gives the case's outputs."""
    return forward_of(converter, load_case(suite, name))


def with_weights(converter: str, name: str) -> Outcome | None:
    """The same for a node case whose further inputs are constants; None where it has no such form."""
    try:
        case = with_constants(load_case("node", name))
    except NotApplicable:
        return None
    return forward_of(converter, case)


def older(converter: str, name: str, opset: int) -> Outcome | None:
    """The same for a node case at an older opset, where onnxruntime decides; None where it has no such form."""
    try:
        case = at_opset(load_case("node", name), opset)
    except NotApplicable:
        return None
    return forward_of(converter, case)


def gradient(converter: str, name: str, expected: dict[int, float]) -> Outcome:
    """Whether vector-Jacobian products of a node case agree with derivatives known along one direction."""
    return gradient_of(converter, load_case("node", name), expected)


def forward_of(converter: str, case: Case) -> Outcome:
    """Whether the converter gives the outputs of every data set."""
    _restart_random_numbers()
    try:
        run = _converter(converter).prepare(copy.deepcopy(case.model))
    except BaseException as problem:  # panics of native extensions are no Exceptions
        return failure("convert_error", problem)
    outcome = Outcome("pass")
    for data in case.data_sets:
        try:
            actual = run(data.inputs)
        except BaseException as problem:
            return failure("run_error", problem)
        outcome = judged(case, data.outputs, actual)
        if outcome.status != "pass":
            break
    return outcome


def gradient_of(converter: str, case: Case, expected: dict[int, float]) -> Outcome:
    """Whether gradients, by index of the input, agree with derivatives along the case's fixed direction."""
    inputs = [np.asarray(value) for value in case.data_sets[0].inputs]
    wanted = sorted(expected)
    _restart_random_numbers()
    try:
        found = _converter(converter).gradients(copy.deepcopy(case.model), inputs, wanted, cotangents(case))
    except Exception as problem:
        return failure("run_error", problem)
    for index, value in zip(wanted, found, strict=True):
        along = direction(case.name, index, inputs[index].shape)
        derivative = 0.0 if value is None else float((value.astype(np.float64) * along).sum())
        if not abs(derivative - expected[index]) <= DERIVATIVE_TOLERANCE * max(1.0, abs(expected[index])):
            status = "no_gradient" if value is None else "wrong"
            return Outcome(status, f"input {index}: {derivative:.6g}, must be {expected[index]:.6g}")
    return Outcome("pass")


@cache
def _converter(name: str) -> Any:
    return registry.converter(name)


def _restart_random_numbers() -> None:
    # A case of random numbers that cannot pass should not pass by luck now and then.
    torch.manual_seed(0)
    np.random.seed(0)
