"""Was the gradient taken of the score that the model gives? For each image, the two scores side by side."""

from collections.abc import Sequence

import numpy as np

from viz.core.adapter import Adapter
from viz.core.errors import ImageError
from viz.core.result import FloatArray, Result
from viz.core.target import Target


def forward_differences(
    model: Adapter, images: FloatArray, targets: Sequence[Target], results: Sequence[Result | ImageError]
) -> list[float | None]:
    """How far each result's own score is from `model.run`'s, relative to the largest value of the target's layers.

    A gradient of an ONNX file goes through other code than its forward pass; this is the figure that says,
    image by image, that both compute the same. None for a result without a score.
    """
    layers = tuple(dict.fromkeys(layer for target in targets for layer in target.layers))
    values = model.run(images, layers)
    return [
        _difference(target, {name: value[i : i + 1] for name, value in values.items()}, result)
        for i, (target, result) in enumerate(zip(targets, results, strict=True))
    ]


def _difference(target: Target, values: dict[str, FloatArray], result: Result | ImageError) -> float | None:
    if isinstance(result, ImageError) or not isinstance(score := result.numbers.get("score"), float):
        return None
    scale = max(float(np.abs(values[layer]).max()) for layer in target.layers) or 1.0
    return abs(score - float(target.of(values)[0])) / scale
