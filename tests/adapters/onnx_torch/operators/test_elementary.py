"""Functions of one number: values of other implementations, slopes, batches, and what happens at infinite slopes."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, normal, uniform
from tests.adapters.onnx_torch.single_node import run_node, same_values

ANYWHERE = "Neg Exp Sin Cos Tan Atan Sinh Cosh Asinh Erf Abs"
ABOVE_ZERO = "Sqrt Log Reciprocal"
INSIDE_ONE = "Asin Acos Atanh"
STEPS = "Floor Ceil Round Sign"

SMOOTH = [
    *(Case(op, [normal(2, 3)], (9, 13, 23)) for op in ANYWHERE.split()),
    *(Case(op, [uniform(2, 3)], (9, 13, 23)) for op in (ABOVE_ZERO + " " + INSIDE_ONE).split()),
    Case("Acosh", [uniform(2, 3, low=1.1, high=3)], (9, 13, 23)),
]
STEPPED = [Case(op, [normal(2, 3) * 3], (11, 13, 23)) for op in STEPS.split()]


@pytest.mark.parametrize("case", SMOOTH + STEPPED, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", SMOOTH + STEPPED, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


def test_rounding_is_to_the_even_one_of_two():
    same_values(run_node("Round", [np.float32([0.5, 1.5, 2.5, -0.5])], 13), np.float32([0, 2, 2, -0.0]))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint8, np.int8])
def test_absolute_values_and_signs_of_whole_numbers(dtype):
    x = np.array([0, 3, 120], dtype)
    same_values(run_node("Abs", [x], 13), x)
    same_values(run_node("Sign", [x], 13), np.array([0, 1, 1], dtype))


def gradient_of(op, x, weight=1.0):
    x = torch.tensor(x, requires_grad=True)
    (run_node(op, [x], 13) * weight).sum().backward()
    return x.grad


def test_the_length_of_a_zero_vector_has_gradient_zero():
    x = torch.zeros(3, requires_grad=True)
    run_node("Sqrt", [(x * x).sum()], 13).backward()
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("op", "x"), [("Log", 0.0), ("Sqrt", 0.0), ("Reciprocal", 0.0), ("Exp", 1000.0)])
def test_where_no_gradient_arrives_none_leaves_however_steep_the_slope(op, x):
    assert gradient_of(op, [x], weight=0.0).tolist() == [0.0]


def test_an_overflowed_sigmoid_written_in_exponentials_has_gradient_zero():
    x = torch.tensor([-200.0, 0.0], requires_grad=True)
    run_node("Reciprocal", [1 + run_node("Exp", [-x], 13)], 13).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_gradients_pass_guarded_slopes_inside_vmap():
    x = torch.tensor([[0.0, 4.0], [1.0, 0.25]], requires_grad=True)
    torch.vmap(lambda item: run_node("Sqrt", [item], 13))(x).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.25], [0.5, 1.0]]
