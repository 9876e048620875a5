"""An ONNX file with gradients to the pixels: preprocessing, executor, batches and backward rule in one trace."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from viz.adapters.backward_rules import applied, check_changed, readable
from viz.adapters.onnx_graph.file import OnnxFile
from viz.adapters.onnx_graph.image_input import ImageInput
from viz.adapters.onnx_torch.batching import BatchedProgram
from viz.adapters.onnx_torch.operators.classical import PASSED_THROUGH
from viz.adapters.onnx_torch.program import OnnxProgram
from viz.adapters.pixel_encoding import encode
from viz.core.adapter import FORWARD_ONLY, INPUT_ROUNDING, Edge, Rule, Trace
from viz.core.errors import NotSupported
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors


class DifferentiableGraph:
    """The graph of an ONNX file as a torch program from pixels to any of its tensors.

    Args:
        file: the file as read.
        image: the input that takes the images.
        preprocess: how pixels become its values.
        further: values of the other inputs.
        device: where to compute.
        native: compute half precision as such, not in float32.
        double: compute in float64, from float64 pixels that are not rounded to whole numbers: for checks.
        apart: run images one by one, without trying whether several may go together.
    """

    def __init__(
        self,
        file: OnnxFile,
        image: ImageInput,
        preprocess: Preprocess,
        further: Mapping[str, NDArray[Any]],
        device: torch.device,
        native: bool = False,
        double: bool = False,
        apart: bool = False,
    ):
        self.name = file.path.stem
        self._image, self._preprocess, self._device = image, preprocess, device
        with torch_errors(self.name):
            self.program = OnnxProgram(file.model, file.path.absolute().parent, native, double).to(device)
            self._rounds = image.integer and not double
            self._dtype = self.program.types.dtype(image.elem_type)
            self._extra = {name: self.program.types.tensor(value).to(device) for name, value in further.items()}
            self._batched = BatchedProgram(self.program, image.name, image.batch, self._extra, self._trial, apart)

    def trace(self, pixels: Tensor, layers: Sequence[str], rule: Rule = "plain") -> Trace:
        """See `Adapter.trace`."""
        with torch_errors(self.name):
            self._batched.prepare(len(pixels), layers)  # must not count as operations of this pass
        with torch_errors(self.name), applied(rule) as changes:
            run = self._batched.run(self._encoded(pixels), layers)
        if rule not in ("plain", "redirected") and not changes.counts and run.straight_through:
            raise self._quantized(rule, run.straight_through[0])
        check_changed(changes, rule, self.name)
        precise = torch.float64 if self.program.types.double else torch.float32
        values = {name: readable(run.values[name].to(precise), rule) for name in layers}
        edges = {name: run.edges.get(name) or Edge(run.values[name]) for name in layers}
        rounded = (INPUT_ROUNDING,) if self._rounds else ()
        return Trace(values, dict(changes.counts), run.ended, (*rounded, *run.straight_through), edges)

    def _quantized(self, rule: Rule, first: str) -> NotSupported:
        return NotSupported(
            f"{self.name}: {rule} found no rectifier: in this quantized file the cut-off of {first} and its like "
            "has taken their place",
            f"give the float model, or use viz saliency, whose gradients pass them; {FORWARD_ONLY}",
        )

    def operation_differences(self, pixels: Tensor, theirs: Mapping[str, FloatArray]) -> dict[str, float]:
        """`OnnxProgram.operation_differences` for images, as many as the graph takes: see `images_at_once`."""
        with torch_errors(self.name):
            feeds = {self._image.name: self._encoded(pixels), **self._extra}
            return dict(self.program.operation_differences(feeds, theirs))

    def way(self, layers: Sequence[str]) -> str:
        """How several images are run for these layers: "together", "vmapped" or "one by one"."""
        with torch_errors(self.name):
            return self._batched.way(layers)

    @property
    def images_at_once(self) -> int:
        """How many images the graph takes where it is run as it is in the file."""
        return self._image.batch or 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how batches are run."""
        left_out = [PASSED_THROUGH[key] for key in self.program.operators if key in PASSED_THROUGH]
        return (*dict.fromkeys(left_out), *self._batched.notes)

    def _encoded(self, pixels: Tensor) -> Tensor:
        """Pixels as the graph's input; whole numbers are carried as floats, which a gradient passes as if unrounded."""
        values = encode(pixels.to(self._device), self._preprocess, whole_numbers=self._rounds)
        return values if self._image.integer else values.to(self._dtype)

    def _trial(self, count: int) -> Tensor:
        """Different random images, dark to bright, in the model's input format, the same in every run."""
        noise = np.random.default_rng(0).random((count, 3, *self._preprocess.size), np.float32)
        brightness = np.linspace(0, 0.5, count, dtype=np.float32)[:, None, None, None]
        return self._encoded(torch.from_numpy(noise / 2 + brightness)).detach()
