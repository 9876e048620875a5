"""NonMaxSuppression: which boxes of a detector remain."""

from typing import Any

import torch
from torch import Tensor

from viz.adapters.onnx_torch.operator_table import operator


@operator("NonMaxSuppression")
def non_max_suppression(
    node: Any,
    boxes: Tensor,
    scores: Tensor,
    max_output_boxes_per_class: Tensor | None = None,
    iou_threshold: Tensor | None = None,
    score_threshold: Tensor | None = None,
    center_point_box: int = 0,
) -> Tensor:
    """boxes (b, n, 4), scores (b, classes, n) -> rows of image, class and box, (m, 3), best first for each class.

    A choice: no gradient passes it, but gathering by it passes gradients to scores and boxes.
    """
    most = int(max_output_boxes_per_class) if max_output_boxes_per_class is not None else 0
    overlap = float(iou_threshold) if iou_threshold is not None else 0.0
    floor = float(score_threshold) if score_threshold is not None else -torch.inf
    corners = _corners(boxes.detach(), bool(center_point_box))
    rows = [
        (image, kind, box)
        for image, of_classes in enumerate(scores.detach())
        for kind, of_boxes in enumerate(of_classes)
        for box in _kept(corners[image], of_boxes, most, overlap, floor)
    ]
    return torch.tensor(rows, dtype=torch.int64, device=scores.device).reshape(-1, 3)


def _kept(corners: Tensor, scores: Tensor, most: int, overlap: float, floor: float) -> list[int]:
    """Boxes by falling score, each of which overlaps none before it by more than `overlap`."""
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] > floor]
    kept: list[int] = []
    while len(kept) < most and len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[~(_overlap(corners[best], corners[order]) > overlap)]
    return kept


def _corners(boxes: Tensor, centred: bool) -> Tensor:
    """Boxes as their lower and upper corners; the two given corners may lie either way."""
    first, second = boxes[..., :2], boxes[..., 2:]
    if centred:
        return torch.cat([first - second / 2, first + second / 2], -1)
    return torch.cat([torch.minimum(first, second), torch.maximum(first, second)], -1)


def _overlap(box: Tensor, others: Tensor) -> Tensor:
    """Shared area over joint area; nothing for boxes without area."""
    sides = torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2])
    shared = torch.where(sides > 0, sides, torch.zeros_like(sides)).prod(-1)
    joint = _area(box) + _area(others) - shared
    return torch.where(shared > 0, shared / joint, torch.zeros_like(shared))


def _area(boxes: Tensor) -> Tensor:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides.prod(-1)
