"""Every layer twice on the same image: by the runtime and by the gradient pass."""

from dataclasses import dataclass

from viz.core.adapter import Adapter
from viz.core.result import FloatArray


@dataclass(frozen=True)
class LayerAgreement:
    """One layer: its name, its operator, and how far the two are apart, relative to its largest value."""

    name: str
    op: str
    difference: float


def compare_layers(model: Adapter, image: FloatArray) -> list[LayerAgreement]:
    """All layers that both can show, in execution order, for an image (3, h, w)."""
    return [LayerAgreement(name, model.layers[name].op, size) for name, size in model.agreement(image).items()]
