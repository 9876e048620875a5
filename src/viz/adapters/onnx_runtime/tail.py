"""The rest of a network from an inner tensor on, on onnxruntime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from viz.adapters.onnx_graph.cutting import GIVEN
from viz.adapters.onnx_runtime.session import session_error
from viz.core.errors import ModelError
from viz.core.result import FloatArray

# How far the rest may stray from the whole graph, relative to the largest value. onnxruntime fuses quantized
# operators, which it cannot where the graph is cut between them: then a value may be one step off.
CUT_TOLERANCE = {"float32": 1e-3, "float16": 3e-2, "bfloat16": 6e-2, "quantized": 5e-2}


@dataclass(frozen=True)
class Tail:
    """A session whose input is an inner tensor.

    Attributes:
        carried: for every wanted tensor, the output that carries it.
        dtype: the inner tensor's own number format.
        at_a_time: rows that every call takes; None where any number will do.
        image: name, and one row, of the image input, of which some graphs ask the shape.
        further: values of other inputs.
    """

    session: ort.InferenceSession
    carried: Mapping[str, str]
    dtype: np.dtype[Any]
    at_a_time: int | None
    image: tuple[str, NDArray[Any]]
    further: Mapping[str, NDArray[Any]]

    def run(self, values: FloatArray) -> dict[str, FloatArray]:
        """The wanted tensors for rows (b, …) of the inner one; raises as `Adapter.run`."""
        given = self._stored(values)
        size = self.at_a_time
        if size is None:
            return self._piece(given)
        pieces = []
        for start in range(0, len(given), size):
            piece = given[start : start + size]
            filled = np.concatenate([piece, piece[-1:].repeat(size - len(piece), 0)])
            pieces.append({name: value[: len(piece)] for name, value in self._piece(filled).items()})
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in self.carried}

    def _stored(self, values: FloatArray) -> NDArray[Any]:
        """Values in the tensor's own format; whole numbers are rounded to the nearest that it can hold."""
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            return np.clip(np.rint(values), limits.min, limits.max).astype(self.dtype)
        return values.astype(self.dtype)

    def _piece(self, given: NDArray[Any]) -> dict[str, FloatArray]:
        name, row = self.image
        feeds = {GIVEN: given, name: row.repeat(len(given), 0), **self.further}
        asked = {value.name for value in self.session.get_inputs()}
        try:
            found = self.session.run(
                list(self.carried.values()), {name: value for name, value in feeds.items() if name in asked}
            )
        except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
            raise session_error(problem) from None
        return _with_rows(dict(zip(self.carried, found, strict=True)), len(given))


def _with_rows(values: Mapping[str, NDArray[Any]], count: int) -> dict[str, FloatArray]:
    for name, value in values.items():
        if value.ndim == 0 or len(value) != count:
            raise ModelError(f"{name!r} gave shape {value.shape} for {count} rows: it has no batch axis")
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def names_apart(layer: str, layers: Sequence[str]) -> tuple[str, ...]:
    """The tensors that have to be computed: all but the given one itself."""
    return tuple(dict.fromkeys(name for name in layers if name != layer))
