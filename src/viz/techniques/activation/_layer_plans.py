"""What a survey needs to know of a layer, as plain values: how it lies on the image, and how it is counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from viz.core.adapter import Adapter, Layer, ReceptiveField
from viz.techniques._spatial_layers import Grid

_WIDEST_HEAT = 9  # cells
_POSITIONS_IN_THE_FRONT = ("nchw", "vector")


@dataclass(frozen=True)
class LayerPlan:
    """One layer of a survey.

    Attributes:
        image: height and width of the model's input.
        kind: "nchw", "nhwc" or "tokens"; "vector" for one number per channel.
        positions: rows and columns.
        prefix: tokens before those of the image.
        zero: the value that stands for zero.
        field: the window that a position sees; None where it is the whole image or not known.
        everywhere: a position sees the whole image, as far as is known.
        channels: those that are looked at; `width` is how many the layer has.
        scale: a power of two, about the largest response; sums are counted in parts of it.
        side: rows and columns of the heat around a place; 0 for none.
        notes: what a reader of the figures has to know.
    """

    name: str
    op: str
    shape: tuple[int | None, ...]
    image: tuple[int, int]
    kind: str
    positions: tuple[int, int]
    prefix: int
    zero: float
    field: ReceptiveField | None
    everywhere: bool
    channels: tuple[int, ...]
    width: int
    scale: float
    side: int
    notes: tuple[str, ...] = ()

    @property
    def channels_last(self) -> bool:
        """Whether the channels are the last axis of the layer's values."""
        return self.kind not in _POSITIONS_IN_THE_FRONT

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        values = asdict(self)
        field = values["field"]
        if field is not None:
            values["field"] = {name: list(field[name]) for name in ("size", "stride", "offset")}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "LayerPlan":
        """What `to_json` gave."""
        tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        field = values["field"]
        given = ReceptiveField(tuple(field["size"]), tuple(field["stride"]), tuple(field["offset"])) if field else None
        return cls(**{**values, **tuples, "field": given})


def layer_plan(model: Adapter, layer: Layer, grid: Grid | None, channels: Sequence[int] | None) -> LayerPlan:
    """The plan of a layer that lies on the image as `grid`, or is a vector; its scale is still 1.

    `channels` are those to look at, None for all; those that the layer does not have are left out.
    """
    assert layer.shape is not None, "a layer without a shape has no grid and is no vector"
    kind, positions, prefix = (grid.kind, grid.size, grid.prefix) if grid else ("vector", (1, 1), 0)
    width = _width(layer.shape, kind)
    field, note = _field(model, layer, kind, positions)
    side = _side(field, positions)
    return LayerPlan(
        name=layer.name,
        op=layer.op,
        shape=layer.shape,
        image=model.size,
        kind=kind,
        positions=positions,
        prefix=prefix,
        zero=layer.zero,
        field=field,
        everywhere=field is None,
        channels=tuple(range(width)) if channels is None else tuple(c for c in channels if c < width),
        width=width,
        scale=1.0,
        side=side,
        notes=tuple(filter(None, [note, _prefix_note(prefix)])),
    )


def with_scale(plan: LayerPlan, scale: float) -> LayerPlan:
    """The same with another scale."""
    return replace(plan, scale=scale)


def with_notes(plan: LayerPlan, *notes: str) -> LayerPlan:
    """The same with further notes."""
    return replace(plan, notes=(*plan.notes, *notes))


def is_vector(shape: Sequence[int | None] | None) -> bool:
    """Whether a tensor has one number per image and channel: (b, c), (b, c, 1, 1) or (b, 1, 1, c)."""
    if not shape or shape[0] is not None or any(length is None for length in shape[1:]):
        return False
    return len(shape) == 2 or (len(shape) == 4 and sum(length != 1 for length in shape[1:]) <= 1)


def _width(shape: Sequence[int | None], kind: str) -> int:
    if kind == "vector":
        return math.prod(int(length or 1) for length in shape[1:])
    return int(shape[1 if kind == "nchw" else -1] or 0)


def _field(model: Adapter, layer: Layer, kind: str, positions: tuple[int, int]) -> tuple[ReceptiveField | None, str]:
    """The window that a position sees, and a note where there is none."""
    found = model.receptive_field(layer.name)
    if kind == "vector":
        return None, "everywhere: it has no positions"
    if found is None and kind != "tokens":
        return None, "everywhere: what its positions see is not known from the model, so the whole image is shown"
    if kind == "tokens" and not _is_of_tokens(found, model.size, positions):
        return None, "global: attention sees the whole image; what is shown is each token's own patch"
    if found is not None and found.everywhere:
        return None, "global: each position sees the whole image"
    return found, ""


def _is_of_tokens(field: ReceptiveField | None, size: tuple[int, int], positions: tuple[int, int]) -> bool:
    """Whether a field is given for the rows and columns of the tokens' grid, before any of them are mixed."""
    steps = (size[0] / positions[0], size[1] / positions[1])
    return field is not None and not field.everywhere and tuple(field.stride) == steps


def _side(field: ReceptiveField | None, positions: tuple[int, int]) -> int:
    """An odd number of cells: enough to cover the field, at most 9, no more than reach across the grid."""
    across = 2 * max(positions) - 1
    if across == 1:
        return 0
    needed = across
    if field is not None:
        needed = max(
            math.ceil(size / step) if step else across for size, step in zip(field.size, field.stride, strict=True)
        )
    return min(needed | 1, across, _WIDEST_HEAT)


def _prefix_note(prefix: int) -> str:
    return f"{prefix} prefix token{'s' * (prefix > 1)} skipped" if prefix else ""
