"""A forward pass with its way back: values of layers and where they sit in the autograd graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

# What `Trace.straight_through` says of an image that the model takes as whole numbers.
INPUT_ROUNDING = "rounding of the whole-number input"

# How the backward pass treats rectifiers and, for relevance, every operation: see `viz.adapters.backward_rules`.
Rule = Literal["plain", "guided", "deconvnet", "redirected", "lrp-epsilon", "lrp-epsilon-plus-flat"]


@dataclass(frozen=True)
class Edge:
    """Where a layer sits in the autograd graph, for gradients with respect to it.

    What `Trace.values` holds may be a copy or another arrangement of what the model went on with; a gradient
    with respect to the copy would be none. `source` is what the model went on with (a tensor, or a
    `torch.autograd.graph.GradientEdge`), and `arrange` brings its gradient into the form of the layer's value.
    Where the images were run in pieces, `pieces` are the edges of these, in order, and `source` is not used.
    """

    source: Any = None
    arrange: "Callable[[Tensor], Tensor]" = lambda gradient: gradient
    pieces: "tuple[Edge, ...]" = ()


@dataclass(frozen=True)
class Trace:
    """Layers of one forward pass with their autograd graph back to the images.

    Attributes:
        edges: where layers sit in the graph; a layer that is not listed is its value itself.
        values: what `Adapter.run` gives, as float32 tensors on the model's device, batch first.
        changed: operations whose backward the rule changed, and how many: `{"Relu": 17}`.
        ended: operations that no gradient passes, as far as they were met: `ArgMax 'head'`.
        straight_through: operations, such as QuantizeLinear, that a gradient passes as if they were not there.
    """

    values: Mapping[str, "Tensor"]
    changed: Mapping[str, int] = field(default_factory=dict)
    ended: tuple[str, ...] = ()
    straight_through: tuple[str, ...] = ()
    edges: Mapping[str, Edge] = field(default_factory=dict)

    def edge(self, layer: str) -> Edge:
        """Where a layer sits in the graph."""
        return self.edges.get(layer) or Edge(self.values[layer])
