"""Sums, products and powers: values of other implementations, slopes, batches, and old ways to broadcast."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import (
    Case,
    check_batches,
    check_slopes,
    check_values,
    ints,
    normal,
    uniform,
)
from tests.adapters.onnx_torch.single_node import call_node, make_node, reference, run_node, same_values
from viz.adapters.onnx_torch.operator_table import Unsupported

X, ROW, COLUMN = normal(2, 3), normal(3, seed=1), normal(2, 1, seed=2)

SMOOTH = [
    *(Case(op, [X, ROW], (7, 13, 14, 23)) for op in "Add Sub Mul Div".split()),
    Case("Add", [ROW, X], (7, 13, 23), note="first one broadcast"),
    Case("Pow", [uniform(2, 3), ROW], (7, 13, 23)),
    Case("Pow", [X, np.float32(3)], (7, 13, 23), wrt=[0], note="cubed"),
    Case("Mod", [X, uniform(2, 3, low=1, high=2)], (13, 23), {"fmod": 1}),
    *(Case(op, [X, ROW, COLUMN], (8, 13, 23), mapped=(0, 2)) for op in "Sum Mean Max Min".split()),
    Case("Sum", [X], (8, 13, 23), note="of one"),
]
WHOLE = [
    *(Case(op, [ints(-7, 7, -1), ints(2, -2, 3)], (13, 23)) for op in "Add Sub Mul Mod".split()),
    Case("Mod", [ints(-7, 7, -1), ints(2, -2, 3)], (13, 23), {"fmod": 1}),
    Case("Pow", [ints(-2, 3), ints(3, 2)], (13, 23)),
    Case("Pow", [ints(2, 3), np.float32([2, 3])], (13, 23), note="float exponent"),
    *(Case(op, [ints(-7, 7), ints(2, 9)], (13, 23)) for op in "Max Min".split()),
]


@pytest.mark.parametrize("case", SMOOTH + WHOLE, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", SMOOTH + WHOLE, ids=str)
def test_a_batch_is_the_loop_over_its_items(case):
    check_batches(case)


def test_quotients_of_whole_numbers_are_cut_off_towards_zero():
    same_values(run_node("Div", [ints(-7, 7, 7), ints(2, 2, -2)], 14), ints(-3, 3, -3))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@pytest.mark.parametrize("op", "Add Sub Mul Div Mod Max Min Pow".split())
def test_unsigned_numbers_wrap_around_in_their_own_type(op, dtype):
    a, b = ints(5, 2, 9, dtype=dtype), ints(2, 3, 9, dtype=dtype)
    same_values(run_node(op, [a, b], 18), reference(op, [a, b], 18))


def test_the_upper_half_of_uint64_is_added_but_not_compared():
    big = np.array([2**63 + 5], np.uint64)
    same_values(run_node("Add", [big, big], 14), np.array([10], np.uint64))
    with pytest.raises(Unsupported, match="Max of uint64"):
        run_node("Max", [big, big], 13)


def test_before_opset_7_an_axis_says_where_the_second_one_lies():
    """Worked by hand: a bias for each of two channels, added to channels first."""
    images, bias = np.zeros((1, 2, 2, 2), np.float32), np.float32([1, 2])
    found = run_node("Add", [images, bias], 6, broadcast=1, axis=1)
    assert found[0, :, 0, 0].tolist() == [1, 2]
    assert found[0, :, 1, 1].tolist() == [1, 2]
    assert run_node("Add", [images, bias], 6, broadcast=1)[0, 0].tolist() == [[1, 2], [1, 2]]
    same_values(run_node("Pow", [np.float32([[2, 3]]), np.float32([3])], 6, broadcast=1, axis=0), np.float32([[8, 27]]))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0, 1.5, 0.0])
def test_a_constant_exponent_gives_the_same_as_a_computed_one(exponent):
    x = torch.tensor(uniform(2, 3), dtype=torch.float64, requires_grad=True)
    inputs = [x, torch.tensor(exponent, dtype=torch.float64)]
    found = {}
    for constant in ((), (1,)):
        result = call_node(make_node("Pow", inputs, 13, constant=constant), inputs)
        found[constant] = result, torch.autograd.grad(result.sum(), x)[0]
    torch.testing.assert_close(found[()], found[(1,)])


def test_a_power_between_zero_and_one_has_slope_zero_at_zero_and_not_infinity():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    inputs = [x, torch.tensor(0.25)]
    call_node(make_node("Pow", inputs, 13, constant=[1]), inputs).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_a_constant_exponent_with_an_axis_still_gives_the_result_that_axis():
    inputs = [np.float32(3), np.float32([2])]
    same_values(call_node(make_node("Pow", inputs, 13, constant=[1]), inputs), np.float32([9]))


def test_of_two_equal_values_each_gets_half_the_gradient_as_central_differences_say():
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    run_node("Max", [a, b], 13).backward()
    assert (a.grad.item(), b.grad.item()) == (0.5, 0.5)
