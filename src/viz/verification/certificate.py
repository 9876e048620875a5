"""What is known about a model's gradients, from runs on an image: the figures and whether they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.gradient_check import GradientCheck, gradient_checks
from viz.core.gradients import input_gradients
from viz.core.result import FloatArray
from viz.core.target import Target, class_target, neuron_target, ranked_classes
from viz.verification.layers import LayerAgreement, listed_layers


@dataclass(frozen=True)
class Certificate:
    """The outcome of `certify`.

    Attributes:
        model: name and runtime.
        layers: forward agreement, layer by layer, in execution order.
        compared: what the agreement is between; see `Agreement.how`.
        forward_tolerance: what is still taken for rounding, relative to a layer's range.
        gradients: directional derivatives of the top class, or the first output, and of an inner channel.
        straight_through: operations that gradients pass as if they were not there. Differences of the runtime
            cannot follow these; `gradients` are then checked without them, in float64.
        problems: why a gradient could not be had, in words.
        operators: what computes each operator and how many nodes of it, where the adapter says.
    """

    model: Mapping[str, str]
    layers: tuple[LayerAgreement, ...]
    compared: str
    forward_tolerance: float
    gradients: tuple[GradientCheck, ...]
    straight_through: tuple[str, ...]
    problems: tuple[str, ...]
    operators: Mapping[str, Mapping[str, int]]

    @property
    def worst_layer(self) -> LayerAgreement | None:
        """The layer with the largest difference."""
        return max(self.layers, key=lambda one: one.difference, default=None)

    @property
    def first_wrong_layer(self) -> LayerAgreement | None:
        """The first layer that differs by more than the tolerance."""
        return next((one for one in self.layers if one.difference > self.forward_tolerance), None)

    @property
    def holds(self) -> bool:
        """True where every check that could be made holds, and at least the forward pass was compared."""
        right = all(check.holds() for check in self.gradients)
        return bool(self.layers) and self.first_wrong_layer is None and right and not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "model": dict(self.model),
            "holds": self.holds,
            "forward": {
                "layers_compared": len(self.layers),
                "compared": self.compared,
                "tolerance": self.forward_tolerance,
                "worst": _layer(self.worst_layer),
                "first_wrong": _layer(self.first_wrong_layer),
                "differences": {one.name: _figure(one.difference) for one in self.layers},
            },
            "gradients": [_as_dict(check) for check in self.gradients],
            "straight_through": list(self.straight_through),
            "problems": list(self.problems),
            "operators": {name: dict(tiers) for name, tiers in self.operators.items()},
        }


def certify(model: Adapter, image: FloatArray, directions: int = 4, seed: int = 0) -> Certificate:
    """Check a model's gradients on an image (3, h, w) in [0, 1].

    Every layer that both can show is computed by the runtime and by the gradient pass; where they agree, the
    gradients of the top class (or of the first output, where there are no classes) and of a channel half way
    through are held against central differences along `directions` random directions. A model without gradients
    has a certificate that does not hold, and says why.
    """
    agreement = model.agreement(image)
    layers = listed_layers(model, agreement)
    wrong = any(one.difference > model.forward_tolerance for one in layers)
    # Gradients of other values than the model's own are not worth a check.
    gradients, passed, problems = ([], (), []) if wrong else _checked(model, image, directions, seed)
    return Certificate(
        {"name": model.source.name, "spec": model.source.spec, "runtime": model.source.runtime},
        layers,
        agreement.how,
        model.forward_tolerance,
        tuple(gradients),
        passed,
        tuple(problems),
        _table(model.evidence().get("operators")),
    )


def _checked(
    model: Adapter, image: FloatArray, directions: int, seed: int
) -> tuple[list[GradientCheck], tuple[str, ...], list[str]]:
    """The checks of all targets, what gradients passed straight through, and why a check could not be made."""
    found: list[GradientCheck] = []
    problems: list[str] = []
    passed: tuple[str, ...] = ()
    for target in _targets(model, image):
        try:
            passed = passed or input_gradients(model, image[None], [target]).straight_through
            found += gradient_checks(model, image, target, directions, seed)
        except NotSupported as problem:
            problems.append(f"{target.label}: {problem.problem}")
    return found, passed, problems


def _targets(model: Adapter, image: FloatArray) -> list[Target]:
    """The top class, and the most active channel of a feature map half way through."""
    found: list[Target] = []
    if model.scores is not None:
        order, _ = ranked_classes(model, image[None])
        found.append(class_target(model, int(order[0, 0])))
    else:
        found.append(neuron_target(model, model.outputs[0], 0))
    maps = [layer for layer in model.layers.values() if layer.shape is not None and len(layer.shape) == 4]
    if maps:
        middle = maps[len(maps) // 2]
        values = model.run(image[None], [middle.name])[middle.name]
        found.append(neuron_target(model, middle.name, int(values[0].mean(axis=(1, 2)).argmax())))
    return found


def _as_dict(check: GradientCheck) -> dict[str, Any]:
    return {
        "target": check.target,
        "differences_of": check.by,
        "relative_error": _figure(check.error),
        "uncertainty": check.uncertainty,
        "by_gradient": list(check.by_gradient),
        "by_differences": list(check.by_differences),
        "holds": check.holds(),
    }


def _layer(found: LayerAgreement | None) -> dict[str, Any] | None:
    return None if found is None else {"layer": found.name, "op": found.op, "difference": _figure(found.difference)}


def _figure(value: float) -> float | str:
    """JSON has no infinity."""
    return value if isfinite(value) else str(value)


def _table(value: object) -> Mapping[str, Mapping[str, int]]:
    return value if isinstance(value, Mapping) else {}
