"""Which layers hold style and content: those asked for, the paper's for VGG, their like for other networks."""

from collections.abc import Sequence
from math import inf

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.layer import Layer
from viz.techniques._spatial_layers import Grid, grid_of, grids
from viz.techniques.synthesis._scales import JOINED, RECTIFIED, stride
from viz.techniques.synthesis._vgg import vgg_layers

_PAPERS_STYLE = ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0))  # conv1_1, …, conv5_1
_PAPERS_CONTENT = ((3, 1),)  # conv4_2
_CONTENT_STRIDE = 8  # pixels between positions of conv4_2


def style_layers(model: Adapter, asked: Sequence[str]) -> dict[str, float]:
    """Layers with their weights w_l, which sum to 1, from `NAME` or `NAME=W`; by default one for each scale."""
    if not asked:
        chosen = vgg_layers(model, _PAPERS_STYLE) or _first_of_each_scale(model)
        return {name: 1 / len(chosen) for name in chosen}
    weights: dict[str, float] = {}
    for text in asked:
        name, weight = _weighted(model, text)
        if name in weights:
            raise UsageError(f"--style-layer {text}: {name} is named twice", "name each layer once")
        weights[name] = weight
    total = sum(weights.values())
    if total <= 0:
        raise UsageError("all --style-layer have the weight 0", "give at least one a weight above 0")
    return {name: weight / total for name, weight in weights.items()}


def content_layers(model: Adapter, asked: Sequence[str]) -> list[str]:
    """Layers that hold the content: by default the paper's conv4_2, or the last of the widest at a scale like its."""
    if asked:
        return list(dict.fromkeys(_with_channels(model, model.layer(name), "--content-layer") for name in asked))
    vgg = vgg_layers(model, _PAPERS_CONTENT)
    if vgg:
        return vgg
    found = _candidates(model)
    scale = min(_scales(model, found), key=lambda stride: abs(stride - _CONTENT_STRIDE))
    return [_widest(model, found, scale)[-1].layer.name]


def _weighted(model: Adapter, text: str) -> tuple[str, float]:
    name, equals, weight = text.rpartition("=")
    if not equals or text in _known(model):
        return _with_channels(model, model.layer(text), "--style-layer"), 1.0
    found = _with_channels(model, model.layer(name), "--style-layer")
    try:
        value = float(weight)
    except ValueError:
        value = -1.0
    if not 0 <= value < inf:
        raise UsageError(f"--style-layer {text}: {weight!r} is no weight of 0 or more", f"--style-layer {name}=0.5")
    return found, value


def _with_channels(model: Adapter, layer: Layer, flag: str) -> str:
    """The layer's name; raises where its channels are not where they are looked for."""
    grid = grid_of(layer, model.size)
    if grid is not None and grid.kind == "nhwc":
        raise UsageError(f"{flag} {layer.name} has its channels last, {layer.shape}", "name a layer (b, c, h, w)")
    return layer.name


def _known(model: Adapter) -> set[str]:
    return {name for layer in model.layers.values() for name in (layer.name, *layer.aliases)}


def _first_of_each_scale(model: Adapter) -> list[str]:
    """The first of the widest layers of every scale, as the paper's conv1_1 … conv5_1."""
    found = _candidates(model)
    return [_widest(model, found, scale)[0].layer.name for scale in _scales(model, found)]


def _scales(model: Adapter, found: Sequence[Grid]) -> list[int]:
    """All distances between positions, in pixels, each once."""
    return list(dict.fromkeys(stride(model, grid) for grid in found))


def _widest(model: Adapter, found: Sequence[Grid], scale: int) -> list[Grid]:
    """The layers of a scale with the most channels: narrow ones between them only pass things on."""
    same = [grid for grid in found if stride(model, grid) == scale]
    most = max(_channels(grid) for grid in same)
    return [grid for grid in same if _channels(grid) == most]


def _channels(grid: Grid) -> int:
    return int((grid.layer.shape or (0, 0))[1] or 0)


def _candidates(model: Adapter) -> list[Grid]:
    """Rectified layers and what blocks give; where a network has none, all layers with positions."""
    found = [grid for grid in grids(model) if min(grid.size) > 1 and grid.kind == "nchw"]
    if not found:
        raise NotSupported(
            f"{model.source.name} has no feature maps, whose channels could make a style",
            "name layers with positions: --style-layer NAME --content-layer NAME",
        )
    # A map for each class, as some networks end in, is the classifier's answer and no texture.
    classes = model.scores.classes if model.scores else 0
    inner = [grid for grid in found if _channels(grid) != classes] or found
    return [grid for grid in inner if grid.layer.op in RECTIFIED | JOINED] or inner
