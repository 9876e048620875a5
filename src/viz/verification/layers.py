"""Every layer twice on the same image: by the runtime and by the gradient pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.agreement import differences
from viz.core.result import FloatArray


@dataclass(frozen=True)
class LayerAgreement:
    """One layer: its name, its operator, and how far the two are apart, relative to its largest value."""

    name: str
    op: str
    difference: float


def compare_layers(model: Adapter, image: FloatArray) -> list[LayerAgreement]:
    """All layers that both can show, in execution order. Tensors without a row per image are left out."""
    found = differences(
        list(model.layers),
        lambda names: _traced(model, image, names),
        lambda names: model.run(image[None], names),
    )
    return [LayerAgreement(name, model.layers[name].op, size) for name, size in found]


def _traced(model: Adapter, image: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
    import torch

    with torch.no_grad():
        found = model.trace_unchecked(torch.from_numpy(np.array(image[None])), names).values
    return {name: value.float().cpu().numpy() for name, value in found.items()}
