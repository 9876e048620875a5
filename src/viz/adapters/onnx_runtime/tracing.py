"""Gradients for an ONNX file: the executor's values are held against onnxruntime's before they are used."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import FORWARD_ONLY, Rule, Trace
from viz.core.errors import ModelError
from viz.core.result import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

# Largest difference that is still rounding, relative to a tensor's largest value.
TOLERANCE = {"float32": 1e-3, "float16": 3e-2, "quantized": 5e-2}

Run = Callable[[FloatArray, Sequence[str]], Mapping[str, FloatArray]]


class CheckedTracing:
    """Traces through the executor, each tensor checked against onnxruntime the first time it is asked for.

    Args:
        open_graph: makes the differentiable graph, on first use, in float64 where asked; it imports torch.
        run: the forward pass on onnxruntime.
        order: all tensors of the graph in execution order.
        outputs: the model's outputs, which are checked as well.
        tolerance: a key of `TOLERANCE`.
        name: the model's name, for error messages.
    """

    def __init__(
        self,
        open_graph: "Callable[[bool], DifferentiableGraph]",
        run: Run,
        order: Callable[[], Iterable[str]],
        outputs: Sequence[str],
        tolerance: str,
        name: str,
    ):
        self._open_graph, self._run, self._order = open_graph, run, order
        self._outputs, self._name = tuple(outputs), name
        self.tolerance = TOLERANCE[tolerance]
        self._graph: DifferentiableGraph | None = None
        self.differences: dict[str, float] = {}
        self.notes: tuple[str, ...] = ()

    @property
    def graph(self) -> "DifferentiableGraph":
        """The differentiable graph, made on first use."""
        if self._graph is None:
            self._graph = self._open_graph(False)
        return self._graph

    @cached_property
    def double(self) -> "DifferentiableGraph":
        """The same graph in float64: for checks."""
        return self._open_graph(True)

    def trace(self, pixels: "Tensor", layers: Sequence[str], rule: Rule) -> Trace:
        """See `Adapter.trace`; raises `ModelError` naming the first tensor that differs from onnxruntime's."""
        image = pixels[:1].detach().cpu().float().numpy()
        new = [name for name in layers if name not in self.differences]
        if not self.differences:
            new += [name for name in self._shown(image) if name not in new]
        if new:
            self._check(image, new)
        found = self.graph.trace(pixels, layers, rule)
        self.notes = self.graph.notes
        return found

    def evidence(self) -> dict[str, object]:
        """The largest difference from onnxruntime per tensor, and what it was held against."""
        if not self.differences:
            return {}
        return {
            "forward_difference": dict(self.differences),
            "forward_tolerance": self.tolerance,
            "operators": {name: dict(tiers) for name, tiers in self.graph.program.coverage().items()},
        }

    def _shown(self, image: FloatArray) -> list[str]:
        """The outputs that onnxruntime gives for an image; some, such as lists of boxes, have no row per image."""
        return [name for name in self._outputs if _gives(lambda name=name: self._run(image, [name]))]

    def _check(self, image: FloatArray, names: Sequence[str]) -> None:
        """Compare on the user's own image."""
        from viz.adapters.onnx_torch.agreement import differences, first_that_differs

        theirs = self._run(image, names)
        found = differences(self._executed(image, names), theirs)
        worst = max(found, key=lambda name: found[name])
        if found[worst] > self.tolerance:
            first = first_that_differs(
                self._order(),
                lambda asked: self._executed(image, asked),
                lambda asked: self._run(image, asked),
                self.tolerance,
            )
            raise self._disagreement(first or (worst, found[worst]))
        self.differences.update(found)

    def _executed(self, image: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
        import torch

        with torch.no_grad():
            values = self.graph.trace(torch.from_numpy(np.array(image)), names).values
        return {name: value.cpu().numpy() for name, value in values.items()}

    def _disagreement(self, first: tuple[str, float]) -> ModelError:
        name, size = first
        return ModelError(
            f"{self._name}: the first tensor that the gradient executor computes otherwise than onnxruntime is "
            f"{name!r}, by {size:.2g} of its range (allowed: {self.tolerance:g}): its gradients would be wrong",
            "please report the operator that makes it (`viz layers` names it); " + FORWARD_ONLY,
        )


def _gives(run: Callable[[], object]) -> bool:
    try:
        run()
    except ModelError:
        return False
    return True
