"""The reference page of ONNX operators with gradients, from the executor's own table."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import starmap

import onnx

import viz.adapters.onnx_torch.operators  # noqa: F401  # fills the table
from viz.adapters.onnx_torch.control_flow import CONTROL_FLOW
from viz.adapters.onnx_torch.operator_table import MICROSOFT, covered, lookup
from viz.adapters.onnx_torch.operators.quantization import STRAIGHT_THROUGH

Operator = tuple[str, str]

INTRODUCTION = """\
# ONNX operators

What computes each operator of an ONNX file where a gradient is taken.
[How that works](../explanation/gradients-through-onnx.md) is a page of its own. Forward passes are onnxruntime's and
need nothing of this. `viz verify --model M` lists what a model of yours uses.

1. **Torch functions**, below: values and gradients.
2. **The operator's own ONNX function**, which the standard gives for some: it is run node by node, with gradients.
3. **onnx's reference kernels**, for what is left: values, and no gradient. The path ends there, and the error names
   the node.

An operator that none of them has is an error that names it; techniques without gradients still run.

A number behind an operator is the version of its domain at which it changes its meaning and another function begins:
`Softmax` (1, 13). Without a number, one function serves all versions.
"""
_TABLE = "| Family | Operators |\n|---|---|"
_DOMAINS = {
    "": "The standard domain",
    MICROSOFT: "com.microsoft",
    "com.microsoft.nchwc": "com.microsoft.nchwc",
    "ai.onnx.ml": "ai.onnx.ml",
}
_NOTES = {
    "": "Those of old files that onnxruntime still runs are among them.",
    MICROSOFT: "What exporters and onnxruntime's optimizer leave in files.",
    "com.microsoft.nchwc": "Written by onnxruntime for the CPU at hand, and refused: use the file from before.",
    "ai.onnx.ml": "Where a pipeline of classical machine learning ends in a network.",
}
ENDS = """\
## Where a gradient ends

- Choices, comparisons and whole numbers: ArgMax, Equal, NonZero, a Cast to integers. Going *by* a choice is fine: a
  Gather with the indices of NonMaxSuppression passes a gradient to the scores and boxes that it gathers.
- Integer arithmetic: QLinear operators, ConvInteger, MatMulInteger. These files have no gradient.
- What a reference kernel computes.

If every way from the target to the pixels ends, the run stops with exit code 3, names the first operations at which it
does, and the techniques that need no gradient.
"""


def operators_page() -> str:
    """The whole page as Markdown."""
    table = covered()
    parts = [INTRODUCTION, *(_domain(domain, table) for domain in _DOMAINS)]
    return "\n".join([*parts, _control_flow(), _function_bodies(table), _straight_through(), ENDS])


def _domain(domain: str, table: Mapping[Operator, tuple[int, ...]]) -> str:
    families: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for (of, name), versions in table.items():
        if of == domain:
            families[_family(domain, name, versions[-1])][name] = versions
    count = sum(len(found) for found in families.values())
    rows = [
        f"| {family} | {', '.join(starmap(_written, found.items()))} |" for family, found in sorted(families.items())
    ]
    return "\n".join([f"## {_DOMAINS[domain]}\n", f"{count} operators. {_NOTES[domain]}\n", _TABLE, *rows]) + "\n"


def _family(domain: str, name: str, version: int) -> str:
    """The first line of the file in which the operator's function stands."""
    function = lookup(domain, name, version)
    assert function is not None, "every operator of the table has a function"
    text = (sys.modules[function.__module__].__doc__ or "").strip().splitlines()[0]
    return text.partition(": ")[0].removesuffix(".")  # names of operators often follow


def _written(name: str, versions: tuple[int, ...]) -> str:
    return f"`{name}`" + (f" ({', '.join(map(str, versions))})" if len(versions) > 1 else "")


def _control_flow() -> str:
    return f"## Control flow\n\n{_names(name for _, name in CONTROL_FLOW)}: their graphs are run as the main one is.\n"


def _function_bodies(table: Mapping[Operator, tuple[int, ...]]) -> str:
    """Standard operators without a torch function that the standard itself defines by others."""
    schemas = [one for one in onnx.defs.get_all_schemas() if one.domain == "" and not one.deprecated]
    found = sorted(
        one.name
        for one in schemas
        if ("", one.name) not in table and (one.has_function or one.has_context_dependent_function)
    )
    version = ".".join(onnx.__version__.split(".")[:2])
    return f"## By their own ONNX function\n\nAs of onnx {version}: {_names(found)}.\n"


def _straight_through() -> str:
    names = _names(sorted({name for _, name in STRAIGHT_THROUGH}))
    return (
        f"## Straight through\n\n{names}: rounding has the gradient zero, so that a gradient passes as if it did not "
        "round, and is zero where a value was cut off. A result that met one has a warning which says so. A Round "
        "that is written into a graph by itself keeps its true gradient, zero.\n"
    )


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
