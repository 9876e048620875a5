"""Running a torch program on pixels: preprocessing, device, evaluation mode, pieces, arrays with the batch in front."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from viz.adapters.torch_module.batches import Place, mixed
from viz.adapters.torch_module.kernels import Kernels, recorded
from viz.adapters.torch_module.program import Program, evaluating, forward_with_layers
from viz.adapters.torch_module.survey import Survey, survey
from viz.core.adapter import Layer
from viz.core.errors import ModelError
from viz.core.preprocess import Preprocess
from viz.core.result import FloatArray
from viz.core.torch_errors import torch_errors


@dataclass(frozen=True)
class Table:
    """What is known of a model after a trial run.

    Attributes:
        places: where each tensor keeps its images.
        layers: the layer table.
        outputs: names of the model's outputs, in their order.
        at_a_time: how many images every call takes; None where any number will do.
    """

    places: Mapping[str, Place]
    layers: Mapping[str, Layer]
    outputs: tuple[str, ...]
    at_a_time: int | None


@dataclass(frozen=True)
class Runner:
    """A program and all it takes to run it. `name` is for error messages."""

    program: Program
    preprocess: Preprocess
    device: torch.device
    name: str

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the first weights; float32 where there are none."""
        floats = (p.dtype for p in self.program.module.parameters() if p.is_floating_point())
        return next(floats, torch.float32)

    def survey(self, images: FloatArray) -> Survey:
        """A trial run; raises as `Adapter.run`."""
        with self._running():
            return survey(self.program, self.encoded(images))

    def mixed(self, images: FloatArray, places: Mapping[str, Place], one: Survey) -> set[str]:
        """See `torch_batches.mixed`."""
        with self._running():
            return mixed(self.program, self.encoded(images), places, one)

    def kernels(self, images: FloatArray, layers: Collection[str]) -> Kernels:
        """The kernels that a run on noise images shows, of these layers; raises as `Adapter.run`."""
        with self._running():
            return recorded(self.program, self.encoded, images, layers)

    def values(self, table: Table, images: FloatArray, names: Collection[str]) -> dict[str, FloatArray]:
        """The layers `names` for images (b, 3, h, w), b first, float32; raises as `Adapter.run`."""
        size = table.at_a_time
        if size is None:
            return self._piece(table, images, names)
        pieces = [self._filled(table, images[i : i + size], names) for i in range(0, len(images), size)]
        return {name: _joined(name, [piece[name] for piece in pieces]) for name in names}

    def _filled(self, table: Table, images: FloatArray, names: Collection[str]) -> dict[str, FloatArray]:
        """Fewer images than the model takes at a time are filled up with copies of the last."""
        missing = (table.at_a_time or 0) - len(images)
        filled = np.concatenate([images, images[-1:].repeat(missing, 0)]) if missing else images
        return {name: values[: len(images)] for name, values in self._piece(table, filled, names).items()}

    def _piece(self, table: Table, images: FloatArray, names: Collection[str]) -> dict[str, FloatArray]:
        with self._running():
            values = forward_with_layers(self.program, self.encoded(images), names, table.outputs)
            return {name: as_array(value, table.places[name]) for name, value in values.items()}

    def encoded(self, images: FloatArray) -> Tensor:
        """Images (b, 3, h, w) as the model's input."""
        return torch.from_numpy(self.preprocess.encode(images)).to(self.device, self.dtype)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """no_grad rather than inference_mode: what a module caches in its forward stays fit for training."""
        with evaluating(self.program.module), torch.no_grad(), torch_errors(self.name):
            yield


def as_array(value: Tensor, place: Place) -> FloatArray:
    """A tensor as float32 in main memory, the batch in front."""
    plain = value.dequantize() if value.is_quantized else value
    array: FloatArray = place.in_front(plain).to("cpu", torch.float32).numpy()
    return array


def _joined(name: str, pieces: list[FloatArray]) -> FloatArray:
    if len({piece.shape[1:] for piece in pieces}) > 1:
        raise ModelError(f"{name!r} has another shape for every image", "choose another layer")
    return np.concatenate(pieces)
