"""Guided backpropagation and deconvnet: what comes back through a rectifier, and the activations that are none.

guided (Springenberg et al. 2015, arXiv 1412.6806, section 3.4): what is positive, where the input was above the
kink. deconvnet (Zeiler & Fergus 2013, arXiv 1311.2901, section 2.1): what is positive, wherever it comes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from viz.adapters.backward_rules.changes import Changes
from viz.adapters.backward_rules.lineage import Lineage
from viz.adapters.backward_rules.operation import Operation, depends_on_image, unwrapped
from viz.adapters.backward_rules.steps import rectified, refused
from viz.core.adapter import FORWARD_ONLY, Rule

_SELU_SCALE = 1.0507009873554805  # Klambauer et al. 2017, eq. 14


class Kinks(NamedTuple):
    """Where a rectifier is linear, and how steep it is there.

    `lower` may be 0 or a threshold; `upper` is None where nothing is cut off above.
    """

    lower: float
    upper: float | None = None
    slope: float = 1.0


class Rectifying:
    """The rules `guided` and `deconvnet`.

    Rectifiers are ReLU, ReLU6, Clip and Hardtanh with lower bound 0, Threshold, the maximum with 0, and those
    that leak below: LeakyReLU, PReLU, RReLU, ELU, CELU, SELU. A leak is closed (guided) or opened (deconvnet).
    Above an upper bound nothing passes by either rule. Clips with another lower bound saturate on both sides
    as tanh does, and keep their gradient. SiLU, GELU, Mish, HardSwish and Softplus have no kink: no rule of
    these papers says what to do, and a gradient that reaches one raises `NotSupported`, also where they are
    written out (`x * sigmoid(x)`). What cannot be told from other uses stays plain: `x * (x > 0)`, torch.where.
    """

    def __init__(self, rule: Rule, changes: Changes):
        self._rule, self._changes = rule, changes
        self._lineage = Lineage()

    def __call__(self, op: Operation) -> Any:
        """See `Treatment`."""
        if op.name in _SMOOTH or op.name in _PRODUCTS:
            return self._refusal(op)
        kinks = kinks_of(op)
        if kinks is None:
            return None
        self._changes.counts[op.name] += 1
        return self._rectified(op, kinks)

    def seen(self, op: Operation, result: Any) -> None:
        """See `Treatment`."""
        self._lineage.note(op, result)

    def _rectified(self, op: Operation, kinks: Kinks) -> Tensor:
        x = op.x if depends_on_image(op.x) else op.argument(1, "other")
        with torch.no_grad():
            value = op()
            passing = torch.ones_like(x, dtype=torch.bool)
            if self._rule == "guided":
                passing = x > kinks.lower
            if kinks.upper is not None:
                passing = passing & (x < kinks.upper)
        return rectified(x, value, passing if kinks.slope == 1 else passing * kinks.slope)

    def _refusal(self, op: Operation) -> Any:
        if op.name in _PRODUCTS:
            if not self._lineage.is_written_out_activation(op):
                return None
        elif not depends_on_image(op.x):
            return None
        name = op.name if op.name in _SMOOTH else "x * sigmoid(x) or the like"
        self._changes.refused[name] += 1
        problem = f"{self._rule} is defined for rectifiers; on the way back it met a smooth activation: {name}"
        return refused(op(), problem, f"use viz saliency, integrated-gradients or smoothgrad; {FORWARD_ONLY}")


def kinks_of(op: Operation) -> Kinks | None:
    """Where a rectifier has its kinks; None for any other operation, and for one that no gradient flows through."""
    find = _RECTIFIERS.get(op.name)
    if find is None or not any(depends_on_image(tensor) for tensor in op.tensors()):
        return None
    return find(op)


def _clip(op: Operation) -> Kinks | None:
    return _between(op.argument(1, "min", "min_val"), op.argument(2, "max", "max_val"))


def _hardtanh(op: Operation) -> Kinks | None:
    return _between(op.argument(1, "min_val", default=-1.0), op.argument(2, "max_val", default=1.0))


def _between(lower: Any, upper: Any) -> Kinks | None:
    """Only a clip that starts at 0 is a rectifier; one that starts above guards a division or a logarithm."""
    if lower is None or not _is_zero(lower):
        return None
    return Kinks(0.0, None if upper is None else float(upper))


def _maximum(op: Operation) -> Kinks | None:
    """max(x, 0), in either order."""
    second = op.argument(1, "other")
    constants = [side for side in (op.x, second) if not depends_on_image(side)]
    is_rectifier = isinstance(second, Tensor) and len(constants) == 1 and _is_zero(constants[0])
    return Kinks(0.0) if is_rectifier else None


def _is_zero(value: Any) -> bool:
    return not bool(unwrapped(value).any()) if isinstance(value, Tensor) else value == 0


def _threshold(op: Operation) -> Kinks:
    return Kinks(float(op.argument(1, "threshold")))


_RECTIFIERS: dict[str, Callable[[Operation], Kinks | None]] = {
    **dict.fromkeys("relu leaky_relu prelu prelu_kernel rrelu elu celu".split(), lambda op: Kinks(0.0)),
    "relu6": lambda op: Kinks(0.0, 6.0),
    "selu": lambda op: Kinks(0.0, None, _SELU_SCALE),
    **dict.fromkeys("clamp clip clamp_min".split(), _clip),
    "hardtanh": _hardtanh,
    "threshold": _threshold,
    **dict.fromkeys("maximum max fmax".split(), _maximum),
}
_SMOOTH = frozenset("silu gelu mish hardswish softplus".split())
_PRODUCTS = frozenset("mul multiply div divide true_divide".split())
