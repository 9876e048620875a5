"""Gradients for an ONNX file: the executor's values are held against onnxruntime's before they are used."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from viz.core.adapter import FORWARD_ONLY, Rule, Trace
from viz.core.agreement import Agreement, difference, differences, in_halves
from viz.core.errors import ModelError
from viz.core.result import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from viz.adapters.onnx_torch.differentiable import DifferentiableGraph

# Largest difference that is still rounding, relative to a tensor's largest value.
TOLERANCE = {"float32": 1e-3, "float16": 3e-2, "quantized": 1e-2}

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
        self._rounds = tolerance == "quantized"
        self._graph: DifferentiableGraph | None = None
        self.differences: dict[str, float] = {}
        self._outputs_seen = False
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
        if not self._is_checked(layers):
            self._check(pixels[:1].detach().cpu().float().numpy(), layers)
        found = self.graph.trace(pixels, layers, rule)
        self.notes = self.graph.notes
        return found

    def agreement(self, image: FloatArray) -> Agreement:
        """See `Adapter.agreement`, for an image (1, 3, h, w)."""
        names = list(self._order())
        found = self._by_operation(image, names) if self._rounds else dict(self._end_to_end(image, names))
        if max(found.values(), default=0) <= self.tolerance:
            self.differences.update(found)  # need not be compared again
        return Agreement(found, "each operation by itself" if self._rounds else "from the image to each layer")

    def evidence(self) -> dict[str, object]:
        """The largest difference from onnxruntime per tensor, and what it was held against."""
        if not self.differences:
            return {}
        return {
            "forward_check": "each operation by itself" if self._rounds else "from the image to each layer",
            "forward_difference": dict(self.differences),
            "forward_tolerance": self.tolerance,
            "operators": {name: dict(tiers) for name, tiers in self.graph.program.coverage().items()},
        }

    def _is_checked(self, layers: Sequence[str]) -> bool:
        """Whether nothing is left to compare, so that the image need not be fetched from its device."""
        if self._rounds:
            return bool(self.differences)
        return self._outputs_seen and all(name in self.differences for name in layers)

    def _check(self, image: FloatArray, layers: Sequence[str]) -> None:
        """Compare on the user's own image what has not been compared yet: `layers`, and the outputs the first time."""
        if self._rounds:
            if not self.differences:
                self._compared(image, self.agreement(image).differences)
            return
        new = [name for name in layers if name not in self.differences]
        if new:
            ours, theirs = self._executed(image, new), self._run(image, new)
            self._compared(image, {name: difference(ours[name], theirs[name]) for name in new})
        if not self._outputs_seen:
            others = [name for name in self._outputs if name not in self.differences]
            # Some outputs, such as lists of boxes, have no row per image: they are left out.
            self._compared(image, dict(self._end_to_end(image, others)))
            self._outputs_seen = True

    def _compared(self, image: FloatArray, found: Mapping[str, float]) -> None:
        """Keep the figures, unless one shows that the executor is wrong."""
        worst = max(found, key=lambda name: found[name], default=None)
        if worst is not None and found[worst] > self.tolerance:
            everywhere = found if self._rounds else self.agreement(image).differences
            first = next((name for name, size in everywhere.items() if size > self.tolerance), worst)
            raise self._disagreement(first, everywhere.get(first, found[worst]))
        self.differences.update(found)

    def _end_to_end(self, image: FloatArray, names: Sequence[str]) -> Iterator[tuple[str, float]]:
        """Each tensor as it comes out for the image."""
        return differences(names, lambda some: self._executed(image, some), lambda some: self._run(image, some))

    def _by_operation(self, image: FloatArray, names: Sequence[str]) -> dict[str, float]:
        """Each tensor as its node makes it from what onnxruntime gave that node."""
        import torch

        images = image.repeat(self.graph.images_at_once, 0)
        shown = in_halves(names, lambda some: self._run(images, some))
        theirs = {name: value for part in shown for name, value in part.items()}
        return self.graph.operation_differences(torch.from_numpy(images), theirs)

    def _executed(self, image: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
        import torch

        with torch.no_grad():
            values = self.graph.trace(torch.from_numpy(np.array(image)), names).values
        return {name: value.cpu().numpy() for name, value in values.items()}

    def _disagreement(self, name: str, size: float) -> ModelError:
        return ModelError(
            f"{self._name}: the first tensor that the gradient executor computes otherwise than onnxruntime is "
            f"{name!r}, by {size:.2g} of its range (allowed: {self.tolerance:g}): its gradients would be wrong",
            "please report the operator that makes it (`viz layers` names it); " + FORWARD_ONLY,
        )
