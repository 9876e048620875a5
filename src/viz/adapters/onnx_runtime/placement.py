"""Which operators run on another provider than the one that was asked for: onnxruntime places them without a word."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

import onnx
import onnxruntime as ort

_RECORDED = "session.record_ep_graph_assignment_info"
_SHAPES = frozenset(("Shape", "Size"))
_MOST_TYPES = 6  # in a note; the record has all


@dataclass(frozen=True)
class Placed:
    """An operator and where it runs.

    Attributes:
        name: the node's own name, or the one that `record` gave it.
        op: its type.
        provider: who runs it.
        of_shapes: whether it computes with shapes only, which onnxruntime does on the CPU on purpose.
    """

    name: str
    op: str
    provider: str
    of_shapes: bool


@dataclass(frozen=True)
class Placement:
    """Where a session's operators run, after onnxruntime has simplified its graph.

    Attributes:
        operators: how many there are.
        elsewhere: those that the session's first provider does not run.
    """

    operators: int
    elsewhere: tuple[Placed, ...]

    @property
    def values_elsewhere(self) -> tuple[Placed, ...]:
        """Those that compute more than shapes."""
        return tuple(one for one in self.elsewhere if not one.of_shapes)

    def beside(self, other: "Placement") -> "Placement":
        """This and what another session of the same part has elsewhere besides."""
        more = [one for one in other.elsewhere if one not in self.elsewhere]
        return Placement(max(self.operators, other.operators), (*self.elsewhere, *more))

    def __str__(self) -> str:
        found = self.values_elsewhere
        shapes = len(self.elsewhere) - len(found)
        providers = " and ".join(sorted({one.provider.removesuffix("ExecutionProvider") for one in found}))
        also = f"; {shapes} more there compute shapes only" if shapes else ""
        return f"{len(found)} of {self.operators} operators run on the {providers}: {_types(found)}{also}"

    def described(self) -> dict[str, Any]:
        """Plain values for a record."""
        return asdict(self) | {"elsewhere": [asdict(one) for one in self.elsewhere]}


@dataclass
class Placements:
    """Where the sessions of a model run their operators.

    Args:
        note: told what the user should know of it.
    """

    note: Callable[[str], None]
    _found: dict[str, Placement | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, part: str, session: ort.InferenceSession, of_shapes: frozenset[str]) -> None:
        """Look at a session, which is `part` of what is run; not, where it runs on the CPU anyway.

        `of_shapes` are names of nodes that compute shapes.
        """
        if session.get_providers()[0] == "CPUExecutionProvider":
            return
        found = placement(session, of_shapes)
        with self._lock:
            known = self._found.get(part)
            self._found[part] = known.beside(found) if known and found else found
        if found is None:
            self.note("which operators run on the CPU is not known: onnxruntime 1.24 and newer tell")
        elif set(found.values_elsewhere).difference(known.values_elsewhere if known else ()):
            self.note(f"{part}: {found}, not on {session.get_providers()[0]}")

    def evidence(self) -> dict[str, object]:
        """What was found, in plain values for run.json; {} where nothing was looked at."""
        told = {part: found.described() if found else None for part, found in self._found.items()}
        return {"placement": told} if told else {}


def record(options: ort.SessionOptions, model: onnx.ModelProto) -> None:
    """Have a session of `model` remember where it runs what; nodes without a name get one, in place."""
    options.add_session_config_entry(_RECORDED, "1")
    taken = {node.name for node in model.graph.node}
    free = (name for i in count() if (name := f"viz_node_{i}") not in taken)
    for node in model.graph.node:
        node.name = node.name or next(free)


def placement(session: ort.InferenceSession, of_shapes: frozenset[str]) -> Placement | None:
    """Where a session runs its operators; None where this onnxruntime does not tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    placed = [
        (part.ep_name, node.name, node.op_type)
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    ]
    return sorted_out(placed, session.get_providers()[0], of_shapes)


def sorted_out(placed: Iterable[tuple[str, str, str]], provider: str, of_shapes: frozenset[str]) -> Placement:
    """What of (provider, node, operator type) is not on `provider`; `of_shapes` are nodes that compute shapes."""
    everything = list(placed)
    elsewhere = [
        Placed(name, op, where, op in _SHAPES or name in of_shapes)
        for where, name, op in everything
        if where != provider
    ]
    return Placement(len(everything), tuple(elsewhere))


def nodes_of_shapes(graph: onnx.GraphProto) -> frozenset[str]:
    """Names of nodes that compute from shapes and stored numbers only."""
    stored = {one.name for one in graph.initializer}
    shapes: set[str] = set()
    found: set[str] = set()
    for node in graph.node:
        given = {name for name in node.input if name}
        if node.op_type == "Constant":
            stored.update(node.output)
        elif node.op_type in _SHAPES or (shapes & given and given <= shapes | stored):
            shapes.update(node.output)
            found.add(node.name)
    return frozenset(found)


def _types(found: Iterable[Placed]) -> str:
    counts: Mapping[str, int] = Counter(one.op for one in found)
    common = sorted(counts, key=lambda op: (-counts[op], op))
    named = [f"{counts[op]} {op}" if counts[op] > 1 else op for op in common[:_MOST_TYPES]]
    return ", ".join([*named, *(["…"] if len(common) > _MOST_TYPES else [])])
