"""One ONNX node, decoded: attributes as Python values, the graphs inside it, and the function that computes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import onnx
from onnx import AttributeProto, helper

from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.operator_table import Function, lookup

if TYPE_CHECKING:
    from viz.adapters.onnx_torch.graph import Graph


@dataclass(frozen=True, eq=False)
class Node:
    """A node as operator functions see it.

    Attributes:
        op, domain, version: the operator; `version` is that of its domain in this file.
        inputs: names, "" where an optional one is left out.
        outputs: names, "" where nobody wants one; trailing unwanted ones are cut off.
        attributes: by name; tensors as torch tensors where torch has the type, else numpy arrays.
        graphs: the graphs inside it (branches, bodies), by attribute name.
        types: which dtypes to compute in.
        opsets: versions of all domains, for what the node contains.
        proto: the node as the file has it.
        constant: which inputs are constants of the graph, so that something may be prepared once.
        cache: what a function prepared from constant inputs, kept for the next call.
    """

    op: str
    domain: str
    version: int
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    graphs: Mapping[str, "Graph"]
    types: ElementTypes
    opsets: Mapping[str, int]
    proto: onnx.NodeProto
    function: Function | None
    constant: tuple[bool, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def output_count(self) -> int:
        """How many outputs are wanted, counted to the last wanted one."""
        return len(self.outputs)

    @property
    def operator(self) -> str:
        """The operator with its domain, where that is not the standard one: `Conv`, `com.microsoft::Gelu`."""
        return f"{self.domain}::{self.op}" if self.domain else self.op

    @property
    def label(self) -> str:
        """What error messages call it: `Conv 'layer1/conv'`."""
        return f"{self.operator} {(self.name or ', '.join(filter(None, self.outputs)))!r}"


def domain_of(proto: onnx.NodeProto) -> str:
    """The node's domain; the standard one has two spellings."""
    return "" if proto.domain == "ai.onnx" else str(proto.domain)


def decoded_attributes(
    proto: onnx.NodeProto, types: ElementTypes, base: str = ""
) -> tuple[dict[str, Any], dict[str, onnx.GraphProto]]:
    """A node's attributes as Python values, and apart from them its graphs. `base` is the folder of external data."""
    values: dict[str, Any] = {}
    graphs: dict[str, onnx.GraphProto] = {}
    for attribute in proto.attribute:
        if attribute.type == AttributeProto.GRAPH:
            graphs[attribute.name] = attribute.g
        elif attribute.type == AttributeProto.TENSOR:
            values[attribute.name] = types.tensor(onnx.numpy_helper.to_array(attribute.t, base))
        elif attribute.type in (AttributeProto.SPARSE_TENSOR, AttributeProto.TYPE_PROTO):
            values[attribute.name] = attribute
        else:
            values[attribute.name] = _plain(helper.get_attribute_value(attribute))
    return values, graphs


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def function_of(domain: str, op: str, version: int) -> Function | None:
    """The torch function for an operator, from the table of all families."""
    import viz.adapters.onnx_torch.operators  # noqa: F401  (fills the table)

    return lookup(domain, op, version)
