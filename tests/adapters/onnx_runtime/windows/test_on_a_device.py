"""Windows on a device with its own memory: the same to the bit, and clean maps stay there. Tried in the host's."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.adapters.onnx_runtime.windows.both_ways import by_whole_passes, by_windows, every_place, noise_patched
from tests.adapters.onnx_runtime.windows.nets import SignedNet
from tests.adapters.onnx_runtime.windows.operator_cases import OPERATORS
from viz.adapters.onnx_runtime import session as onnx_session
from viz.adapters.onnx_runtime import windows
from viz.adapters.onnx_runtime.device_graph import BoundGraph
from viz.core.batching import BatchedAdapter
from viz.core.patch_plan import PatchPlan

pytestmark = pytest.mark.usefixtures("windows_anyway")
SIZE, SIDE = (20, 31), 5
# Together they have every kind of input of a window graph: maps, rows, places, weights, shapes, whole values.
CASES = (
    "MaxPool padded",
    "dense layers with channels last",
    "Resize linear",
    "sum with a constant map",
    "sum of branches",
    "squeeze and excitation",
)


def bind(monkeypatch):
    """Take the CPU's provider for one with a memory of its own."""
    monkeypatch.setitem(onnx_session._MEMORY_OF, "CPUExecutionProvider", "cpu")


def opened(folder, case, kind=TensorProto.FLOAT, pooled=True):
    """conv, the operator, conv, scores; and the scores' name."""
    net = SignedNet(*SIZE, kind=kind, opset=OPERATORS[case].opset)
    inner = OPERATORS[case].piece(net, net.conv(net.first, out=4))
    scores = net.scores(net.conv(inner), pooled)
    return net.opened(folder, scores), scores


def variants(images=1, stride=4):
    return noise_patched(SIZE, SIDE, every_place(SIZE, SIDE, stride, images))


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_every_variant_is_the_same_to_the_bit(tmp_path, monkeypatch, case, kind, pooled):
    model, scores = opened(tmp_path, case, kind, pooled)
    plain = by_windows(model, variants(2), [scores])[scores]
    assert np.ptp(plain, axis=0).max() > 0.01
    bind(monkeypatch)
    model, scores = opened(tmp_path, case, kind, pooled)
    np.testing.assert_array_equal(by_windows(model, variants(2), [scores])[scores], plain)


def test_commands_go_this_way(tmp_path, monkeypatch):
    bind(monkeypatch)
    calls = []
    kept = BoundGraph.kept
    monkeypatch.setattr(BoundGraph, "kept", lambda self, feeds: calls.append(len(feeds)) or kept(self, feeds))
    model, scores = opened(tmp_path, "3x3")
    monkeypatch.setattr(PatchPlan, "is_worth", lambda plan, count: True)
    patched = variants(3)
    found = BatchedAdapter(model, 8).run_patched(patched, [scores])[scores]
    np.testing.assert_allclose(found, by_whole_passes(model, patched, [scores])[scores], atol=1e-4)
    assert len(calls) >= 3  # images with many variants are begun one by one


def test_only_images_and_squares_are_fed_as_arrays(tmp_path, monkeypatch):
    bind(monkeypatch)
    fed = []
    value = BoundGraph._value
    monkeypatch.setattr(
        BoundGraph, "_value", lambda self, array, memory: fed.append(array.shape) or value(self, array, memory)
    )
    model, scores = opened(tmp_path, "3x3")
    runner, patched = model.patch_runner(SIDE, [scores]), variants()
    begun = runner.begin(patched.images, patched.fills)
    assert fed == [(1, 3, *SIZE)]
    runner.run(begun, patched.places)
    assert len(fed) > 4  # the indices, once
    fed.clear()
    runner.run(begun, patched.places)
    assert fed == [(len(patched), 3, SIDE, SIDE)]


def test_indices_are_kept_within_their_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "_KEPT_BYTES", 20000)
    bind(monkeypatch)
    model, scores = opened(tmp_path, "3x3")
    runner, patched = model.patch_runner(SIDE, [scores]), variants()
    begun = runner.begin(patched.images, patched.fills)
    found = [runner.run(begun, place[None])[scores][0] for _ in range(2) for place in patched.places]
    kept = runner._indices._found
    assert 0 < len(kept) < len(patched)
    assert sum(value.tensor_size_in_bytes() for values in kept.values() for value in values.values()) <= 20000
    expected = by_whole_passes(model, patched, [scores])[scores]
    np.testing.assert_allclose(found, [*expected, *expected], atol=1e-4)
