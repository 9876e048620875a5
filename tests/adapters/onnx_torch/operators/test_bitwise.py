"""Operations on bits against onnx's reference, in every type of whole numbers."""

import numpy as np
import pytest

from tests.adapters.onnx_torch.operator_cases import ints
from tests.adapters.onnx_torch.single_node import check_against, check_vmap, reference
from viz.adapters.onnx_torch.operator_table import Unsupported

TYPES = [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("op", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
def test_two_numbers_bit_by_bit(op, dtype):
    inputs = [ints(12, 10, 0, dtype=dtype), ints(10, 3, 1, dtype=dtype)]
    check_against(reference, op, inputs, 18)
    if dtype is np.int32:
        check_vmap(op, inputs, 18)


@pytest.mark.parametrize("dtype", TYPES)
def test_bits_turned_round(dtype):
    check_against(reference, "BitwiseNot", [ints(0, 1, 100, dtype=dtype)], 18)


@pytest.mark.parametrize("dtype", TYPES[:4])
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_bits_moved(direction, dtype):
    inputs = [ints(200, 3, 1, dtype=dtype), ints(1, 1, 3, dtype=dtype)]
    if dtype is np.uint64 and direction == "RIGHT":
        with pytest.raises(Unsupported):
            check_against(reference, "BitShift", inputs, 11, direction=direction)
    else:
        check_against(reference, "BitShift", inputs, 11, direction=direction)
