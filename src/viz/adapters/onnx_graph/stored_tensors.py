"""Tensors as a file stores them: whether their data is there, whole, and inside the model's own folder."""

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import TensorProto, external_data_helper, helper

from viz.adapters.onnx_graph.walking import graphs_of
from viz.core.errors import ModelError

_AGAIN = "the file is damaged: export the model again, or compare its size and checksum with the original"
# Element types that take less than a byte.
_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}


def tensors_in(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every stored tensor of a graph and of the graphs inside its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from tensors_of(node)


def tensors_of(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that a node stores in its attributes, those of the graphs inside it included."""
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        yield from attribute.tensors
    for graph in graphs_of(node):
        yield from tensors_in(graph)


def check_tensor(tensor: onnx.TensorProto, folder: Path) -> None:
    """Raise `ModelError` where a tensor's type, shape and data contradict each other; `folder` is the model's."""
    if tensor.data_type not in helper.get_all_tensor_dtypes() or tensor.HasField("segment"):
        raise ModelError(f"the tensor {tensor.name!r} has element type {tensor.data_type}, which is none", _AGAIN)
    if any(side < 0 for side in tensor.dims):
        raise ModelError(f"the tensor {tensor.name!r} has the negative shape {tuple(tensor.dims)}", _AGAIN)
    if external_data_helper.uses_external_data(tensor):
        _check_external(tensor, folder)
    elif tensor.HasField("raw_data"):
        _check_length(tensor, "bytes", len(tensor.raw_data), bytes_of(tensor))
    else:
        stored = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
        _check_length(tensor, "numbers", stored, _entries_of(tensor))


def external_file(folder: Path, tensor: onnx.TensorProto) -> Path:
    """The file that holds a tensor. Raises `ModelError` where it is missing, or not inside the model's own folder."""
    location = _external_entries(tensor).get("location", "")
    folder = folder.absolute().resolve()
    try:
        file: Path = (folder / location).resolve()
        inside = bool(location) and file.is_relative_to(folder)
        there = inside and file.is_file()
    except (OSError, ValueError, RuntimeError) as problem:  # a name with a null byte, a loop of links
        raise ModelError(f"the data file {location!r} cannot be looked up: {problem}", _AGAIN) from None
    if not inside:
        raise ModelError(
            f"the model keeps {tensor.name!r} in {location!r}, outside its own folder; refused",
            "put the data file beside the model and correct its location (onnx.save_model does)",
        )
    if not there:
        raise ModelError(f"the model needs its data file {location!r}, which is not there", f"put it into {folder}")
    return file


def external_offset(tensor: onnx.TensorProto) -> int:
    """Where in its file a tensor begins, in bytes. Raises `ModelError` for what is no such number."""
    return _external_number(tensor, "offset") or 0


def bytes_of(tensor: onnx.TensorProto) -> int:
    """How many bytes a tensor of this type and shape takes."""
    name = TensorProto.DataType.Name(tensor.data_type)
    bits = _BITS.get(name) or 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return int(-(-math.prod(tensor.dims) * bits // 8))


def _entries_of(tensor: onnx.TensorProto) -> int:
    """How many numbers a tensor has where they are stored one by one; the small types share an entry."""
    name = TensorProto.DataType.Name(tensor.data_type)
    count = int(math.prod(tensor.dims))
    if name.startswith("COMPLEX"):
        return 2 * count
    return -(-count // (8 // _BITS[name])) if _BITS.get(name, 8) in (2, 4) else count


def _check_external(tensor: onnx.TensorProto, folder: Path) -> None:
    size = external_file(folder, tensor).stat().st_size
    offset, length = external_offset(tensor), _external_number(tensor, "length")
    if length is not None:
        _check_length(tensor, "bytes", length, bytes_of(tensor))
    if offset + bytes_of(tensor) > size:
        raise ModelError(
            f"the tensor {tensor.name!r} lies at bytes {offset} to {offset + bytes_of(tensor)} of its data file, "
            f"which has {size}",
            "the data file is truncated or belongs to another model: copy it again",
        )


def _check_length(tensor: onnx.TensorProto, unit: str, found: int, needed: int) -> None:
    if found != needed:
        raise ModelError(
            f"the tensor {tensor.name!r} of shape {tuple(tensor.dims)} needs {needed} {unit}, the file has {found}",
            _AGAIN,
        )


def _external_entries(tensor: onnx.TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _external_number(tensor: onnx.TensorProto, key: str) -> int | None:
    text = _external_entries(tensor).get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ModelError(f"the tensor {tensor.name!r} has the {key} {text[:40]!r} in its data file", _AGAIN)
    return int(text)
