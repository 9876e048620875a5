"""Tensors stored in an ONNX file as torch tensors, without a second copy in memory where the types allow it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import external_data_helper, helper, numpy_helper

from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.node import Node
from viz.core.errors import ModelError


def stored(tensor: onnx.TensorProto, types: ElementTypes, folder: Path | None) -> Any:
    """A stored tensor to compute with. External data is mapped into memory, not read."""
    if folder is not None and external_data_helper.uses_external_data(tensor):
        mapped = _mapped(tensor, folder)
        if mapped is not None:
            return _computed(torch.from_numpy(mapped), types)
    return types.tensor(numpy_helper.to_array(tensor, str(folder or "")))


def _mapped(tensor: onnx.TensorProto, folder: Path) -> NDArray[Any] | None:
    """The tensor's part of its file as an array; None where numpy or the processor cannot use it as it lies there.

    Private to this process: what is written to it (nothing is) would not reach the file.
    """
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    place = external_data_helper.ExternalDataInfo(tensor)
    offset = int(place.offset or 0)
    if dtype.isbuiltin != 1 or dtype.kind not in "biufc" or offset % dtype.itemsize or not math.prod(tensor.dims):
        return None
    return np.memmap(folder / place.location, dtype, mode="c", offset=offset, shape=tuple(tensor.dims))


def _computed(tensor: torch.Tensor, types: ElementTypes) -> torch.Tensor:
    return tensor.to(types.computed(tensor.dtype))


def dense(sparse: onnx.SparseTensorProto, types: ElementTypes, folder: Path | None) -> Any:
    """A stored sparse tensor, written out. Raises `ModelError` where its indices do not fit its shape."""
    values = numpy_helper.to_array(sparse.values, str(folder or ""))
    indices = numpy_helper.to_array(sparse.indices, str(folder or ""))
    whole = np.zeros(tuple(sparse.dims), values.dtype)
    try:
        if indices.ndim == 1:
            whole.reshape(-1)[indices] = values
        else:
            whole[tuple(indices.T)] = values
    except (IndexError, ValueError) as problem:
        raise ModelError(
            f"the sparse tensor {sparse.values.name!r} does not fit its shape {tuple(sparse.dims)}: {problem}",
            "export the model again",
        ) from None
    return types.tensor(whole)


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
