"""Which layers a survey looks at: named ones, globs, all, or the last one with positions."""

from collections.abc import Sequence

from viz.core.adapter import Adapter, Layer
from viz.core.errors import NotSupported, UnknownName
from viz.techniques._spatial_layers import Grid, grids
from viz.techniques.activation._layer_plans import is_vector

Choice = tuple[Layer, Grid | None]

_LEAST_TOKEN_WIDTH = 16  # of a transformer; boxes have four coordinates and a score for each class

# Operators that give many positions the same largest value, so that what excites a channel most cannot be told.
_CUT_OFF = ("clip", "relu6", "hardtanh", "hardsigmoid", "clamp", "softmax", "logsoftmax")


def surveyed_layers(model: Adapter, patterns: Sequence[str]) -> list[Choice]:
    """The layers that are meant, in execution order, each with how it lies on the image (None: a vector).

    Raises `UnknownName` for what matches no layer, `NotSupported` for a layer named outright that has no channels,
    for a pattern that matches only such, and for a model without positions where nothing is named.
    """
    choices = _choices(model)
    if not patterns:
        return [_last(model, choices)]
    meant = {name for pattern in patterns for name in _meant(model, pattern, choices)}
    return [choice for name, choice in choices.items() if name in meant]


def _choices(model: Adapter) -> dict[str, Choice]:
    """Every layer that has channels, by name."""
    lying = {grid.layer.name: grid for grid in grids(model)}
    return {
        name: (layer, lying.get(name))
        for name, layer in model.layers.items()
        if name in lying or is_vector(layer.shape)
    }


def _last(model: Adapter, choices: dict[str, Choice]) -> Choice:
    for layer, grid in reversed(choices.values()):
        if grid is not None and not _is_cut_off(layer) and not _is_list_of_boxes(grid):
            model.note(f"patches of {grid.describe()}, the last layer with positions; others with --layer")
            return layer, grid
    raise NotSupported(f"{model.source.name} has no layer with positions on the image", _next(model))


def _is_cut_off(layer: Layer) -> bool:
    return layer.op.lower().startswith(_CUT_OFF)


def _is_list_of_boxes(grid: Grid) -> bool:
    """Whether what looks like tokens is rather what a detector says of its boxes: few numbers for each."""
    width = grid.layer.shape[-1] if grid.kind == "tokens" and grid.layer.shape else None
    return width is not None and width < _LEAST_TOKEN_WIDTH


def _meant(model: Adapter, pattern: str, choices: dict[str, Choice]) -> list[str]:
    if pattern in model.layers or not (set(pattern) & set("*?[") or pattern == "all"):
        layer = model.layer(pattern)
        if layer.name not in choices:
            raise NotSupported(f"layer {layer.name!r} ({layer.op}, {_shape(layer)}) has no channels", _next(model))
        return [layer.name]
    matching = model.matching("*" if pattern == "all" else pattern)
    if not matching:
        raise UnknownName("layer", pattern, [], f"`viz layers --model {model.source.spec}` lists them")
    found = [layer.name for layer in matching if layer.name in choices]
    if not found:
        raise NotSupported(f"of the {len(matching)} layers that {pattern!r} matches, none has channels", _next(model))
    _tell_of_the_others(model, pattern, [layer for layer in matching if layer.name not in choices])
    return found


def _tell_of_the_others(model: Adapter, pattern: str, others: Sequence[Layer]) -> None:
    if others:
        some = ", ".join(layer.name for layer in others[:3]) + (", …" if len(others) > 3 else "")
        model.note(f"--layer {pattern}: passed over {len(others)} without channels on the image: {some}")


def _shape(layer: Layer) -> str:
    if layer.shape is None:
        return "of unknown shape"
    return "x".join("?" if length is None else str(length) for length in layer.shape)


def _next(model: Adapter) -> str:
    return f"name a feature map, tokens, or a vector: `viz layers --model {model.source.spec}` shows the shapes"
