"""Ways to run an ONNX model, ours and others', behind one face, so that all are asked the same questions."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx

from tests.conformance.cases import input_names

Run = Callable[[Sequence[Any]], list[Any]]


class Converter(Protocol):
    """Prepares a model to be run: numpy arrays, lists of them or None go in and come out."""

    def prepare(self, model: onnx.ModelProto) -> Run: ...


class OnnxRuntime:
    """onnxruntime on the CPU."""

    def prepare(self, model: onnx.ModelProto) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        known = {value.name for value in session.get_inputs()}

        def run(values: Sequence[Any]) -> list[Any]:
            fed = dict(zip(input_names(model), values, strict=False))
            return session.run(None, {name: _array(value) for name, value in fed.items() if name in known})

        return run


class Reference:
    """onnx's own reference kernels."""

    def prepare(self, model: onnx.ModelProto) -> Run:
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(model)
        return lambda values: session.run(None, dict(zip(input_names(model), values, strict=False)))


class Tinygrad:
    """tinygrad's importer. Raises RuntimeError where tinygrad finds nothing to compute on (it wants clang)."""

    def __init__(self) -> None:
        from tinygrad import Tensor

        Tensor([0.0, 1.0]).sum().item()

    def prepare(self, model: onnx.ModelProto) -> Run:
        from tinygrad import Tensor
        from tinygrad.nn.onnx import OnnxRunner

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            onnx.save(model, path)
            runner = OnnxRunner(str(path))

        def plain(value: Any) -> Any:
            if isinstance(value, list):
                return [plain(item) for item in value]
            return value.numpy() if isinstance(value, Tensor) else np.array(value)

        def run(values: Sequence[Any]) -> list[Any]:
            fed = dict(zip(input_names(model), map(_array, values), strict=False))
            answers = runner(fed)
            return [plain(answers[value.name]) for value in model.graph.output]

        return run


def _array(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else np.asarray(value)
