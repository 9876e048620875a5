"""Which layers hold style and content, found from the network's graph: the paper's for VGG, their like for others."""

from collections.abc import Sequence
from math import log2

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.techniques.attribution._spatial_layers import Grid, grids

_RECTIFIED = frozenset(
    "Relu ReLU relu Clip ReLU6 relu6 hardtanh LeakyRelu leaky_relu PRelu HardSwish Silu Gelu".split()
)
_JOINED = frozenset("Concat cat Add add".split())  # what a block gives, in networks with branches
_CONTENT_STRIDE = 8  # where conv4_2 of VGG lies
_VGG_BLOCKS = {13: (2, 2, 3, 3, 3), 16: (2, 2, 4, 4, 4)}  # convolutions of VGG-16 and VGG-19


def style_layers(model: Adapter, asked: Sequence[str]) -> dict[str, float]:
    """Layers with their weights w_l, which sum to 1, from `NAME` or `NAME=W`; by default one for each scale."""
    if not asked:
        chosen = _vgg(model, ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0))) or _first_of_each_scale(model)
        return {name: 1 / len(chosen) for name in chosen}
    weights = dict(_weighted(model, text) for text in asked)
    total = sum(weights.values())
    if total <= 0:
        raise UsageError("all style layers have the weight 0", "give at least one a weight above 0")
    return {name: weight / total for name, weight in weights.items()}


def content_layers(model: Adapter, asked: Sequence[str]) -> list[str]:
    """Layers that hold the content: by default the paper's conv4_2, or a layer in the middle of that scale."""
    if asked:
        return [model.layer(name).name for name in dict.fromkeys(asked)]
    vgg = _vgg(model, ((3, 1),))
    if vgg:
        return vgg
    found = _candidates(model)
    scale = min(_scales(model, found), key=lambda stride: abs(stride - _CONTENT_STRIDE))
    return [_widest(model, found, scale)[-1].layer.name]


def _weighted(model: Adapter, text: str) -> tuple[str, float]:
    name, equals, weight = text.rpartition("=")
    if not equals or name not in _known(model):
        return model.layer(text).name, 1.0
    try:
        value = float(weight)
    except ValueError:
        raise UsageError(
            f"--style-layer {text}: {weight!r} is not a weight", "for example --style-layer NAME=0.5"
        ) from None
    if value < 0:
        raise UsageError(f"--style-layer {text}: a weight below 0", "weights are 0 or more")
    return model.layer(name).name, value


def _known(model: Adapter) -> set[str]:
    return {name for layer in model.layers.values() for name in (layer.name, *layer.aliases)}


def _first_of_each_scale(model: Adapter) -> list[str]:
    """The first of the widest layers of every scale, as the paper's conv1_1 … conv5_1."""
    found = _candidates(model)
    return [_widest(model, found, scale)[0].layer.name for scale in _scales(model, found)]


def _scales(model: Adapter, found: Sequence[Grid]) -> list[int]:
    """All distances between positions, in pixels, each once."""
    return list(dict.fromkeys(_stride(model, grid) for grid in found))


def _widest(model: Adapter, found: Sequence[Grid], scale: int) -> list[Grid]:
    """The layers of a scale with the most channels: narrow ones between them only pass things on."""
    same = [grid for grid in found if _stride(model, grid) == scale]
    most = max(_channels(grid) for grid in same)
    return [grid for grid in same if _channels(grid) == most]


def _channels(grid: Grid) -> int:
    shape = grid.layer.shape or ()
    return int((shape[-1] if grid.kind == "nhwc" else shape[1]) or 0)


def _candidates(model: Adapter) -> list[Grid]:
    """Rectified layers and what blocks give; where a network has none, all layers with positions."""
    found = [grid for grid in grids(model) if min(grid.size) > 1 and grid.kind == "nchw"]
    if not found:
        raise NotSupported(
            f"{model.source.name} has no feature maps, whose channels could make a style",
            "name layers with positions: --style-layer NAME --content-layer NAME",
        )
    return [grid for grid in found if grid.layer.op in _RECTIFIED | _JOINED] or found


def _stride(model: Adapter, grid: Grid) -> int:
    """Pixels between positions, as the nearest power of two."""
    return int(2 ** round(log2(max(1.0, model.size[0] / grid.size[0]))))


def _vgg(model: Adapter, places: Sequence[tuple[int, int]]) -> list[str]:
    """The rectified outputs of convolutions (block, number in it) of a VGG; empty for another network."""
    blocks = _blocks(model)
    if tuple(len(block) for block in blocks) not in _VGG_BLOCKS.values():
        return []
    return [blocks[block][number] for block, number in places]


def _blocks(model: Adapter) -> list[list[str]]:
    """The rectified layers between poolings, in a plain chain of 3x3 convolutions."""
    blocks: list[list[str]] = [[]]
    for layer in model.layers.values():
        if layer.op in ("MaxPool", "MaxPool2d", "max_pool2d") and blocks[-1]:
            blocks.append([])
        elif layer.op in _RECTIFIED and layer.shape is not None and len(layer.shape) == 4:
            blocks[-1].append(layer.name)
        elif layer.op in ("Add", "add", "Concat", "cat"):
            return []
    return [block for block in blocks if block]
