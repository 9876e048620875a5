"""Captum and viz on the same torch module, on images as they are: no preprocessing on either side."""

import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.adapters.torch_models import adapter
from viz.core.result import FloatArray
from viz.core.target import class_target
from viz.core.technique import find

CLASS = 2


def theirs(attribution: Any, images: FloatArray, **options: Any) -> FloatArray:
    """What one of Captum's methods attributes to the images (b, 3, h, w)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = attribution.attribute(torch.from_numpy(images.copy()), target=CLASS, **options)
    return found.detach().numpy()


def ours(net: nn.Module, technique: str, images: FloatArray, array: str = "gradient", **options: Any) -> FloatArray:
    """An array of each image's result, stacked."""
    model = adapter(net, size=images.shape[2:])
    found = find(technique)(**options)(model, images, [class_target(model, CLASS)] * len(images))
    return np.stack([one.arrays[array] for one in found])


def assert_same(one: FloatArray, other: FloatArray, tolerance: float = 1e-5) -> None:
    """Within `tolerance` of the largest magnitude."""
    scale = np.abs(other).max()
    assert scale > 0
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def apart(one: FloatArray, other: FloatArray) -> float:
    """The largest difference, relative to the largest magnitude of the other."""
    return float(np.abs(one - other).max() / np.abs(other).max())
