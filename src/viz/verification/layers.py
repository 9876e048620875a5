"""One layer, computed twice: by the runtime and by the gradient pass."""

from dataclasses import dataclass

from viz.core.adapter import Adapter
from viz.core.agreement import Agreement


@dataclass(frozen=True)
class LayerAgreement:
    """One layer: its name, its operator, and how far the two are apart, relative to its largest value."""

    name: str
    op: str
    difference: float


def listed_layers(model: Adapter, found: Agreement) -> tuple[LayerAgreement, ...]:
    """What was found, with the layers' operators."""
    return tuple(LayerAgreement(name, model.layers[name].op, size) for name, size in found.differences.items())
