"""How strongly and how often channels respond, summed over images in whole numbers: any order gives the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viz.core.surveying import State
from viz.techniques.activation._layer_plans import LayerPlan

Array = NDArray[Any]

UNITS = 1 << 30  # of the layer's scale
HEADROOM = 64  # times the scale: sums of 2^27 images stay within 64 bits
SUMMED = ("images", "broken", "clipped", "class_images", "mean", "fires", "fires_images", "classes")


def no_sums(plan: LayerPlan, classes: int) -> Mapping[str, Array]:
    """Of no image.

    `images`: how many were counted; `broken`: how many had a response that is no finite number; `clipped`: how many
    responses were beyond the headroom; `class_images` (k,): images of each class. Of each channel: `mean`, the mean
    responses of the images; `fires`, positions above zero; `fires_images`, images with one; `classes` (k, c), the
    largest responses of each class's images; `largest`, that of all images, -inf before the first.
    """
    channels = len(plan.channels)
    lengths: dict[str, tuple[int, ...]] = dict.fromkeys(("images", "broken", "clipped"), (1,))
    lengths |= dict.fromkeys(("mean", "fires", "fires_images"), (channels,))
    lengths |= {"class_images": (classes,), "classes": (classes, channels)}
    return {
        **{name: np.zeros(lengths[name], np.int64) for name in SUMMED},
        "largest": np.full(channels, -np.inf, np.float32),
    }


def with_images(
    sums: State, plan: LayerPlan, peaks: Array, means: Array, above: Array, truths: Array, broken: int
) -> Mapping[str, Array]:
    """With b images: largest and mean responses (b, c), positions above zero (b, c), classes (b,), -1 for none."""
    parts, clipped = fixed(peaks, plan.scale)
    mean_parts, clipped_means = fixed(means, plan.scale)
    known = truths >= 0
    classes, class_images = sums["classes"].copy(), sums["class_images"].copy()
    for truth, part in zip(truths[known], parts[known], strict=True):
        classes[truth] += part
        class_images[truth] += 1
    return {
        "images": sums["images"] + len(peaks),
        "broken": sums["broken"] + broken,
        "clipped": sums["clipped"] + clipped + clipped_means,
        "class_images": class_images,
        "mean": sums["mean"] + mean_parts.sum(axis=0),
        "fires": sums["fires"] + above.sum(axis=0),
        "fires_images": sums["fires_images"] + np.count_nonzero(above, axis=0),
        "classes": classes,
        "largest": np.maximum(sums["largest"], peaks.max(axis=0, initial=-np.inf)),
    }


def merged_sums(left: State, right: State) -> Mapping[str, Array]:
    """Both together."""
    added = {name: left[name] + right[name] for name in SUMMED}
    return {**added, "largest": np.maximum(left["largest"], right["largest"])}


def fixed(values: Array, scale: float) -> tuple[NDArray[np.int64], int]:
    """Values in whole units of `scale` / 2^30, and how many had to be clipped for that."""
    parts = values.astype(np.float64) / scale
    clipped = int(np.count_nonzero(np.abs(parts) > HEADROOM))
    return np.rint(np.clip(parts, -HEADROOM, HEADROOM) * UNITS).astype(np.int64), clipped


def floating(sums: Array, plan: LayerPlan) -> NDArray[np.float64]:
    """What sums in whole units stand for."""
    return sums.astype(np.float64) * (plan.scale / UNITS)
