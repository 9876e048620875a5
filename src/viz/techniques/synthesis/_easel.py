"""Where `viz style` paints: the layers it looks at, the size, the photo at that size, the memory it will take."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported
from viz.core.images import Photo
from viz.core.result import FloatArray
from viz.techniques.synthesis._given_picture import middle_of
from viz.techniques.synthesis._style_layers import content_layers, style_layers

if TYPE_CHECKING:
    from viz.techniques.synthesis.style import Style

HISTORY = 2 * 20  # pictures that L-BFGS remembers


@dataclass(frozen=True)
class Easel:
    """A photo (3, h, w) at the size of the painting, the model at that size, and the layers that are looked at.

    `style_layers` has their weights, which sum to 1.
    """

    model: Adapter
    content: FloatArray
    content_layers: tuple[str, ...]
    style_layers: Mapping[str, float]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the painting."""
        return self.content.shape[1], self.content.shape[2]

    def memory_plan(self, optimizer: str) -> str:
        """What the optimization will hold in memory, in words: activations, their gradients, what L-BFGS remembers."""
        height, width = self.size
        shapes = [layer.shape for layer in self.model.layers.values()]
        values = sum(prod(length or 1 for length in shape) for shape in shapes if shape)
        history = HISTORY * 3 * height * width * (optimizer == "lbfgs")
        known = "about" if all(shape and None not in shape[1:] for shape in shapes) else "at least"
        megabytes = 4 * (2 * values + history) / 1e6
        return f"{width}x{height} pixels, {known} {megabytes:,.0f} MB for activations, gradients and the optimizer"


def easel_for(asked: "Style", model: Adapter, photo: Photo) -> Easel:
    """At the photo's own size, or with `longest` pixels on its longer side; else at the model's, with a note."""
    content, style = content_layers(model, asked.content_layer), style_layers(model, asked.style_layer)
    model.note(f"content: {', '.join(content)}; style: {', '.join(f'{n} ({w:.3g})' for n, w in style.items())}")
    size = _size(photo.size, asked.longest)
    try:
        fitted = model if size == model.size else model.at_size(size, list(dict.fromkeys([*content, *style])))
    except NotSupported as problem:
        model.note(f"painted at the model's own size, and the photo cut to it: {problem.problem}")
        fitted, size = model, model.size
    return Easel(fitted, middle_of(photo, size), tuple(content), style)


def _size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    factor = min(1.0, longest / max(size)) if longest else 1.0
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width
