"""Are these the values that images give alone? Row by row, and told apart from the other images' values."""

from collections.abc import Mapping

import torch
from torch import Tensor

# Of the difference between two images: what is closer than this to an image's own value is not another image's.
_NEARER = 0.2
# Below this part of the range, values of different images count as the same: nothing can be told from them.
_ALIKE = 1e-6


def why_rows_differ(
    alone: Mapping[str, Tensor], found: Mapping[str, Tensor], tolerance: float, telling_apart: bool
) -> str:
    """Why `found` are not the values that the images give alone, each (b, …), in words; empty where they are.

    They may differ by `tolerance`, relative to the tensor's largest value. With `telling_apart`, values that
    are too alike between images to show which image they belong to are not believed either.
    """
    for name, own in alone.items():
        reason = _why_differs(own, found[name], tolerance, telling_apart)
        if reason:
            return f"{name!r} {reason}"
    return ""


def _why_differs(own: Tensor, found: Tensor, tolerance: float, telling_apart: bool) -> str:
    if own.shape != found.shape:
        return f"has shape {tuple(found.shape)}, alone {tuple(own.shape)}"
    rows, others = _comparable(own), _comparable(found)
    if not torch.equal(rows.isfinite(), others.isfinite()):
        return "is not finite in the same places as alone"
    rows, others = rows.nan_to_num(0, 0, 0), others.nan_to_num(0, 0, 0)
    scale = float(rows.abs().amax()) if rows.numel() else 0.0
    off = float((rows - others).abs().amax()) / scale if scale else float(others.abs().sum())
    if off > tolerance:
        return f"differs from images run alone by {off:.2g} of the range"
    if not telling_apart:
        return ""
    apart = float(torch.pdist(rows, float("inf")).amin()) / scale if scale else 0.0
    if apart < _ALIKE:
        return "is the same for different images, so that nothing shows whether they are kept apart"
    return f"differs from images run alone by {off:.2g}, images among each other by {apart:.2g}" * (
        off > _NEARER * apart
    )


def _comparable(values: Tensor) -> Tensor:
    """(b, …) -> (b, n) float64, so that whole numbers and booleans are compared as well."""
    return values.reshape(len(values), -1).double()
