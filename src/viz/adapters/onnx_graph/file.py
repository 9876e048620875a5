"""Reading an ONNX file without trusting it: the graph, its constants, its hash; external data stays inside."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import external_data_helper, numpy_helper

from viz.adapters.onnx_graph.local_functions import inlined
from viz.adapters.onnx_graph.stored_tensors import check_tensor, external_file, tensors_in, tensors_of
from viz.adapters.onnx_graph.text import check_text
from viz.adapters.onnx_graph.walking import check_depth
from viz.adapters.onnx_graph.wellformed import check_structure
from viz.adapters.onnx_graph.zip_maps import without_zip_maps
from viz.core.errors import ModelError

_BLOCK = 1 << 22


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file as read: large weights kept in their external files are left there.

    `notes` say what was left out of it.
    """

    path: Path
    model: onnx.ModelProto
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def graph(self) -> onnx.GraphProto:
        """The main graph."""
        return self.model.graph

    @cached_property
    def opset(self) -> int:
        """Version of the standard operator set."""
        return opset_of(self.model)

    @property
    def metadata(self) -> Mapping[str, str]:
        """Key and value pairs that the file's author left."""
        return {entry.key: entry.value for entry in self.model.metadata_props}


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the standard operator set that a model is written in."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)


def read(path: Path) -> OnnxFile:
    """Read and check a file. Raises `ModelError` for what is not ONNX, is truncated or reaches outside."""
    model = _decode(path)
    if not model.graph.node:
        raise ModelError(f"{path.name} holds no graph", "export the model again; the file may be truncated")
    model, external = checked(model, path.absolute().parent)
    model, notes = without_zip_maps(model)
    return OnnxFile(path, model, _sha256([path, *external]), notes)


def checked(model: onnx.ModelProto, folder: Path) -> tuple[onnx.ModelProto, list[Path]]:
    """The model with its local functions written out, and the files of its external data, which lie in `folder`.

    Raises `ModelError` for what contradicts itself, is truncated, grows beyond all bounds or reaches outside.
    """
    check_depth(model)
    check_text(model)
    tensors = list(_all_tensors(model))
    for tensor in tensors:
        check_tensor(tensor, folder)
    external = {external_file(folder, tensor) for tensor in tensors if external_data_helper.uses_external_data(tensor)}
    model = inlined(model)
    check_structure(model)
    return model, sorted(external)


def _decode(path: Path) -> onnx.ModelProto:
    if path.suffix == ".ort":
        raise ModelError(
            f"{path.name} is in ORT format, which cannot show inner tensors", "give the .onnx it came from"
        )
    try:
        return onnx.load(str(path), load_external_data=False)
    except FileNotFoundError:
        raise ModelError(
            f"the model file {str(path)!r} does not exist", "check the path, or try `viz zoo list`"
        ) from None
    except OSError as problem:
        raise ModelError(f"{str(path)!r} cannot be read: {problem.strerror or problem}") from None
    except (DecodeError, ValueError, RecursionError) as problem:
        raise ModelError(
            f"{path.name} is not an ONNX file, or is truncated ({problem})",
            "compare its size and checksum with the original",
        ) from None


def _all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from tensors_in(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from tensors_of(node)


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


class Constants:
    """Values of the tensors that do not depend on the image: initializers, Constant nodes, and what follows."""

    def __init__(self, graph: onnx.GraphProto, folder: Path):
        self._folder = str(folder)
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes = {node.output[0]: node for node in graph.node if node.op_type == "Constant" and node.output}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors or name in self._nodes

    def __call__(self, name: str) -> NDArray[Any] | None:
        """The value, or None where `name` is not a constant."""
        if name in self._tensors:
            return np.asarray(numpy_helper.to_array(self._tensors[name], self._folder))
        node = self._nodes.get(name)
        return _constant_value(node) if node is not None else None


def _constant_value(node: onnx.NodeProto) -> NDArray[Any] | None:
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if attribute.name == "value":
            return np.asarray(numpy_helper.to_array(value))
        if attribute.name.startswith("value_") and "string" not in attribute.name:
            return np.asarray(value)
    return None
