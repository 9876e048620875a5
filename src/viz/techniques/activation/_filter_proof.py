"""The proof that filters are drawn rightly: the model's own layer is given them, and has to answer with their norms.

Of all inputs u of length 1, a weighted sum w . u is largest for u = w / ||w||, where it is ||w||. So a linear
layer's values must differ by a * ||w|| between an image and the same image with a * w / ||w|| added at a window.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ModelError, NotSupported
from viz.core.layer import Layer
from viz.core.result import FloatArray
from viz.techniques.activation._filter_findings import ZERO
from viz.techniques.activation._filter_set import FilterSet
from viz.techniques.activation._filter_windows import (
    Windows,
    answers,
    answers_in_rows,
    planted,
    planted_rows,
    windows_in,
)

EXACT, ROUNDED = 1e-4, 5e-2  # of the norm: in float32, and where the model itself rounds more
_GRAY = np.float32(0.5)
_NEAREST = 6  # layers before this one that may be its input
_FLOAT32 = 1e-3  # `Adapter.forward_tolerance` of a model that computes in float32 throughout
Run = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Proof:
    """What the layer answered.

    Attributes:
        measured: (n,) its answers to inputs of length 1; NaN for dead filters, and where nothing was tried.
        deviation: the largest |measured - norm| / norm; NaN where nothing was tried.
        tolerance: how large that may be.
        reason: why nothing was tried; "" where it was.
    """

    measured: FloatArray
    deviation: float
    tolerance: float = EXACT
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the answers are the norms."""
        return not self.reason and self.deviation <= self.tolerance

    def describe(self) -> str:
        """One sentence for the page."""
        if self.reason:
            return f"Not checked on the model: {self.reason}."
        rounding = " (the model rounds)" if self.tolerance > EXACT else ""
        verdict = "is ||w||" if self.holds else "is NOT ||w||"
        return f"Checked on the model: the layer's answer to w/||w|| {verdict}, to {self.deviation:.1e}{rounding}."


def proof(model: Adapter, filters: FilterSet) -> Proof:
    """Try all live filters on the model; see `Proof`."""
    if reason := _no_plain_sum(filters.kernel.op):
        return _not_tried(filters, reason)
    return _on_image(model, filters) if filters.kernel.on_image else _on_inner_input(model, filters)


def _no_plain_sum(op: str) -> str:
    """Why the layer's values are not the weighted sums themselves; "" where they are."""
    if "transpose" in op.lower():
        return "it spreads its inputs, and no window of them belongs to one output"
    if op.startswith("QLinear") or op == "QGemm":
        return "its values are stored as whole numbers, in steps of their own"
    return "its activation is part of it" if "Fused" in op else ""


def _not_tried(filters: FilterSet, reason: str) -> Proof:
    return Proof(np.full(len(filters.norms), np.nan, np.float32), float("nan"), EXACT, reason)


def _on_image(model: Adapter, filters: FilterSet) -> Proof:
    """Filters on mid-gray, as strong as pixel values allow."""
    kernel, count = filters.kernel, len(filters.norms)
    windows = windows_in(filters, model.size, model.receptive_field(kernel.layer))
    if not windows.corners:
        return _not_tried(filters, "no window of it lies inside the image")
    strengths = _strengths(filters, float(_GRAY))
    images = _GRAY + planted(filters, windows, (3, *model.size), strengths)
    gray = np.full((1, 3, *model.size), _GRAY, np.float32)

    def answered(pixels: FloatArray) -> FloatArray:
        return _unrounded(model, pixels, kernel.layer)

    return _judged(model, filters, _differences(answered, images, gray, windows, count), strengths)


def _differences(run: Run, planted: FloatArray, empty: FloatArray, windows: Windows, count: int) -> FloatArray:
    """Each filter's channel at its window, less what it is there without any filter."""
    return answers(run(planted), windows, count) - answers(run(empty), windows, count)


def _unrounded(model: Adapter, pixels: FloatArray, layer: str) -> FloatArray:
    try:
        return model.run_unrounded(pixels, [layer])[layer]
    except NotSupported:
        return model.run(pixels, [layer])[layer]


def _strengths(filters: FilterSet, largest: float) -> FloatArray:
    """By what each unit input is multiplied, so that its largest value is `largest`."""
    peaks = np.abs(filters.units).max((1, 2, 3))
    found: FloatArray = (largest / np.where(peaks > 0, peaks, 1)).astype(np.float32)
    return found


def _judged(model: Adapter, filters: FilterSet, differences: FloatArray, strengths: FloatArray) -> Proof:
    measured = (differences * filters.factors / strengths).astype(np.float32)
    live = filters.norms > ZERO * np.median(filters.norms)
    deviation = float((np.abs(measured - filters.norms)[live] / filters.norms[live]).max(initial=0))
    exact = deviation <= EXACT or not _rounds(model, differences)
    return Proof(np.where(live, measured, np.float32(np.nan)), deviation, EXACT if exact else ROUNDED)


def _rounds(model: Adapter, values: FloatArray) -> bool:
    """Whether the model computes in whole numbers or in half precision."""
    return model.forward_tolerance > _FLOAT32 or bool(np.array_equal(values, values.astype(np.float16)))


def _on_inner_input(model: Adapter, filters: FilterSet) -> Proof:
    """Filters in place of the values of the layer before, where one is found that this layer follows from alone."""
    nearest = _not_tried(filters, "its input is no layer that the model can be run from")
    for layer in _before(model, filters):
        try:
            found = _run_from(model, filters, layer)
        except ModelError:  # something goes around this layer, or it is no input of the other
            continue
        if found is not None and found.holds:
            return found
    return nearest


def _before(model: Adapter, filters: FilterSet) -> list[Layer]:
    """The layers just before, nearest first."""
    every = list(model.layers.values())
    place = [layer.name for layer in every].index(filters.kernel.layer)
    return every[max(0, place - _NEAREST) : place][::-1]


def _run_from(model: Adapter, filters: FilterSet, layer: Layer) -> Proof | None:
    """None where the layer's shape is not that of the filters' input."""
    name, count, inputs = filters.kernel.layer, len(filters.norms), filters.weights.shape[1] * filters.kernel.groups
    shape = tuple(length for length in (layer.shape or ())[1:] if length is not None)
    strengths = _strengths(filters, 1.0)

    def run(values: FloatArray) -> FloatArray:
        return model.run_from(layer.name, values, [name])[name]

    if len(shape) == 3 and shape[0] == inputs:
        windows = windows_in(filters, (shape[1], shape[2]))
        if not windows.corners:
            return None
        values = planted(filters, windows, (inputs, shape[1], shape[2]), strengths)
        found = _differences(run, values, np.zeros_like(values[:1]), windows, count)
    elif shape and shape[-1] == inputs and filters.size == (1, 1):
        values = planted_rows(filters, shape, strengths)
        found = answers_in_rows(run(values), count) - answers_in_rows(run(np.zeros_like(values[:1])), count)
    else:
        return None
    return _judged(model, filters, found, strengths)
