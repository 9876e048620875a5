"""Which layer a class activation map is read from: found from the model, checked by gradients, told to the user."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import NotSupported, UsageError
from viz.core.gradients import check_path, gradients_at
from viz.techniques._spatial_layers import Grid, grid_of, grids

if TYPE_CHECKING:
    from torch import Tensor

_CANDIDATES = 40  # the last so many layers with positions
_REACHED = 0.5  # part of the positions from which a gradient must reach the scores
_NORMALIZED = ("LayerNormalization", "LayerNorm", "layer_norm", "RMSNormalization")

_chosen: "WeakKeyDictionary[Adapter, dict[tuple[str, tuple[str, ...]], Grid]]" = WeakKeyDictionary()


def cam_grid(model: Adapter, targets: tuple[str, ...], asked: str | None, technique: str) -> Grid:
    """The layer to read, as a grid on the image: `asked`, or the last with positions that the target follows from.

    `targets` are the layers that the target is read from. The choice is made once per model on noise, so
    that it does not depend on the images, and noted for the user. Raises `UsageError` where `asked` has no
    positions, `NotSupported` where no layer has or where no gradient comes to one.
    """
    return _chosen_once(model, targets, asked, technique, lambda: _last_mixed(model, targets))


def last_grid(model: Adapter, targets: tuple[str, ...], asked: str | None, technique: str) -> Grid:
    """As `cam_grid` without gradients: the last layer with positions; of the smallest size, where scores are a map.

    Tokens beside a class token go nowhere after the last block has mixed them: then it is the tokens that the
    last block starts from, normalized where a layer does that, as far as the model can be run from inside.
    """
    return _chosen_once(model, targets, asked, technique, lambda: _last_by_shape(model, targets))


def last_cut(model: Adapter, targets: tuple[str, ...], asked: str | None, technique: str) -> Grid:
    """The last layer that everything the target follows from goes through, for `Adapter.run_from`.

    Raises `NotSupported` where the model cannot be run from inside, or has no such layer.
    """
    return _chosen_once(model, targets, asked, technique, lambda: _last_cut(model, targets))


def _chosen_once(
    model: Adapter, targets: tuple[str, ...], asked: str | None, technique: str, choose: Callable[[], Grid]
) -> Grid:
    if asked is not None:
        return _placed(model, _asked_for(model, asked))
    known = _chosen.setdefault(model, {})
    key = (technique, targets)
    if key not in known:
        known[key] = _placed(model, choose())
        model.note(f"{technique} reads {known[key].describe()}, found from the model; --layer chooses another")
    return known[key]


def _placed(model: Adapter, grid: Grid) -> Grid:
    """The grid with its layer's receptive field, also where the model has to be run to find it."""
    layer = replace(grid.layer, receptive_field=model.receptive_field(grid.layer.name))
    return replace(grid, layer=layer)


def _asked_for(model: Adapter, asked: str) -> Grid:
    layer = model.layer(asked)
    grid = grid_of(layer, model.size)
    if grid is None:
        raise UsageError(
            f"layer {layer.name!r} {layer.shape} has no positions on the image",
            f"choose a feature map or tokens; `viz layers --model {model.source.spec}` shows the shapes",
        )
    return grid


def _maps_of_model(model: Adapter, targets: tuple[str, ...]) -> list[Grid]:
    """All layers with positions, in execution order, but for those that the target is read from."""
    found = [grid for grid in grids(model) if grid.layer.name not in targets]
    if not found:
        raise NotSupported(
            f"{model.source.name} has no layer with positions on the image", "viz occlusion and rise need none"
        )
    return found


def _last_mixed(model: Adapter, targets: tuple[str, ...]) -> Grid:
    """The last layer of which most positions still speak for the target.

    In a transformer with a class token, the other tokens of the last block go nowhere: the last layer that
    counts is before the last mixing of tokens.
    """
    maps = _maps_of_model(model, targets)
    if _is_map(model, targets):
        return _smallest_last(maps)  # a map of scores, as of a segmenter: its own inputs say where, not why
    reaching = [grid for grid, part in _reach(model, targets, maps[-_CANDIDATES:]) if part >= _REACHED]
    if not reaching:
        raise NotSupported(
            f"the target does not follow from the positions of any of the last {_CANDIDATES} layers",
            "name one with --layer",
        )
    last = reaching[-1]
    if last.kind == "tokens":
        return next((g for g in reversed(reaching) if g.layer.op in _NORMALIZED), last)
    return last


def _is_map(model: Adapter, targets: tuple[str, ...]) -> bool:
    """Whether the target itself is read from positions."""
    return any(grid_of(model.layer(name), model.size) is not None for name in targets)


def _smallest_last(maps: Sequence[Grid]) -> Grid:
    """The last map of the smallest size: the deepest layer of a network that goes down and up again."""
    fewest = min(map(_cells, maps))
    return [grid for grid in maps if _cells(grid) == fewest][-1]


def _last_by_shape(model: Adapter, targets: tuple[str, ...]) -> Grid:
    maps = _maps_of_model(model, targets)
    if _is_map(model, targets):
        return _smallest_last(maps)
    last = maps[-1]
    if not last.prefix:
        return last
    try:
        start = _last_cut(model, targets)
    except NotSupported:
        return last
    names = [grid.layer.name for grid in maps]
    after = maps[names.index(start.layer.name) + 1 :]
    return next((grid for grid in after if grid.layer.op in _NORMALIZED and grid.prefix == start.prefix), start)


def _last_cut(model: Adapter, targets: tuple[str, ...]) -> Grid:
    maps = _maps_of_model(model, targets)
    if _is_map(model, targets):
        fewest = _cells(_smallest_last(maps))
        maps = [grid for grid in maps if _cells(grid) == fewest]
    problem = None
    for grid in reversed(maps[-_CANDIDATES:]):
        try:
            if _decides(model, grid, targets):
                return grid
        except NotSupported as found:
            problem = problem or found
    raise problem or NotSupported(
        f"the target follows from the positions of none of the last {_CANDIDATES} layers", "name one with --layer"
    )


def _decides(model: Adapter, grid: Grid, targets: tuple[str, ...]) -> bool:
    """Whether the target's layers change where all positions are hidden, on one image of noise."""
    name = grid.layer.name
    values = model.run(np.random.default_rng(0).random((1, 3, *model.size), np.float32), [name])[name]
    masks = np.stack([np.ones(grid.size, np.float32), np.zeros(grid.size, np.float32)])
    found = model.run_from(name, grid.masked(values, masks), targets)
    return any(not np.array_equal(found[target][0], found[target][1]) for target in targets)


def _cells(grid: Grid) -> int:
    return grid.size[0] * grid.size[1]


def _reach(model: Adapter, targets: tuple[str, ...], maps: Sequence[Grid]) -> list[tuple[Grid, float]]:
    """For each map, the part of its positions with a gradient of the target's layers, on one image of noise."""
    import torch

    noise = torch.from_numpy(np.random.default_rng(0).random((1, 3, *model.size), np.float32)).requires_grad_()
    names = [grid.layer.name for grid in maps]
    trace = model.trace(noise, tuple(dict.fromkeys([*targets, *names])))
    total = torch.stack([trace.values[name].square().sum() for name in targets]).sum()
    check_path(model, total, trace)
    gradients = gradients_at(total, [trace.edge(name) for name in names])
    return [(grid, _part(grid, gradient)) for grid, gradient in zip(maps, gradients, strict=True)]


def _part(grid: Grid, gradient: "Tensor | None") -> float:
    if gradient is None:
        return 0.0
    maps = grid.maps(gradient.detach().float().cpu().numpy())
    return float((np.abs(maps).max(axis=1) > 0).mean())
