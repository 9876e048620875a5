"""Products of matrices: shapes, factors, old broadcasting, integers; no copy of the weights."""

import numpy as np
import pytest
import torch

from tests.adapters.onnx_torch.operator_cases import Case, check_batches, check_slopes, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_against, onnxruntime, run_node
from viz.adapters.onnx_torch.operator_table import Unsupported

A, B, C = normal(3, 4), normal(4, 2, seed=1), normal(2, seed=2)
EQUATIONS = {
    "bhid,bhjd->bhij": [normal(1, 2, 3, 4), normal(1, 2, 5, 4, seed=1)],
    "bij, bjk": [normal(2, 3, 4), normal(2, 4, 2, seed=1)],
    "...ii->...i": [normal(2, 3, 3)],
    "ij,j,jk->ik": [A, normal(4, seed=3), B],
}

CASES = [
    Case("MatMul", [A, B], (7, 9, 13)),
    Case("MatMul", [normal(2, 3, 4), B], (9, 13), note="rows"),
    Case("MatMul", [normal(2, 1, 3, 4), normal(5, 4, 2, seed=1)], (9, 13), mapped=(0, 1), note="stacks"),
    Case("MatMul", [normal(4), normal(2, 4, 3, seed=1)], (9, 13), note="vector"),
    Case("MatMul", [normal(2, 3, 4), normal(4, seed=1)], (9, 13), note="by-vector"),
    Case("Gemm", [A, B, C], (7, 11, 13)),
    Case("Gemm", [A, B.T.copy(), C], (7, 11, 13), {"transB": 1}),
    Case("Gemm", [A.T.copy(), B, normal(3, 1, seed=2)], (7, 11, 13), {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    Case("Gemm", [A, B, normal(1, seed=2)], (7, 11, 13), note="number"),
    Case("Gemm", [A, B, normal(3, 1, seed=2)], (7, 11, 13), note="one-for-each-row"),
    Case("Gemm", [A, B, normal(3, 2, seed=2)], (7, 11, 13), note="one-for-each-cell"),
    Case("Gemm", [A, B], (11, 13), {"alpha": 0.5}),
    *(Case("Einsum", of, (12,), {"equation": how}, note=how) for how, of in EQUATIONS.items()),
    Case("Det", [normal(2, 3, 3)], (11, 22)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_are_central_differences(case):
    check_slopes(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_batch_by_vmap_is_the_loop(case):
    check_batches(case)


def test_a_product_of_rows_that_do_not_lie_in_order_is_the_same():
    rows = torch.from_numpy(normal(2, 4, 3)).transpose(1, 2)
    np.testing.assert_allclose(run_node("MatMul", [rows, B], 13), rows.numpy() @ B, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_integers_are_exact(dtype):
    a, b = ints(2**20 + 1, 3, dtype=dtype).reshape(1, 2), ints(2**10, 1, dtype=dtype).reshape(2, 1)
    check_against(onnxruntime, "MatMul", [a, b], 13)
    assert run_node("Gemm", [a, b, ints(5, dtype=dtype)], 13).item() == 2**30 + 2**10 + 3 + 5
    assert run_node("Einsum", [a, b], 12, equation="ij,jk->ik").item() == 2**30 + 2**10 + 3


def test_integers_beyond_the_precision_of_doubles_are_exact():
    assert run_node("MatMul", [ints(2**60 + 1).reshape(1, 1), ints(1).reshape(1, 1)], 13).item() == 2**60 + 1


def test_integers_with_a_fractional_factor_are_left_to_others():
    with pytest.raises(Unsupported, match="fractional"):
        run_node("Gemm", [ints(1).reshape(1, 1), ints(1).reshape(1, 1)], 13, alpha=0.5)


def test_before_opset_7_the_summand_is_broadcast_on_request():
    found = run_node("Gemm", [A, B, C], 6, broadcast=1)
    np.testing.assert_allclose(found, A @ B + C, rtol=1e-5)


@pytest.mark.parametrize(("op", "attributes"), [("MatMul", {}), ("Gemm", {}), ("Gemm", {"transB": 1})])
def test_the_gradient_keeps_the_weights_of_the_file_and_no_copy(op, attributes):
    x, weight = torch.randn(3, 4, requires_grad=True), torch.randn(4, 4)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: kept.append(saved) or saved, lambda saved: saved):
        run_node(op, [x, weight, *([torch.zeros(4)] if op == "Gemm" else [])], 13, **attributes)
    assert any(saved.data_ptr() == weight.data_ptr() for saved in kept)
