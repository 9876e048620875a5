"""ONNX element types in torch: which dtype stands for each, and arrays across the border in both directions."""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from viz.adapters.onnx_torch.operator_table import Unsupported

_TORCH = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT16: torch.uint16,
    TensorProto.INT16: torch.int16,
    TensorProto.UINT32: torch.uint32,
    TensorProto.INT32: torch.int32,
    TensorProto.UINT64: torch.uint64,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
    TensorProto.COMPLEX64: torch.complex64,
    TensorProto.COMPLEX128: torch.complex128,
    TensorProto.FLOAT8E4M3FN: torch.float8_e4m3fn,
    TensorProto.FLOAT8E5M2: torch.float8_e5m2,
    TensorProto.FLOAT8E4M3FNUZ: torch.float8_e4m3fnuz,
    TensorProto.FLOAT8E5M2FNUZ: torch.float8_e5m2fnuz,
}
_CODES = {dtype: code for code, dtype in _TORCH.items()}

# torch has no arithmetic for these; functions compute in int64 or float32 and convert back.
UNSIGNED = frozenset({torch.uint16, torch.uint32, torch.uint64})
FLOAT8 = frozenset({torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz})
HALF = frozenset({torch.float16, torch.bfloat16})

# Types that numpy knows only through ml_dtypes cross the border as bits of the same width.
_AS_BITS: dict[np.dtype[Any], tuple[type, torch.dtype]] = {
    np.dtype(ml_dtypes.bfloat16): (np.int16, torch.bfloat16),
    np.dtype(ml_dtypes.float8_e4m3fn): (np.uint8, torch.float8_e4m3fn),
    np.dtype(ml_dtypes.float8_e5m2): (np.uint8, torch.float8_e5m2),
    np.dtype(ml_dtypes.float8_e4m3fnuz): (np.uint8, torch.float8_e4m3fnuz),
    np.dtype(ml_dtypes.float8_e5m2fnuz): (np.uint8, torch.float8_e5m2fnuz),
}
_BITS_OF = {dtype: (bits, array_type) for array_type, (bits, dtype) in _AS_BITS.items()}


@dataclass(frozen=True)
class ElementTypes:
    """Which torch dtype computes each ONNX element type.

    With `native` off, half precision is computed in float32: it is what CPUs do well, and gradients
    neither overflow nor vanish. Values are then those of a float32 model with the file's weights. With
    `double` on, all real numbers are computed in float64: for checks.
    """

    native: bool = False
    double: bool = False

    def dtype(self, code: int) -> torch.dtype:
        """The dtype for an ONNX element type. Raises `Unsupported` for those that torch cannot hold."""
        dtype = _TORCH.get(code)
        if dtype is None:
            raise Unsupported(f"element type {TensorProto.DataType.Name(code) if code in _names() else code}")
        return self.computed(dtype)

    def computed(self, dtype: torch.dtype) -> torch.dtype:
        """The dtype in which values of `dtype` are computed."""
        if self.double and (dtype in HALF or dtype == torch.float32):
            return torch.float64
        return torch.float32 if dtype in HALF and not self.native else dtype

    def tensor(self, array: Any) -> Any:
        """An array, or a sequence of them, as torch tensors to compute with; strings and 4-bit numbers stay."""
        if isinstance(array, list | tuple):
            return [self.tensor(item) for item in array]
        found = to_torch(array)
        if isinstance(found, torch.Tensor):
            return found.to(self.computed(found.dtype))
        return found


def code_of(dtype: torch.dtype) -> int:
    """The ONNX element type of a torch dtype."""
    return int(_CODES[dtype])


def to_torch(array: Any) -> Any:
    """A numpy array as a tensor of its own (arrays of files are read-only); None where there is none.

    What torch has no type for (strings, 4-bit numbers) comes back as it is.
    """
    if array is None:
        return None
    array = np.asarray(array)
    if array.dtype in _AS_BITS:
        bits, dtype = _AS_BITS[array.dtype]
        return torch.from_numpy(np.ascontiguousarray(array).view(bits).copy()).view(dtype).reshape(array.shape)
    try:
        return torch.from_numpy(np.array(array, copy=True))
    except TypeError:
        return array


def to_numpy(value: Any) -> Any:
    """A tensor, or a sequence of them, as numpy arrays with the same values; other things stay."""
    if isinstance(value, list | tuple):
        return [to_numpy(item) for item in value]
    if not isinstance(value, torch.Tensor):
        return value
    plain = value.detach().cpu().resolve_neg().resolve_conj().contiguous()
    if plain.dtype in _BITS_OF:
        bits, array_type = _BITS_OF[plain.dtype]
        whole: NDArray[Any] = plain.view(torch.int16 if bits is np.int16 else torch.uint8).numpy().view(array_type)
        return whole
    return plain.numpy()


def _names() -> set[int]:
    return set(TensorProto.DataType.values())
