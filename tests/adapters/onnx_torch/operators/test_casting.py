"""Casts: every pair of types that torch holds, float8 with its largest values, bits, and gradients through floats."""

import ml_dtypes
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from tests.adapters.onnx_torch.operator_cases import normal
from tests.adapters.onnx_torch.single_node import (
    call_node,
    check_against,
    check_gradient,
    check_vmap,
    make_node,
    reference,
    run_node,
    same_values,
)
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.operator_table import Unsupported

KINDS = [np.float32, np.float64, np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, bool]
FLOAT8 = [
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
    ml_dtypes.float8_e4m3fnuz,
    ml_dtypes.float8_e5m2fnuz,
]


def code(kind):
    return helper.np_dtype_to_tensor_dtype(np.dtype(kind))


@pytest.mark.parametrize("target", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("source", KINDS, ids=lambda kind: kind.__name__)
def test_every_type_becomes_every_other(source, target):
    x = np.array([0, 1, 3, 100]).astype(source)
    check_against(reference, "Cast", [x], 13, to=code(target))
    same_values(run_node("CastLike", [x, np.zeros(1, target)], 19), x.astype(target))


def test_fractions_are_cut_off():
    same_values(run_node("Cast", [np.float32([-1.7, 1.7])], 13, to=TensorProto.INT32), np.int32([-1, 1]))


def test_the_type_was_a_name_at_first():
    assert run_node("Cast", [np.float32([1.5])], 1, to="INT64").tolist() == [1]


@pytest.mark.parametrize("target", FLOAT8, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("source", [np.float32, np.float64])
def test_float8_takes_its_largest_value_for_what_is_too_large(source, target):
    x = np.array([0.3, -1.1, 1e6, -1e6, np.inf, -np.inf, np.nan], source)
    check_against(reference, "Cast", [x.astype(np.float32)], 19, to=code(target))
    largest = float(ml_dtypes.finfo(target).max)
    assert run_node("Cast", [x], 19, to=code(target)).float()[2:6].tolist() == [largest, -largest, largest, -largest]
    assert run_node("Cast", [np.int32([100_000])], 19, to=code(target)).float().item() == largest


def test_float8_without_saturation_is_left_to_the_lower_tiers():
    with pytest.raises(Unsupported):
        run_node("Cast", [np.float32([1e6])], 19, to=TensorProto.FLOAT8E4M3FN, saturate=0)


def test_one_float8_becomes_another():
    x = np.array([448, 0.5], ml_dtypes.float8_e4m3fn)
    found = run_node("Cast", [x], 19, to=TensorProto.FLOAT8E5M2)
    assert found.dtype == torch.float8_e5m2
    assert found.float().tolist() == [448, 0.5]


def test_half_precision_is_float32_unless_native():
    x = [torch.tensor([1.0])]
    plain = make_node("Cast", x, 13, to=TensorProto.FLOAT16)
    native = make_node("Cast", x, 13, to=TensorProto.FLOAT16, types=ElementTypes(native=True))
    assert call_node(plain, x).dtype == torch.float32
    assert call_node(native, x).dtype == torch.float16


def test_a_gradient_passes_casts_between_floats():
    check_gradient("Cast", [normal(3)], 13, to=TensorProto.DOUBLE)
    check_vmap("Cast", [normal(2, 3)], 13, to=TensorProto.INT32)


@pytest.mark.parametrize(
    ("x", "target"), [(np.float32([1.5, -2]), np.int32), (np.uint8([0, 255]), np.int8), (np.uint8([0, 1]), bool)]
)
def test_bits_are_read_as_another_type(x, target):
    same_values(run_node("BitCast", [x], 26, to=code(target)), x.view(target))
    same_values(run_node("BitCast", [x.view(target)], 26, to=code(x.dtype)), x)


def test_bits_of_half_precision_numbers_are_read_but_not_those_of_what_stands_for_them():
    bits = np.float16([1.5]).view(np.int16)
    assert run_node("BitCast", [bits], 26, to=TensorProto.FLOAT16).tolist() == [1.5]
    with pytest.raises(Unsupported, match="half precision"):
        run_node("BitCast", [np.float32([1.5])], 26, to=TensorProto.INT16)


def test_identity_gives_what_it_gets():
    x = torch.ones(2)
    assert run_node("Identity", [x], 13) is x
    assert len(run_node("Identity", [[x, x]], 16)) == 2
