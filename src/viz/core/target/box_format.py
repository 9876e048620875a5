"""What the four numbers of a detector's box mean: which sides or centre, in pixels or as shares of the image."""

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from viz.core.errors import UnknownName, UsageError
from viz.core.result import FloatArray
from viz.core.target.places import Corners

Order = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
Units = Literal["pixels", "shares"]


@dataclass(frozen=True)
class BoxFormat:
    """What is known of a box's numbers; None is told from the values.

    Attributes:
        order: `xyxy` left, top, right, bottom; `yxyx` the same, rows first; `xywh` left, top, width, height;
            `cxcywh` centre, width, height.
        units: pixels of the model's input, or shares of its width and height in [0, 1].
        objectness: whether the fifth number says that there is anything at all.
    """

    order: Order | None = None
    units: Units | None = None
    objectness: bool | None = None

    @classmethod
    def parse(cls, text: str) -> "BoxFormat":
        """`cxcywh,pixels,no-objectness`: any of these words, in any order."""
        found = cls()
        for word in text.split(","):
            if word in get_args(Order):
                found = replace(found, order=cast(Order, word))
            elif word in get_args(Units):
                found = replace(found, units=cast(Units, word))
            elif word in ("objectness", "no-objectness"):
                found = replace(found, objectness=word == "objectness")
            else:
                words = [*get_args(Order), *get_args(Units), "objectness", "no-objectness"]
                raise UnknownName("format of boxes", word, words, "for example: box top1 as cxcywh,pixels")
        return found

    def corners(self, numbers: FloatArray, size: tuple[int, int]) -> Corners:
        """Left, top, right, bottom in pixels of an input of (height, width), (n, 4), from a model's numbers (n, 4).

        Raises `UsageError` where most boxes would be of no size: then they are no boxes, or not in this format.
        """
        boxes = numbers.astype(np.float64)
        if (self.units or _units_of(boxes)) == "shares":
            boxes = boxes * _scale(self.order, size)
        boxes = _as_corners(boxes, self.order or _order_of(boxes))
        empty = ((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])).sum()
        if empty > len(boxes) / 2:
            raise UsageError(
                f"{empty} of {len(boxes)} boxes end before they begin",
                "say what their numbers mean: 'box CLASS as xyxy', yxyx, xywh or cxcywh; or name the tensor of boxes",
            )
        return boxes


def _units_of(boxes: NDArray[np.float64]) -> Units:
    """Shares stay near 1, also of boxes that reach over the edge; pixels do so only for boxes of no size."""
    return "shares" if np.quantile(np.abs(boxes), 0.9) <= 2 else "pixels"


def _order_of(boxes: NDArray[np.float64]) -> Order:
    """Corners if in (almost) every box the second corner lies behind the first.

    With centres and sizes that cannot be: boxes on the right are not as wide as they are far from the left.
    """
    behind = (boxes[:, 2] >= boxes[:, 0]) & (boxes[:, 3] >= boxes[:, 1])
    return "xyxy" if behind.mean() > 0.99 else "cxcywh"


def _scale(order: Order | None, size: tuple[int, int]) -> NDArray[np.float64]:
    height, width = size
    pair = (height, width) if order == "yxyx" else (width, height)
    return np.array([*pair, *pair], np.float64)


def _as_corners(boxes: NDArray[np.float64], order: Order) -> Corners:
    first, second = boxes[:, :2], boxes[:, 2:]
    if order == "cxcywh":
        first, second = first - second / 2, first + second / 2
    elif order == "xywh":
        second = first + second
    elif order == "yxyx":
        first, second = first[:, ::-1], second[:, ::-1]
    return np.concatenate([first, second], axis=1)
