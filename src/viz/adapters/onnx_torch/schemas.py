"""What the ONNX standard says of an operator, and whether a node's attributes agree with it."""

from functools import lru_cache
from typing import Any

import onnx
from onnx import AttributeProto

from viz.core.errors import ModelError

_CHECK = "check the file with `python -m onnx.checker FILE`, and export the model again"


@lru_cache(maxsize=1024)
def schema_of(domain: str, op: str, version: int) -> Any:
    """The standard's description of an operator at a version of its domain; None where it knows no such operator."""
    try:
        return onnx.defs.get_schema(op, version, domain)
    except onnx.defs.SchemaError:
        return None


def check_attributes(proto: onnx.NodeProto, domain: str, version: int) -> None:
    """Raise `ModelError` where a node lacks an attribute that its operator needs, or has one of another type."""
    given = {attribute.name: attribute for attribute in proto.attribute}
    schema = schema_of(domain, proto.op_type, version)
    known = schema.attributes if schema else {}
    for name, attribute in given.items():
        expected = int(known[name].type.value) if name in known else attribute.type
        if attribute.type != expected or attribute.type == AttributeProto.UNDEFINED:
            raise _error(proto, f"its attribute {name!r} is of type {_name(attribute.type)}, not {_name(expected)}")
    for name, description in known.items():
        if description.required and name not in given:
            raise _error(proto, f"it lacks its attribute {name!r}")


def _error(proto: onnx.NodeProto, problem: str) -> ModelError:
    name = proto.name or ", ".join(filter(None, proto.output))
    return ModelError(f"{proto.op_type} {name!r} cannot be run: {problem}", _CHECK)


def _name(kind: int) -> str:
    return str(AttributeProto.AttributeType.Name(kind)) if kind in AttributeProto.AttributeType.values() else str(kind)
