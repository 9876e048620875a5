"""Converters that make torch programs, our executor among them: they run a model, and differentiate it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch

from tests.conformance.cases import input_names
from tests.conformance.converters import Run
from viz.adapters.onnx_torch.element_types import to_numpy, to_torch

Program = Callable[[Sequence[Any]], list[Any]]
"""From values of the inputs, as tensors, to those of the outputs."""


class TorchConverter:
    """What all of them share: arrays become tensors and come back; gradients are torch's."""

    def program(self, model: onnx.ModelProto) -> Program:
        raise NotImplementedError

    def prepare(self, model: onnx.ModelProto) -> Run:
        program = self.program(model)

        def run(values: Sequence[Any]) -> list[Any]:
            with torch.no_grad():
                return [_array(to_numpy(answer)) for answer in program(_tensors(values))]

        return run

    def gradients(
        self,
        model: onnx.ModelProto,
        values: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[np.ndarray | None],
    ) -> list[np.ndarray | None]:
        """Derivatives of the sum of outputs times cotangents with respect to the wanted inputs; None: there is none."""
        program = self.program(model)
        tensors = _tensors(values)
        for index in wanted:
            tensors[index].requires_grad_(True)
        weighted = [
            (answer.double() * torch.from_numpy(cotangent)).sum()
            for answer, cotangent in zip(program(tensors), cotangents, strict=True)
            if cotangent is not None
        ]
        score = torch.stack(weighted).sum()
        if not score.requires_grad:
            return [None for _ in wanted]
        found = torch.autograd.grad(score, [tensors[index] for index in wanted], allow_unused=True)
        return [to_numpy(gradient) for gradient in found]


class Ours(TorchConverter):
    """viz's executor, half precision computed as such."""

    def program(self, model: onnx.ModelProto) -> Program:
        from viz.adapters.onnx_torch.program import OnnxProgram

        made = OnnxProgram(model, "", native=True)
        inputs, outputs = input_names(model), [value.name for value in model.graph.output]

        def run(tensors: Sequence[Any]) -> list[Any]:
            found = made.run(dict(zip(inputs, tensors, strict=False)), outputs).values
            return [found[name] for name in outputs]

        return run


class Onnx2Torch(TorchConverter):
    """onnx2torch, from ENOT."""

    def program(self, model: onnx.ModelProto) -> Program:
        import onnx2torch

        return _of_module(onnx2torch.convert(model), model)


class Onnx2PyTorch(TorchConverter):
    """onnx2pytorch, from Talmaj Marinc."""

    def program(self, model: onnx.ModelProto) -> Program:
        from onnx2pytorch import ConvertModel

        return _of_module(ConvertModel(model), model)


class Onnx2Fx(TorchConverter):
    """onnx2fx."""

    def program(self, model: onnx.ModelProto) -> Program:
        import onnx2fx

        return _of_module(onnx2fx.convert(model), model)


def _of_module(module: torch.nn.Module, model: onnx.ModelProto) -> Program:
    count = len(model.graph.output)
    one_sequence = count == 1 and _holds_sequence(model.graph.output[0].type)
    module.eval()

    def run(tensors: Sequence[Any]) -> list[Any]:
        answer = module(*tensors)
        several = count > 1 or (isinstance(answer, list | tuple) and not one_sequence)
        return list(answer)[:count] if several else [answer]

    return run


def _holds_sequence(declared: onnx.TypeProto) -> bool:
    if declared.HasField("optional_type"):
        declared = declared.optional_type.elem_type
    return declared.HasField("sequence_type")


def _array(answer: Any) -> Any:
    return answer if answer is None or isinstance(answer, list) else np.asarray(answer)  # strings may come bare


def _tensors(values: Sequence[Any]) -> list[Any]:
    return [[to_torch(item) for item in v] if isinstance(v, list | tuple) else to_torch(v) for v in values]
