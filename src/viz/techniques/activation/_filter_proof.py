"""The proof that filters are drawn rightly: the model's own layer is given them, and has to answer with their norms.

Of all inputs u of length 1, a weighted sum w . u is largest for u = w / ||w||, where it is ||w||. So a linear
layer's values must differ by a * ||w|| between an image and the same image with a * w / ||w|| added at a window.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ModelError, NotSupported
from viz.core.result import FloatArray
from viz.techniques.activation._filter_findings import ZERO
from viz.techniques.activation._filter_set import FilterSet
from viz.techniques.activation._filter_windows import Place, Windows, layer_values, planted, windows_on

EXACT, ROUNDED = 1e-4, 5e-2  # of the norm: in float32, and where the model itself computes in whole numbers
_GRAY = 0.5
Run = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Proof:
    """What the layer answered.

    Attributes:
        measured: (n,) its answers to inputs of length 1; NaN for dead filters, and where nothing was tried.
        deviation: the largest |measured - norm| / norm; NaN where nothing was tried.
        tolerance: how large that may be.
        reason: why nothing was tried; "" where it was.
        rounded: the model itself computes in whole numbers.
    """

    measured: FloatArray
    deviation: float
    tolerance: float
    reason: str = ""
    rounded: bool = False

    @property
    def holds(self) -> bool:
        """Whether the answers are the norms."""
        return not self.reason and self.deviation <= self.tolerance

    def describe(self) -> str:
        """One sentence for the page."""
        if self.reason:
            return f"Not checked on the model: {self.reason}."
        rounded = ", which rounds to whole numbers" if self.rounded else ""
        verdict = "equals ||w||" if self.holds else "DIFFERS from ||w||"
        return (
            f"Checked on the model{rounded}: the layer's answer to w/||w|| {verdict}, by {self.deviation:.1g} of it at "
            f"most (allowed: {self.tolerance:g})."
        )


def proof(model: Adapter, filters: FilterSet) -> Proof:
    """Try all live filters on the model; see `Proof`."""
    kernel = filters.kernel
    if reason := _untried(filters):
        return _not_tried(filters, reason)
    if kernel.on_image:
        return _on_image(model, filters)
    return _from_source(model, filters)


def _untried(filters: FilterSet) -> str:
    kernel = filters.kernel
    if kernel.layer_op_is_linear:
        return ""
    return ""


def _not_tried(filters: FilterSet, reason: str) -> Proof:
    return Proof(np.full(len(filters.norms), np.nan, np.float32), float("nan"), EXACT, reason)
