"""An ONNX model computed in float16 inside, with inputs and outputs as they were."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import load_external_data_for_model

from viz.core.errors import ModelError

_NEXT_STEP = "leave out --precision fp16"
_LARGEST = float(np.finfo(np.float16).max)


def in_half_precision(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """A copy of `model` whose float32 weights and inner tensors are float16, by onnxruntime's own converter.

    Operators that onnxruntime has no float16 kernels for stay in float32, between casts. `folder` holds external
    data. Raises `ModelError` where the graph cannot be converted, or a weight is beyond float16's range.
    """
    try:
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError:
        raise ModelError("this onnxruntime comes without its converter to float16", _NEXT_STEP) from None
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    load_external_data_for_model(copy, str(folder))
    _check_range(copy)
    try:
        converted = convert_float_to_float16(copy, keep_io_types=True)
    except Exception as problem:  # the converter asserts, and onnx's shape inference has its own errors
        raise ModelError(f"the graph cannot be converted to float16: {str(problem)[:300]}", _NEXT_STEP) from None
    assert isinstance(converted, onnx.ModelProto), "the converter gives a model for a model"
    return converted


def _check_range(model: onnx.ModelProto) -> None:
    """The converter would cut what is too large down to the largest float16."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = np.abs(numpy_helper.to_array(tensor))
            largest = values[np.isfinite(values)].max(initial=0)
            if largest > _LARGEST:
                raise ModelError(f"{tensor.name!r} holds {largest:.3g}, which float16 cannot", _NEXT_STEP)
