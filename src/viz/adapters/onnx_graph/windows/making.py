"""One pass over a model's nodes: each is written by windows, on whole maps, or as it is."""

import numpy as np
import onnx

from viz.adapters.onnx_graph.receptive_field.tracing import VALUE_FREE
from viz.adapters.onnx_graph.walking import graphs_of
from viz.adapters.onnx_graph.windows.building import Building
from viz.adapters.onnx_graph.windows.grouping import Costs
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.rules import RULES
from viz.adapters.onnx_graph.windows.windowed import Whole
from viz.adapters.onnx_graph.windows.worth import Worth
from viz.core.patch_plan import LayerPlan

DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})


class Making:
    """The pass.

    Attributes:
        building: the nodes written so far.
        layers: what is computed how.
        first_whole: why whole maps are computed, and from which operation on; "" where none are.
        worth: what that costs.
    """

    def __init__(self, building: Building):
        self.building, self._facts = building, building.facts
        self.first_whole = ""
        self.layers: list[LayerPlan] = []
        self.worth = Worth()
        self._costs: list[tuple[Reach, float]] = []
        self._fixed_cost = 0.0

    @property
    def costs(self) -> Costs:
        """What windows cost, by layer."""
        return Costs([reach for reach, _ in self._costs], np.array([cost for _, cost in self._costs]), self._fixed_cost)

    def add(self, node: onnx.NodeProto) -> None:
        """Write a node by windows, on whole maps, or as it is where the image does not matter to it."""
        building = self.building
        moving = [name for name in node.input if name in self._facts.moving]
        if any(graphs_of(node)) and self._inner_reads(node):
            raise Whole(f"{node.op_type} {node.name!r} holds graphs of its own")
        if node.op_type in VALUE_FREE and moving:
            self._add_shape(node)
        elif not moving:
            building.nodes.append(node)
        else:
            self._add_moving(node)

    def _add_moving(self, node: onnx.NodeProto) -> None:
        building = self.building
        before = building.mark()
        try:
            if any(name in building.whole for name in node.input):
                raise Whole("")
            rule = RULES.get(node.op_type) if node.domain in DOMAINS else None
            if rule is None:
                raise Whole("how it acts on windows is not known")
            rule(building, building.step(node))
        except Whole as reason:
            building.go_back(before)
            self._add_whole(node, str(reason))
        self._plan(node)

    def _add_whole(self, node: onnx.NodeProto, reason: str) -> None:
        building = self.building
        if reason and not self.first_whole:
            self.first_whole = f"{node.op_type} {node.output[0]!r}: {reason}"
        for name in filter(None, node.output):
            building.windows.pop(name, None)
            building.in_rows.discard(name)
            building.whole.add(name)
        building.copy(node, {i: building.whole_map(name) for i, name in enumerate(node.input) if name})

    def _inner_reads(self, node: onnx.NodeProto) -> bool:
        """Whether the graphs inside a node take something of the image from around it."""
        inner = {name for graph in graphs_of(node) for one in graph.node for name in one.input}
        return bool(inner & self._facts.moving)

    def _add_shape(self, node: onnx.NodeProto) -> None:
        """The shape of a window is not that of its map; the number of variants is right."""
        building = self.building
        held = building.windows.get(node.input[0])
        if held is None or node.op_type != "Shape":
            building.copy(node, {0: building.whole_map(node.input[0])})
            return
        lengths = building.emit("Shape", [held.name])
        count = building.emit("Gather", [lengths, building.constant(np.array([0], np.int64))], axis=0)
        rest = building.constant(np.array(held.shape[1:], np.int64))
        whole = building.emit("Concat", [count, rest], axis=0)
        step = building.step(node)
        start, end = step.attribute("start", 0), step.attribute("end", len(held.shape))
        picked = building.constant(np.arange(len(held.shape))[start:end].astype(np.int64))
        building.emit("Gather", [whole, picked], axis=0, output=node.output[0])

    # --- the plan ---------------------------------------------------------------------------

    def _plan(self, node: onnx.NodeProto) -> None:
        building = self.building
        for name in filter(None, node.output):
            held, macs = building.windows.get(name), self._facts.macs.get(name)
            values = int(np.prod((self._facts.shape(name) or (0,))[1:]))
            self.worth.add_layer(macs or 0, values, 1.0 if held is None else held.reach.share)
            if held is not None:
                height, width = held.reach.y.widest, held.reach.x.widest
                positions = held.reach.size[0] * held.reach.size[1]
                self.layers.append(
                    LayerPlan(name, node.op_type, "window", held.reach.size, (height, width), held.reach.share, macs)
                )
                if macs:
                    self._costs.append((held.reach, macs / positions))
            elif name in building.whole:
                size = self._size(name)
                self.layers.append(LayerPlan(name, node.op_type, "full", size, size, 1.0, macs))
                self._fixed_cost += macs or 0

    def _size(self, name: str) -> tuple[int, int]:
        spans, shape = self._facts.spans.get(name), self._facts.shape(name)
        if spans is None or shape is None or None in (spans[0].axis, spans[1].axis):
            return 1, 1
        y, x = (shape[span.axis or 0] for span in spans)
        return y, x
