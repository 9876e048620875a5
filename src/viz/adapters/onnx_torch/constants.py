"""Tensors stored in an ONNX file as torch tensors, without a second copy in memory where the types allow it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import external_data_helper, helper, numpy_helper

from viz.adapters.onnx_graph.stored_tensors import external_file, external_offset
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.node import Node
from viz.core.errors import ModelError

_AGAIN = "the file is damaged: export the model again, or compare its size and checksum with the original"
_MOST_ZEROS = 10_000  # for each stored number of a sparse tensor; beyond, writing it out could fill the memory


def stored(tensor: onnx.TensorProto, types: ElementTypes, folder: Path | None) -> Any:
    """A stored tensor to compute with, in its type or the one that stands for it. Raises `ModelError`.

    External data is mapped into memory, not read, where torch can use it as it lies there.
    """
    mapped = _mapped(tensor, folder) if folder is not None else None
    if mapped is not None:
        whole = torch.from_numpy(mapped)
        return whole.to(types.computed(whole.dtype))
    return types.tensor(_array(tensor, folder))


def _array(tensor: onnx.TensorProto, folder: Path | None) -> NDArray[Any]:
    try:
        return np.asarray(numpy_helper.to_array(tensor, str(folder or "")))
    except Exception as problem:  # numpy and onnx raise many things for data that contradicts its type
        raise ModelError(f"the tensor {tensor.name!r} cannot be read: {problem}", _AGAIN) from problem


def _mapped(tensor: onnx.TensorProto, folder: Path) -> NDArray[Any] | None:
    """The tensor's part of its data file as an array; None where it has none, or not as numpy knows numbers.

    The mapping is private to this process: what is written to it (nothing is) would not reach the file.
    """
    if not external_data_helper.uses_external_data(tensor) or not math.prod(tensor.dims):
        return None
    dtype, offset = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)), external_offset(tensor)
    if dtype.kind not in "biufc" or offset % dtype.itemsize:
        return None
    return np.memmap(external_file(folder, tensor), dtype, mode="c", offset=offset, shape=tuple(tensor.dims))


def dense(sparse: onnx.SparseTensorProto, types: ElementTypes, folder: Path | None) -> Any:
    """A stored sparse tensor, written out. Raises `ModelError` where its indices do not fit its shape."""
    values, indices = _array(sparse.values, folder), _array(sparse.indices, folder)
    try:
        whole = np.zeros(_sane(sparse), values.dtype)
        if indices.ndim == 1:
            whole.reshape(-1)[indices] = values
        else:
            whole[tuple(indices.T)] = values
    except (IndexError, ValueError, MemoryError) as problem:
        raise ModelError(
            f"the sparse tensor {sparse.values.name!r} does not fit its shape {tuple(sparse.dims)}: {problem}",
            _AGAIN,
        ) from None
    return types.tensor(whole)


def _sane(sparse: onnx.SparseTensorProto) -> tuple[int, ...]:
    if math.prod(sparse.dims) > _MOST_ZEROS * max(1, math.prod(sparse.values.dims)):
        raise ValueError("it is nearly all zeros, and far too many")
    return tuple(sparse.dims)


def constant_of_node(node: Node) -> Any:
    """The value of a Constant node. Raises `ModelError` where it has none."""
    for name, value in node.attributes.items():
        if name == "value":
            return value
        if name == "sparse_value":
            return dense(value.sparse_tensor, node.types, None)
        if name in ("value_string", "value_strings"):
            return np.asarray(value, dtype=object)
        if name in ("value_int", "value_ints"):
            return torch.tensor(value, dtype=torch.int64)
        if name in ("value_float", "value_floats"):
            return torch.tensor(value, dtype=torch.float32)
    raise ModelError(f"{node.label} has no value", "export the model again; a Constant must carry its value")
