"""Operations of two operands that both follow from the image: who gets the relevance."""

from torch import Tensor

from viz.adapters.backward_rules import names
from viz.adapters.backward_rules.layers import summed
from viz.adapters.backward_rules.lineage import Lineage
from viz.adapters.backward_rules.operation import Operation, depends_on_image


def signal_of(op: Operation, lineage: Lineage) -> Tensor | None:
    """Of a product or quotient, the operand that gets everything; None where it cannot be told.

    A constant gets nothing, nor does a denominator, nor a gate: the operand that came out of a sigmoid or its
    like or, where neither or both did, the one that is the same for many values of the other (Arras et al.
    2017, arXiv 1706.07206, section 3.1: "the signal takes all").
    """
    first: Tensor = op.x
    second: Tensor = op.argument(1, "other")
    if not depends_on_image(second):
        return first
    is_product = op.name in ("mul", "multiply")
    if not depends_on_image(first):
        return second if is_product else None
    if not is_product:
        return first
    if first is second:
        return None
    gates = [lineage.squashed(first), lineage.squashed(second)]
    if gates[0] == gates[1]:
        gates = [first.numel() < second.numel(), second.numel() < first.numel()]
    if gates[0] == gates[1]:
        return None
    return second if gates[0] else first


def sampled(op: Operation) -> Tensor:
    """Sampling at places: all to the values, none to the places (they are a gate, as it were)."""
    grid = op.argument(1, "grid")
    return summed(op.with_argument(grid.detach(), 1, "grid"))


def contracted(op: Operation) -> Tensor | None:
    """Sums of products: a layer where one operand follows from the image; None (attention) where two do."""
    if op.name not in names.CONTRACTIONS or len(op.image_dependent()) != 1:
        return None
    return summed(op)
