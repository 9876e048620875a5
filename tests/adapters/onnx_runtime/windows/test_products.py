"""Kernels of one tap as products of matrices: what other devices than the CPU compute, tried on the CPU."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.onnx_runtime.windows.both_ways import assert_same_both_ways, every_place, noise_patched, some_places
from tests.adapters.onnx_runtime.windows.graphs import BETWEEN, LOCAL, MOVING, nets
from tests.adapters.onnx_runtime.windows.nets import SignedNet
from tests.adapters.onnx_runtime.windows.operator_cases import OPERATORS
from tests.adapters.onnx_runtime.windows.test_random_graphs import check, trying
from viz.adapters.onnx_runtime import window_plans

pytestmark = pytest.mark.usefixtures("windows_anyway", "products")
SIZE = (20, 31)


@pytest.fixture
def products(monkeypatch):
    """As on a device that multiplies matrices faster than it lays maps out anew."""
    monkeypatch.setattr(window_plans, "better_by_products", lambda sessions: True)


def around(case, tmp_path):
    """1x1, 3x3, the operator between two kernels of one tap, a residual sum, 1x1 of stride 2, scores."""
    net = SignedNet(*SIZE, opset=OPERATORS[case].opset)
    first = net.add("Relu", net.conv(net.conv(net.first, out=4, kernel=(1, 1)), out=4))[0]
    inner = OPERATORS[case].piece(net, net.conv(first, out=4, kernel=(1, 1)))
    wide = net.conv(inner, out=6, kernel=(1, 1))
    ends = [net.floats(-0.5), net.floats(0.5)] if net.opset >= 11 else []  # before, they are attributes
    wide = net.add("Clip" if ends else "Relu", wide, *ends)[0]
    narrow = net.conv(net.conv(wide, out=6), out=6, kernel=(1, 1))
    last = net.conv(net.add("Add", narrow, net.conv(inner, out=6, kernel=(1, 1)))[0], kernel=(1, 1), strides=[2, 2])
    scores = net.scores(last, True)
    return net.opened(tmp_path, scores), scores


@pytest.mark.parametrize("case", OPERATORS)
def test_every_operator_between_products(tmp_path, case):
    model, scores = around(case, tmp_path)
    assert_same_both_ways(model, noise_patched(SIZE, 3, every_place(SIZE, 3, stride=2)), [scores])


def test_the_kernels_of_one_tap_have_become_products(tmp_path):
    model, scores = around("3x3", tmp_path)
    runner = model.patch_runner(3, [scores])
    made = Counter(node.op_type for node in runner._graphs.window.graph.graph.node)
    assert made["Gemm"] == 6 + 1  # and the dense layer
    assert made["Conv"] == 3


def test_two_images_at_a_time_and_inner_layers(tmp_path):
    net = SignedNet(*SIZE)
    narrow = net.conv(net.conv(net.first, out=4), out=5, kernel=(1, 1))
    last = net.conv(net.add("Relu", narrow)[0])
    scores = net.scores(last, True)
    model = net.opened(tmp_path, scores)
    assert_same_both_ways(model, noise_patched(SIZE, 5, some_places(SIZE, 5, 30, images=2)), [scores, narrow])


@trying(25)
@given(nets(LOCAL, BETWEEN, LOCAL, MOVING, LOCAL), st.integers(1, 9), st.integers(1, 4), st.data())
def test_any_order(net, side, stride, data):
    check(*net, side, stride, data)
