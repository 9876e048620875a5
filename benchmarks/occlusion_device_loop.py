"""The loop that one would write by hand for a GPU: the image stays on the device and the squares are drawn there.

What is left to upload for a batch is where its squares lie. Part of `benchmarks/occlusion.py --device cuda`.
"""

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from occlusion_contestants import SIZE, Loop, Setting, ready, session_on
from onnx import TensorProto, helper, numpy_helper

_BESIDE = "beside_"  # what is added to the network's graph is called so


class DeviceLoop(Loop):
    """Batches of copies drawn on the device, the same values as `Loop`'s; `device` is cpu or cuda."""

    def __init__(self, setting: Setting, batch: int, device: str):
        super().__init__(setting, batch)
        self._drawing, self._device = _drawing_session(setting.path, setting.patch, device), device

    def scores(self, image: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Loop.scores`; the image goes to the device once."""
        held = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(image[None]), self._device, 0)
        parts = [places[i : i + self._batch] for i in range(0, len(places), self._batch)]
        return np.concatenate([self._drawn(held, part) for part in parts])

    def _drawn(self, image: ort.OrtValue, places: np.ndarray) -> np.ndarray:
        binding = self._drawing.io_binding()
        binding.bind_ortvalue_input(f"{_BESIDE}image", image)
        for name, values in (("tops", places[:, 1]), ("lefts", places[:, 2])):
            binding.bind_cpu_input(_BESIDE + name, np.ascontiguousarray(values, np.int32).reshape(-1, 1, 1, 1))
        binding.bind_output(self._drawing.get_outputs()[0].name, "cpu")
        self._drawing.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0]


@cache
def _drawing_session(path: Path, side: int, device: str) -> ort.InferenceSession:
    return session_on(with_drawing(onnx.load(path), side).SerializeToString(), 0, device)


def with_drawing(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """The network on n copies of an image (1, 3, h, w), each with a gray square at its `tops`, `lefts` (n, 1, 1, 1)."""
    graph, image = model.graph, model.graph.input[0].name
    gray = ready(np.full((3, 1, 1), 0.5, np.float32))[None].astype(np.float32)
    lines = np.arange(SIZE, dtype=np.int32)
    stored = {"rows": lines.reshape(1, 1, -1, 1), "columns": lines.reshape(1, 1, 1, -1), "gray": gray}
    stored |= {"zero": np.int32(0), "side": np.int32(side)}
    graph.initializer.extend(numpy_helper.from_array(value, _BESIDE + name) for name, value in stored.items())
    nodes = [
        *_within("rows", "tops"),
        *_within("columns", "lefts"),
        _node("And", ["within_tops", "within_lefts"], "square"),
        helper.make_node("Where", [f"{_BESIDE}{name}" for name in ("square", "gray", "image")], [image]),
    ]
    kept = [*nodes, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(kept)
    places = [helper.make_tensor_value_info(_BESIDE + n, TensorProto.INT32, ["n", 1, 1, 1]) for n in ("tops", "lefts")]
    whole = helper.make_tensor_value_info(f"{_BESIDE}image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    graph.input.extend([whole, *places])
    return model


def _within(lines: str, first: str) -> list[onnx.NodeProto]:
    """Which rows or columns lie in each square."""
    return [
        _node("Sub", [lines, first], f"from_{first}"),
        _node("GreaterOrEqual", [f"from_{first}", "zero"], f"after_{first}"),
        _node("Less", [f"from_{first}", "side"], f"before_end_{first}"),
        _node("And", [f"after_{first}", f"before_end_{first}"], f"within_{first}"),
    ]


def _node(op: str, inputs: list[str], output: str) -> onnx.NodeProto:
    return helper.make_node(op, [_BESIDE + name for name in inputs], [_BESIDE + output])
