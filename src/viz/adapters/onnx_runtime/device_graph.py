"""Graphs that are fed by name and answer by name; on a device with its own memory, values can stay there."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from viz.adapters.onnx_runtime.session import Memory, session_error

Arrays = dict[str, NDArray[Any]]
# Arrays, or values that lie in the memory of a device.
Values = Mapping[str, Any]

_HOST = Memory("cpu")


class Graph:
    """A session that takes arrays and gives arrays.

    Args:
        session: runs it.
        outputs: for every answer the output that carries it.
        further: values of inputs that are the same in every call.
    """

    def __init__(self, session: ort.InferenceSession, outputs: Mapping[str, str], further: Mapping[str, NDArray[Any]]):
        self._session, self._outputs = session, outputs
        self._asked = {value.name for value in session.get_inputs()}
        self._further = {name: value for name, value in further.items() if name in self._asked}

    def __call__(self, feeds: Values) -> Arrays:
        """The answers as arrays; what the graph has no input for is left out."""
        try:
            values = self._session.run(list(self._outputs.values()), self._given(feeds))
        except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
            raise session_error(problem) from None
        return dict(zip(self._outputs, values, strict=True))

    def kept(self, feeds: Values) -> Values:
        """The answers where they were computed, to be fed to a graph on the same device."""
        return self(feeds)

    def held(self, arrays: Arrays) -> Values:
        """Arrays where the graph reads them, to be fed to it many times."""
        return arrays

    def _given(self, feeds: Values) -> dict[str, Any]:
        return {name: value for name, value in feeds.items() if name in self._asked} | self._further


class BoundGraph(Graph):
    """The same on a device with its own memory: only what the caller asks for as arrays is copied from it.

    `memory` is the session's device's. Otherwise see `Graph`.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        outputs: Mapping[str, str],
        further: Mapping[str, NDArray[Any]],
        memory: Memory,
    ):
        super().__init__(session, outputs, further)
        self._memory = memory

    def __call__(self, feeds: Values) -> Arrays:
        """See `Graph`."""
        return {name: value.numpy() for name, value in self._run(feeds, _HOST).items()}

    def kept(self, feeds: Values) -> Values:
        """See `Graph.kept`."""
        return self._run(feeds, self._memory)

    def held(self, arrays: Arrays) -> Values:
        """See `Graph.held`."""
        return {name: self._value(array, self._memory) for name, array in arrays.items()}

    def _run(self, feeds: Values, answers_in: Memory) -> dict[str, ort.OrtValue]:
        binding = self._session.io_binding()
        try:
            for name, value in self._given(feeds).items():
                bound = value if isinstance(value, ort.OrtValue) else self._value(value, _HOST)
                binding.bind_ortvalue_input(name, bound)
            for output in self._outputs.values():
                binding.bind_output(output, answers_in.kind, answers_in.number)
            self._session.run_with_iobinding(binding)
        except Exception as problem:  # onnxruntime raises its own C++ exceptions, without a common base
            raise session_error(problem) from None
        return dict(zip(self._outputs, binding.get_outputs(), strict=True))

    def _value(self, array: NDArray[Any], memory: Memory) -> ort.OrtValue:
        """An array in a memory; shapes stay in the host's, where every provider reads them."""
        kind, number = (_HOST.kind, 0) if array.dtype == np.int64 else (memory.kind, memory.number)
        return ort.OrtValue.ortvalue_from_numpy(np.asarray(array, order="C"), kind, number)
