"""Every layer twice on the same image: by the runtime and by the gradient pass."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ModelError
from viz.core.result import FloatArray

Values = dict[str, FloatArray]


@dataclass(frozen=True)
class LayerAgreement:
    """One layer: its name, its operator, and how far the two are apart, relative to its largest value."""

    name: str
    op: str
    difference: float


def compare_layers(model: Adapter, image: FloatArray) -> list[LayerAgreement]:
    """All layers that both can show, in execution order. Tensors without a row per image are left out."""
    names = list(model.layers)
    theirs = dict(_shown(names, lambda some: model.run(image[None], some)))
    ours = dict(_shown(list(theirs), lambda some: _traced(model, image, some)))
    both = [name for name in theirs if name in ours]
    return [LayerAgreement(name, model.layers[name].op, difference(ours[name], theirs[name])) for name in both]


def difference(ours: FloatArray, theirs: FloatArray) -> float:
    """Largest difference relative to the largest magnitude; infinite where shapes or what is finite differ."""
    if ours.shape != theirs.shape or not np.array_equal(np.isfinite(ours), np.isfinite(theirs)):
        return float("inf")
    finite = np.isfinite(theirs)
    if not finite.any():
        return 0.0
    scale = float(np.abs(theirs[finite]).max()) or 1.0
    return float(np.abs(ours[finite].astype(np.float64) - theirs[finite]).max()) / scale


def _shown(names: Sequence[str], run: Callable[[Sequence[str]], Values]) -> Iterator[tuple[str, FloatArray]]:
    """The values of as many of `names` as can be had: all at once, or else in halves down to single ones."""
    if not names:
        return
    try:
        yield from run(names).items()
    except ModelError:
        if len(names) > 1:
            middle = len(names) // 2
            yield from _shown(names[:middle], run)
            yield from _shown(names[middle:], run)


def _traced(model: Adapter, image: FloatArray, names: Sequence[str]) -> Values:
    import torch

    with torch.no_grad():
        found = model.trace(torch.from_numpy(np.array(image[None])), names).values
    return {name: value.float().cpu().numpy() for name, value in found.items()}
