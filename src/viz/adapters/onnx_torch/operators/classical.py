"""Operators of the classical machine learning domain that stand before or after a network."""

from typing import Any

from torch import Tensor

from viz.adapters.onnx_torch.node import Node
from viz.adapters.onnx_torch.operator_table import operator

CLASSICAL = "ai.onnx.ml"

# Operators whose input is shown in place of their output, with what the user is told.
PASSED_THROUGH = {(CLASSICAL, "ZipMap"): "ZipMap, which turns scores into maps from class to score, is left out"}


@operator("ZipMap", domain=CLASSICAL)
def zip_map(node: Node, scores: Tensor, classlabels_strings: Any = None, classlabels_int64s: Any = None) -> Tensor:
    """The scores as they are, (b, classes): see `PASSED_THROUGH`."""
    return scores


@operator("ArrayFeatureExtractor", domain=CLASSICAL)
def array_feature_extractor(node: Node, x: Tensor, places: Tensor) -> Tensor:
    """The columns of x at these places of the last axis; a vector counts as one row."""
    return x.index_select(-1, places.reshape(-1).long()).reshape(*(x.shape[:-1] or (1,)), -1)


@operator("Scaler", domain=CLASSICAL)
def scaler(node: Node, x: Tensor, offset: list[float] | None = None, scale: list[float] | None = None) -> Tensor:
    """(x - offset) · scale in float32, for all columns or for each."""
    x = x.to(node.types.dtype(1))
    if offset is not None:
        x = x - x.new_tensor(offset)
    return x if scale is None else x * x.new_tensor(scale)
