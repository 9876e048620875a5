"""A torch model's ONNX export, opened on onnxruntime and held against the model."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from viz.adapters.torch_module.model_state import ModelState, scale_of, state_of
from viz.adapters.torch_module.onnx_export import export, tensor_names
from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.trial import noise
from viz.core.batched_patches import largest_difference
from viz.core.errors import VizError
from viz.core.model_options import ModelOptions

if TYPE_CHECKING:
    from viz.adapters.onnx_runtime import OnnxAdapter

IMAGES_COMPARED = 3
_TOLERANCE = 1e-4  # of the largest value, which counts as 1 or more


@dataclass(frozen=True)
class Export:
    """A model's way to some layers through ONNX.

    Attributes:
        state: of the model when it was exported.
        tensors: what the layers are called in the graph.
        onnx: the exported graph; None where there is no use of it.
        reason: why not; "" where there is.
        agreement: `largest_difference` from the model's own values on noise images, and the `scale` that it is to
            be seen beside; empty where nothing was compared.
    """

    state: ModelState
    tensors: tuple[str, ...]
    onnx: "OnnxAdapter | None" = None
    reason: str = ""
    agreement: Mapping[str, float] = field(default_factory=dict)


def exported(runner: Runner, table: Table, layers: tuple[str, ...]) -> Export:
    """The export, or why there is none; raises as `Adapter.run` where the model itself fails."""
    state, tensors = state_of(runner, table, layers), tensor_names(len(layers))
    if not state.same_as(state_of(runner, table, layers)):
        return Export(state, tensors, reason="the model gives one image other values every time, or changes as it runs")
    try:
        written = export(runner, table, layers)
    except VizError as problem:
        return Export(state, tensors, reason=problem.problem)
    try:
        onnx = _opened(runner, written)
        agreement = _agreement(runner, table, onnx, dict(zip(layers, tensors, strict=True)))
    except VizError as problem:
        return Export(state, tensors, reason=f"the model's ONNX export cannot be run: {problem.problem[:300]}")
    reason = _why_not(agreement)
    return Export(state, tensors, None if reason else onnx, reason, agreement)


def _opened(runner: Runner, written: bytes) -> "OnnxAdapter":
    """The graph on the model's device, with as many threads, fed by the model's own preprocessing."""
    from viz.adapters.onnx_runtime import OnnxAdapter

    options = ModelOptions(device=str(runner.device), threads=torch.get_num_threads(), layout=runner.preprocess.layout)
    with tempfile.TemporaryDirectory(prefix="viz-") as folder:
        path = Path(folder, "export.onnx")
        path.write_bytes(written)
        return OnnxAdapter(path, options, preprocess=runner.preprocess, one_by_one=True)


def _agreement(runner: Runner, table: Table, onnx: "OnnxAdapter", tensors: Mapping[str, str]) -> dict[str, float]:
    images = noise(runner, IMAGES_COMPARED)
    own, found = runner.values(table, images, set(tensors)), onnx.run(images, [*tensors.values()])
    theirs = {name: found[tensor] for name, tensor in tensors.items()}
    return {"largest_difference": largest_difference(own, theirs, [*tensors]), "scale": scale_of(own)}


def _why_not(agreement: Mapping[str, float]) -> str:
    difference, scale = agreement["largest_difference"], agreement["scale"]
    if difference <= _TOLERANCE * scale:
        return ""
    if not isfinite(difference):
        return "the model's ONNX export gives NaN or infinity where the model does not, or the other way round"
    return f"the model's ONNX export gives other values: by up to {difference:.2g}, where the largest is {scale:.3g}"
