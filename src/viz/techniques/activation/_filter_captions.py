"""What one must know to read a sheet of filters, and what to type where filters are no pictures."""

import shlex

from viz.core.adapter import Adapter
from viz.techniques.activation._filter_set import FilterSet

MOST_INPUTS = 16  # tiles beside each other that one can still take in


def are_pictures(filters: FilterSet) -> bool:
    """Whether each filter can be seen as a picture, or as a few: on the image, or few inputs and more than a point."""
    few = filters.weights.shape[1] <= MOST_INPUTS and filters.size != (1, 1)
    return filters.kernel.on_image or few


def heading(filters: FilterSet) -> str:
    """`conv1: 64 filters 11x11 (Conv, 2 groups), batch normalization folded in.`"""
    kernel, (rows, columns) = filters.kernel, filters.size
    groups = f", {kernel.groups} groups" if kernel.groups > 1 else ""
    folded = ", with the batch normalization that follows" if filters.folded else ""
    return f"{kernel.layer}: {len(filters.norms)} filters {rows}x{columns} ({kernel.op}{groups}){folded}."


def colours(filters: FilterSet, gray: bool, scale: float | None) -> str:
    """How colours are to be read; `scale` is what full colour stands for, None where each filter has its own."""
    full = "each filter's own largest value" if scale is None else f"{scale:.2g}, the same for all"
    if gray:
        return f"w/||w||; the model sees gray; mid-gray is 0, black and white are -/+ {full}."
    if filters.kernel.on_image:
        return f"w/||w|| in the image's RGB; mid-gray is 0, a full colour is +/- {full}."
    inputs = filters.weights.shape[1]
    tiles = "one input" if inputs == 1 else f"{inputs} inputs side by side"
    return f"w/||w||, {tiles}; red above 0, blue below, white is 0, full colour is {full}."


def not_pictures(filters: FilterSet, model: Adapter) -> str:
    """Why a deeper layer's filters say little to the eye, and what does."""
    kernel, spec = filters.kernel, shlex.quote(model.source.spec)
    layer = shlex.quote(kernel.layer)
    inputs = filters.weights.shape[1]
    of = f", the channels of {kernel.source!r}," if kernel.source else ", channels of the layer before,"
    last = min(len(filters.norms), 16) - 1
    return (
        f"filters of {kernel.layer!r} are no pictures: each weighs {inputs} inputs{of} which are no colours; "
        f"what excites its units shows `viz maximize --model {spec} --layer {layer} --channel 0-{last}`, and in photos "
        f"`viz patches --model {spec} --layer {layer} DIR`"
    )
