"""Layer-wise relevance propagation: what flows back in place of gradients is relevance, shared out and conserved.

Bach et al. 2015 (doi 10.1371/journal.pone.0130140); Montavon et al. 2019 (doi 10.1007/978-3-030-28954-6_10).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from viz.adapters.backward_rules import names, shares
from viz.adapters.backward_rules.ancestry import Ancestry
from viz.adapters.backward_rules.changes import Changes
from viz.adapters.backward_rules.layers import Layer, epsilon, flat, layer, plus, scaled, summed
from viz.adapters.backward_rules.lineage import Lineage
from viz.adapters.backward_rules.normalizations import batch_affine, normalized
from viz.adapters.backward_rules.operation import Operation, depends_on_image, tensors_in, with_tensors
from viz.adapters.backward_rules.steps import refused, with_path
from viz.adapters.pixel_encoding import encode, made_of
from viz.core.adapter import FORWARD_ONLY, Rule


class Relevance:
    """The rules `lrp-epsilon` and `lrp-epsilon-plus-flat`.

    `lrp-epsilon`: LRP-epsilon for every layer. `lrp-epsilon-plus-flat`: flat for layers that read the image,
    positive contributions for other convolutions, epsilon for dense layers (EpsilonPlusFlat in the
    literature). In both, sums, pools and normalizations pass by epsilon, activations pass all, maxima pass to
    the winner, a product passes all to the signal and none to its gate, and what only moves values moves
    relevance. Preprocessing passes all to the pixel that a value was made of. A batch normalization after a
    convolution is one layer with it. What comes back to any other operation raises `NotSupported`.
    """

    def __init__(self, rule: Rule, changes: Changes, strict: bool):
        self._rule, self._changes = rule, changes
        self._lineage, self._ancestry = Lineage(), Ancestry(strict)

    def __call__(self, op: Operation) -> Any:
        """See `Treatment`."""
        if not any(map(depends_on_image, op.tensors())):
            return None
        if op.function is encode:
            return with_path(made_of(*op.arguments[:2]), op.value())
        checked = self._ancestry.checked(op, self._rule)
        if op.name in names.ROUTING:
            return None if checked is op else checked()
        treated = self._treated(checked)
        if treated is None:
            return self._refused(checked)
        self._changes.counts[op.name] += 1
        return treated

    def seen(self, op: Operation, result: Any) -> None:
        """See `Treatment`."""
        self._lineage.note(op, result)
        self._ancestry.note(op, result)

    def _treated(self, op: Operation) -> Tensor | None:
        """The result; None where there is no rule."""
        for group, treat in _TREATMENTS:
            if op.name in group:
                return treat(self, op)
        found = layer(op)
        return shares.contracted(op) if found is None else self._layer(found, op.value())

    def _layer(self, found: Layer, value: Tensor) -> Tensor:
        """By the composite's choice; `value` is what the model goes on with."""
        if self._rule == "lrp-epsilon":
            return epsilon(found, value)
        if self._ancestry.is_raw(found.x):
            return flat(found, value)
        return plus(found, value) if found.is_convolution else epsilon(found, value)

    def _pass(self, op: Operation) -> Tensor:
        return with_path(op.x, op.value())

    def _normalization(self, op: Operation) -> Tensor:
        return normalized(op, op.value())

    def _sampling(self, op: Operation) -> Tensor:
        return shares.sampled(op)

    def _sum(self, op: Operation) -> Tensor:
        """Constants added to the pixels themselves are preprocessing, and take nothing."""
        operands = op.image_dependent()
        if op.name in names.ADDITIONS and len(operands) == 1 and self._ancestry.is_raw(operands[0]):
            value = op.value()
            return with_path(operands[0].expand_as(value), value)
        return summed(op)

    def _product(self, op: Operation) -> Tensor | None:
        signal = shares.signal_of(op, self._lineage)
        if signal is None:
            return None
        value = op.value()
        return with_path(signal.expand_as(value), value)

    def _batch_norm(self, op: Operation) -> Tensor | None:
        """With the convolution before it where there is one; a normalization of pixels is preprocessing."""
        affine = batch_affine(op)
        if affine is None:
            return None
        if self._ancestry.is_raw(op.x):
            return with_path(op.x, op.value())
        before = self._ancestry.layer_of(op.x)
        if before is None or not before.has_outputs_first:
            return summed(op)
        return self._layer(scaled(before, *affine), op.value())

    def _refused(self, op: Operation) -> Any:
        """What it gives, with an error for whatever comes back: it may lie off the path."""
        result = op()
        if not any(map(depends_on_image, tensors_in(result))):
            return result
        self._changes.refused[op.name] += 1
        problem = f"{self._rule} has no rule for {op.name}, which lies between the target and the pixels"
        next_step = f"use viz integrated-gradients or saliency; {FORWARD_ONLY}"
        return with_tensors(result, lambda found: refused(found, problem, next_step))


_TREATMENTS: tuple[tuple[frozenset[str], Callable[[Relevance, Operation], Tensor | None]], ...] = (
    (names.ACTIVATIONS | names.SCALINGS, Relevance._pass),
    (names.SUMS, Relevance._sum),
    (names.PRODUCTS, Relevance._product),
    (names.BATCH_NORMS, Relevance._batch_norm),
    (names.NORMALIZATIONS, Relevance._normalization),
    (names.SAMPLINGS, Relevance._sampling),
)
