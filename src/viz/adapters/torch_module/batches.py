"""Which axis of a tensor is the batch, and what a model does to images that share one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from viz.adapters.torch_module.program import Program
from viz.adapters.torch_module.survey import Survey, weight_of
from viz.adapters.torch_module.watch import Step
from viz.core.result import FloatArray


@dataclass(frozen=True)
class Place:
    """Where a tensor keeps its images: along `axis`, `fold` entries for each, those of one image together.

    `axis` None: it has no axis for them, being all of a single image.
    """

    axis: int | None = 0
    fold: int = 1

    def in_front(self, tensor: Tensor) -> Tensor:
        """The tensor with the batch as its first axis; folded entries become the second."""
        if self.axis is None:
            return tensor[None]
        moved = tensor.movedim(self.axis, 0)
        return moved if self.fold == 1 else moved.reshape(-1, self.fold, *moved.shape[1:])

    def restored(self, tensor: Tensor) -> Tensor:
        """What `in_front` makes `tensor` of: its images at their place again."""
        if self.axis is None:
            return tensor[0]
        joined = tensor if self.fold == 1 else tensor.reshape(-1, *tensor.shape[2:])
        return joined.movedim(0, self.axis)


def places_by_comparison(one: Survey, several: Survey) -> dict[str, Place]:
    """Places of the tensors that grow with the batch in exactly one axis; the others hold no images."""
    found = {}
    for name, reading in several.readings.items():
        if name in one.readings:
            place = _growing_axis(one.readings[name].shape, reading.shape, several.batch)
            if place is not None:
                found[name] = place
    return found


def _growing_axis(one: tuple[int, ...], several: tuple[int, ...], batch: int) -> Place | None:
    if len(one) != len(several):
        return None
    grown = [axis for axis, (a, b) in enumerate(zip(one, several, strict=True)) if a != b]
    if len(grown) != 1 or several[grown[0]] != batch * one[grown[0]]:
        return None
    return Place(grown[0], one[grown[0]])


def places_in_batches_of(size: int, seen: Survey) -> dict[str, Place]:
    """Places where the model always runs `size` images and there is nothing to compare with."""
    shapes = {name: reading.shape for name, reading in seen.readings.items() if reading.shape}
    if size == 1:
        return {name: Place(0 if shape[0] == 1 else None) for name, shape in shapes.items()}
    return {name: Place(0, shape[0] // size) for name, shape in shapes.items() if shape[0] % size == 0}


def largest_difference(alone: Mapping[str, FloatArray], together: Mapping[str, FloatArray]) -> float:
    """Largest difference relative to the largest value of the same output; infinite where shapes differ."""
    return max((_difference(alone[name], together[name]) for name in together), default=0.0)


def _difference(a: FloatArray, b: FloatArray) -> float:
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    finite = np.isfinite(a)
    if not finite.any():
        return 0.0
    scale = float(np.abs(a[finite]).max()) or 1.0
    return float(np.abs(a[finite] - b[finite]).max()) / scale


def tolerance(dtype: torch.dtype) -> float:
    """How far images run together may stray from images run alone: reduced precision rounds by batch."""
    return 1e-4 if dtype in (torch.float32, torch.float64) else 2e-2


def mixed(program: Program, inputs: Tensor, places: Mapping[str, Place], one: Survey) -> set[str]:
    """Names of folded tensors whose first image's entries are not those that this image has alone.

    A tensor such as torch.cat([x, flipped_x]) grows with the batch and does not keep images together.
    """
    folded = {name: place for name, place in places.items() if place.fold > 1}
    strays: set[str] = set()

    def observe(step: Step) -> None:
        for name, tensor in step.tensors:
            if name in folded and not step.inner:
                weight = weight_of(folded[name].in_front(tensor)[0])
                if abs(weight - one.readings[name].weight) > 1e-3 * max(weight, one.readings[name].weight):
                    strays.add(name)

    if folded:
        with torch.no_grad():
            program(inputs, observe)
    return strays
