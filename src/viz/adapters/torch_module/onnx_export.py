"""A torch model's way to some of its layers as an ONNX file in memory, written by torch's own exporter."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import copy, deepcopy
from importlib.util import find_spec
from io import StringIO

import torch
from torch import Tensor, nn

from viz.adapters.torch_module.cut_program import CutProgram
from viz.adapters.torch_module.program import evaluating, forward_with_layers
from viz.adapters.torch_module.runner import Runner, Table
from viz.adapters.torch_module.trial import noise
from viz.core.errors import NotSupported, VizError
from viz.core.torch_errors import is_out_of_memory


def tensor_names(count: int) -> tuple[str, ...]:
    """What so many wanted layers are called in the exported graph."""
    return tuple(f"layer_{number}" for number in range(count))


def export(runner: Runner, table: Table, wanted: tuple[str, ...]) -> bytes:
    """The ONNX file whose input is the model's own, already preprocessed, and whose outputs are `wanted`.

    They are called as `tensor_names` says and have the batch in front, of any size where the model takes any. The
    exporter sees a copy of the module, so that whatever the forward pass leaves behind is not left in the model.
    Raises `NotSupported` with the first line of what the exporter had to say; it does not show anything itself.
    """
    if find_spec("onnxscript") is None:
        raise NotSupported("torch's ONNX exporter needs another package (pip install onnxscript)")
    if isinstance(runner.program, CutProgram):
        raise NotSupported("a model at another size is left in the midst of its forward pass, which cannot be exported")
    if isinstance(runner.program.module, torch.jit.ScriptModule):
        raise NotSupported("torch exports no TorchScript to ONNX: the module itself or a torch.export program would do")
    try:
        with _silently(), torch.no_grad():
            return _exported(runner, table, wanted)
    except VizError:
        raise
    except Exception as problem:  # the exporter and the model's own code may raise anything
        raise NotSupported(f"the model's ONNX export fails: {_first_line(problem)}") from problem


def _exported(runner: Runner, table: Table, wanted: tuple[str, ...]) -> bytes:
    program = copy(runner.program)
    program.module = deepcopy(program.module)
    graph = _Wanted(Runner(program, runner.preprocess, runner.device, runner.name), table, wanted)
    # Of two images, because torch.export takes a size of 1 for a constant.
    inputs = runner.encoded(noise(runner, table.at_a_time or 2))
    any_batch = None if table.at_a_time else ({0: torch.export.Dim.DYNAMIC},)
    with evaluating(program.module):
        # Not by torch.onnx.export alone: where this fails, it would try slower ways, and one that follows values.
        traced = torch.export.export(graph, (inputs,), dynamic_shapes=any_batch, strict=False)
    written = torch.onnx.export(
        traced,
        dynamo=True,
        verbose=False,
        input_names=["images"],
        output_names=[*tensor_names(len(wanted))],
    )
    assert written is not None, "dynamo=True gives the program"
    content: bytes = written.model_proto.SerializeToString()
    return content


class _Wanted(nn.Module):
    """The model with the wanted layers for outputs, the batch in front."""

    def __init__(self, runner: Runner, table: Table, wanted: tuple[str, ...]):
        super().__init__()
        self.module = runner.program.module  # so that the exporter finds the weights
        self._program, self._table, self._wanted = runner.program, table, wanted

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The wanted layers of preprocessed images."""
        values = forward_with_layers(self._program, images, self._wanted, self._table.outputs)
        return tuple(self._table.places[name].in_front(values[name]) for name in self._wanted)


@contextmanager
def _silently() -> Iterator[None]:
    """The exporter warns, logs and prints about its own inside, which says nothing to our user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(problem: BaseException) -> str:
    """Of the error behind all others that the exporter has put around it."""
    if is_out_of_memory(problem):
        return "out of memory"
    while problem.__cause__ is not None:
        problem = problem.__cause__
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0][:200]}" if lines else type(problem).__name__
