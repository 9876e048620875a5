"""Tensors from sizes and numbers, against onnx's reference and worked by hand."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.adapters.onnx_torch.operator_cases import Case, check_values, ints, normal
from tests.adapters.onnx_torch.single_node import check_vmap, run_node, same_values

CASES = [
    Case("ConstantOfShape", [ints(2, 3)], (9, 13, 23)),
    Case("ConstantOfShape", [ints(2, 3)], (9, 13, 23), {"value": np.int32([7])}),
    Case("ConstantOfShape", [ints()], (9, 13, 23), {"value": np.float32([7])}, note="number"),
    Case("ConstantOfShape", [ints(0, 3)], (9, 13, 23), note="empty"),
    Case("EyeLike", [normal(3, 4)], (9, 13, 23)),
    Case("EyeLike", [normal(3, 4)], (9, 13, 23), {"k": -1, "dtype": TensorProto.INT32}),
    Case("Range", [np.int64(1), np.int64(8), np.int64(3)], (11, 13, 23)),
    Case("Range", [np.int32(5), np.int32(-2), np.int32(-2)], (11, 13, 23), note="down"),
    Case("Range", [np.float32(0), np.float32(1), np.float32(0.3)], (11, 13, 23), note="fractions"),
    Case("Range", [np.float32(1), np.float32(0), np.float32(0.3)], (11, 13, 23), note="nothing"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_other_implementations(case):
    check_values(case)


def test_constants_of_every_type_keep_it():
    same_values(run_node("ConstantOfShape", [ints(1)], 21, value=np.array([True])), np.array([True]))
    same_values(run_node("ConstantOfShape", [ints(1)], 21, value=np.uint16([5])), np.uint16([5]))


def test_the_identity_needs_no_more_of_an_image_than_its_size():
    check_vmap("EyeLike", [normal(2, 2)], 13)
