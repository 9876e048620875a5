"""One layer's filters: sheet, raw arrays, figures, findings and the proof."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from viz.core.adapter import Adapter
from viz.core.images import Pixels
from viz.core.making import Picture, Plot
from viz.core.result import FloatArray, Number
from viz.techniques.activation._filter_captions import are_pictures, not_pictures
from viz.techniques.activation._filter_components import Components, components, how_many
from viz.techniques.activation._filter_drawing import components_drawn, drawn
from viz.techniques.activation._filter_findings import Findings, described, findings, sorted_norms
from viz.techniques.activation._filter_order import order
from viz.techniques.activation._filter_proof import Proof, proof
from viz.techniques.activation._filter_set import FilterSet, filter_set

if TYPE_CHECKING:
    from viz.techniques.activation.filters import Filters


def filter_picture(asked: "Filters", model: Adapter, layer: str) -> Picture:
    """All that is to be shown of the filters of a kernel's own layer.

    Arrays: `image`, the sheet; `weights` (n, inputs / groups, rows, columns) and `bias` (n,), with the normalization
    where it was folded in; `filters` (n, c, rows, columns), of length 1, on the image in pixel colours (c = 3);
    `norms` (n,), their lengths before; `order` (n,), as drawn; `measured` (n,), what the model's own layer answered
    to `filters`; `dead` (k,), `twins` and `negatives` (k, 2), indices; `components` and `explained` where shown.
    """
    filters = filter_set(model.kernel(layer), asked.fold_norm)
    found, tried, places = findings(filters), proof(model, filters), order(filters, asked.sort)
    parts = _components(asked, filters)
    image = drawn(asked, filters, places, found.dead, tried.describe())
    panels: dict[str, Pixels] = {}
    if parts is not None:
        panels["components"] = components_drawn(parts, filters, asked.tile)
    return Picture(
        arrays=_arrays(image, filters, found, tried, places, parts),
        numbers=_numbers(filters, found, tried),
        warnings=(*_warnings(asked, model, filters, tried), *described(found)),
        exact=image,
        panels=panels,
        plots={"norms": Plot(sorted_norms(filters), "norm of each filter, longest first")},
    )


def _components(asked: "Filters", filters: FilterSet) -> Components | None:
    count = how_many(asked.components, filters.size) if filters.kernel.on_image else 0
    found = components(filters.seen, count) if count else None
    return found if found is not None and len(found.shares) else None


def _arrays(
    image: Pixels, filters: FilterSet, found: Findings, tried: Proof, places: NDArray[np.intp], parts: Components | None
) -> dict[str, NDArray[Any]]:
    shown: FloatArray = (image.transpose(2, 0, 1) / np.float32(255)).astype(np.float32)
    arrays: dict[str, NDArray[Any]] = {
        "image": shown,
        "weights": filters.weights,
        "bias": filters.bias,
        "filters": filters.units,
        "norms": filters.norms,
        "order": places,
        "measured": tried.measured,
        "dead": found.dead,
        "twins": found.twins,
        "negatives": found.negatives,
    }
    if parts is not None:
        arrays |= {"components": parts.patterns, "explained": parts.shares}
    return arrays


def _numbers(filters: FilterSet, found: Findings, tried: Proof) -> dict[str, Number]:
    numbers: dict[str, Number] = {
        "filters": len(filters.norms),
        "rows": filters.size[0],
        "columns": filters.size[1],
        "inputs": filters.weights.shape[1] * filters.kernel.groups,
        "groups": filters.kernel.groups,
        "dead": len(found.dead),
        "duplicates": found.duplicates,
        "negatives": len(found.negatives),
        "largest_norm": float(filters.norms.max()),
        "median_norm": float(np.median(filters.norms)),
    }
    if not tried.reason:
        numbers["proof_deviation"] = tried.deviation
    return numbers


def _warnings(asked: "Filters", model: Adapter, filters: FilterSet, tried: Proof) -> list[str]:
    texts = []
    if not filters.kernel.on_image and not (are_pictures(filters) and filters.weights.shape[1] == 1):
        texts.append(not_pictures(filters, model))
    if asked.fold_norm and not filters.folded:
        texts.append(f"no batch normalization follows {filters.kernel.layer!r}: nothing was folded in")
    if asked.components and not filters.kernel.on_image:
        texts.append(f"components are of filters on the image, which those of {filters.kernel.layer!r} are not")
    if tried.reason or not tried.holds:
        texts.append(tried.describe().rstrip("."))
    return texts
