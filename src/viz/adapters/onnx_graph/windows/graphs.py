"""The clean graph and the window graph of a model, and what to feed to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viz.adapters.onnx_graph.cutting import needed_for
from viz.adapters.onnx_graph.windows.assembling import Assembly, Skeleton
from viz.adapters.onnx_graph.windows.building import PREFIX, SLOTS, Building
from viz.adapters.onnx_graph.windows.context import Batch, Cells, Rows, gathering
from viz.adapters.onnx_graph.windows.facts import Facts
from viz.adapters.onnx_graph.windows.grouping import Costs
from viz.adapters.onnx_graph.windows.making import Making
from viz.adapters.onnx_graph.windows.reach import Reach
from viz.adapters.onnx_graph.windows.windowed import Whole, Windowed
from viz.core.patch_plan import LayerPlan

# From this share of a map on, a window costs about what the whole map does (measured: docs/decisions/0014).
LARGEST_SHARE = 0.9


@dataclass(frozen=True, eq=False)
class WindowGraphs:
    """Two graphs made from one, and what to feed to them.

    Attributes:
        clean: gives the rows of the clean maps, and clean values, for any number of images.
        window: gives the wanted tensors, for any number of variants.
        outputs: for every wanted tensor its name among the window graph's outputs.
        clean_outputs: the clean graph's outputs, which are inputs of the window graph under the same names.
        layers: what is computed how.
        first_whole: why whole maps are computed, and from which operation on; "" where none are.
        costs: what windows cost, to put variants together.
        gain: how many times faster than whole passes they are expected to be, all in all.
    """

    clean: Skeleton
    window: Skeleton
    outputs: Mapping[str, str]
    clean_outputs: tuple[str, ...]
    layers: tuple[LayerPlan, ...]
    first_whole: str
    costs: Costs
    gain: float
    _rows: tuple[Rows, ...]
    _cells: Mapping[str, Cells]
    _weights: Mapping[str, tuple[Reach, int, NDArray[np.float32]]]
    _shapes: Mapping[str, Windowed]
    _needs_slots: bool

    def feeds(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """The window graph's inputs that say where the windows of a batch lie."""
        found: dict[str, NDArray[np.generic]] = {}
        for rows in self._rows:
            found.update(gathering(rows, batch))
        found.update({name: of.rows(batch) for name, of in self._cells.items()})
        for name, (reach, axis, weights) in self._weights.items():
            length, first = batch.windows(reach)[axis]
            found[name] = weights[first[:, None] + np.arange(length)]
        for name, held in self._shapes.items():
            (height, _), (width, _) = batch.windows(held.reach)
            lengths = [held.shape[axis] for axis in held.rest]
            found[name] = np.array([len(batch), height, width, *lengths], np.int64)
        if self._needs_slots:
            found[SLOTS] = batch.slots.astype(np.int32)
        return found


def window_graphs(
    facts: Facts, side: int, wanted: Sequence[str], cap: float | None = None, largest_share: float = LARGEST_SHARE
) -> WindowGraphs:
    """Both graphs for squares of `side` pixels and the values of `wanted`. Raises `Whole` where there can be none."""
    making = Making(Building(facts, side, cap, largest_share))
    needed = needed_for(facts.graph, wanted)
    for node in facts.graph.node:
        if needed.intersection(node.output):
            making.add(node)
    if not any(layer.way == "window" for layer in making.layers):
        raise Whole(making.first_whole or "no layer depends on the image")
    return _finished(making, wanted)


def _finished(making: Making, wanted: Sequence[str]) -> WindowGraphs:
    """Both graphs, without what nothing needs."""
    building, assembly = making.building, Assembly(making.building)
    outputs = {
        name: building.emit("Identity", [building.whole_map(name)], output=f"{PREFIX}of_{name}") for name in wanted
    }
    window = assembly.window(list(outputs.values()))
    needed, rows = window.inputs, list(building.rows.values())
    clean = [name for name in [*(one.clean for one in rows), *building.clean_values.values()] if name in needed]
    used = [replace(one, contexts=[context for context in one.contexts if context.index in needed]) for one in rows]
    used = [one for one in used if one.contexts]
    for one in used:
        making.worth.add_gathering(one, building.windows[one.tensor].values)
    return WindowGraphs(
        clean=assembly.clean(clean),
        window=window,
        outputs=outputs,
        clean_outputs=tuple(clean),
        layers=tuple(making.layers),
        first_whole=making.first_whole,
        costs=making.costs,
        gain=making.worth.gain,
        _rows=tuple(used),
        _cells={name: of for name, of in building.cells.items() if name in needed},
        _weights={name: given for name, given in building.weights.items() if name in needed},
        _shapes={name: of for name, of in building.shapes.items() if name in needed},
        _needs_slots=SLOTS in needed,
    )
