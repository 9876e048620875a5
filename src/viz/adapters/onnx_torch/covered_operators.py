"""Which operators an ONNX file may contain, and what computes each: for documentation and for people who ask."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from viz.adapters.onnx_torch.coverage import Tier, tier_of
from viz.adapters.onnx_torch.element_types import ElementTypes
from viz.adapters.onnx_torch.node import Node, function_of
from viz.adapters.onnx_torch.operator_table import covered

_STANDARD = ("", "ai.onnx")


@dataclass(frozen=True, order=True)
class CoveredOperator:
    """An operator and the first tier that computes it at its newest version.

    Attributes:
        domain: "" for the standard one.
        name: as in files.
        tier: "torch function", "control flow" and "function body" have gradients, "reference kernel" has none;
            "none": nothing computes it.
        since: versions of the domain at which a torch function of its own begins; empty for other tiers.
    """

    domain: str
    name: str
    tier: Tier
    since: tuple[int, ...] = ()


def covered_operators() -> list[CoveredOperator]:
    """All operators of the standard as the installed onnx package knows it, and those beyond it that viz has."""
    table = covered()
    newest = dict(_standard_operators()) | {key: max(since) for key, since in table.items() if key[0] not in _STANDARD}
    newest |= {key: max(since) for key, since in table.items() if key not in newest}  # removed from the standard
    return sorted(
        CoveredOperator(domain, name, _tier(_bare_node(domain, name, version)), table.get((domain, name), ()))
        for (domain, name), version in newest.items()
    )


def _tier(node: Node) -> Tier:
    if (node.domain, node.op) == ("", "Constant"):  # read with the weights: no node is left of it
        return "torch function"
    found = tier_of(node)
    return "reference kernel" if found == "none" and _kernel_wants_attributes(node) else found


def _kernel_wants_attributes(node: Node) -> bool:
    try:
        ReferenceEvaluator(node.proto)
    except NotImplementedError:
        return False
    except Exception:  # kernels check their attributes in their own ways
        return True
    return False


def _standard_operators() -> Iterator[tuple[tuple[str, str], int]]:
    for schema in onnx.defs.get_all_schemas():
        yield (schema.domain, schema.name), schema.since_version


def _bare_node(domain: str, name: str, version: int) -> Node:
    """The operator without attributes, on as many inputs as it needs at least."""
    count = onnx.defs.get_schema(name, version, domain).min_input if onnx.defs.has(name, domain) else 1
    proto = helper.make_node(name, [f"input{index}" for index in range(count)], ["output"], domain=domain)
    ends = tuple(proto.input), tuple(proto.output)
    function = function_of(domain, name, version)
    return Node(name, domain, version, name, *ends, {}, {}, ElementTypes(), {domain: version}, proto, function)
