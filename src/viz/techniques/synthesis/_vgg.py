"""VGG-16 and VGG-19 by their form: five blocks of 3x3 convolutions between poolings, and no branches."""

from collections.abc import Sequence

from viz.core.adapter import Adapter
from viz.techniques.synthesis._scales import JOINED, RECTIFIED

_BLOCKS = ((2, 2, 3, 3, 3), (2, 2, 4, 4, 4))  # convolutions in each block
_POOLINGS = frozenset("MaxPool MaxPool2d max_pool2d AveragePool AvgPool2d avg_pool2d".split())


def vgg_layers(model: Adapter, places: Sequence[tuple[int, int]]) -> list[str]:
    """The rectified outputs of convolutions (block, number in it), counted from 0; empty for another network."""
    blocks = _blocks(model)
    if tuple(len(block) for block in blocks) not in _BLOCKS:
        return []
    return [blocks[block][number] for block, number in places]


def _blocks(model: Adapter) -> list[list[str]]:
    """The rectified feature maps between poolings; none in a network with branches."""
    blocks: list[list[str]] = [[]]
    for layer in model.layers.values():
        if layer.shape is None or len(layer.shape) != 4:
            continue
        if layer.op in JOINED:
            return []
        if layer.op in _POOLINGS:
            blocks.append([])
        elif layer.op in RECTIFIED:
            blocks[-1].append(layer.name)
    return [block for block in blocks if block]
