"""A certificate holds for a right model, and for a wrong one says what is wrong."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from tests.adapters.onnx_runtime.small_files import UNIT, fake_quantized, images_of, noise, quantized_convolution
from tests.adapters.torch_models import adapter
from tests.fakes import LinearModel
from tests.networks import Residual, seeded
from tests.onnx_models import conv_net
from viz.adapters import load
from viz.adapters.callable_model import CallableAdapter
from viz.core.batching import BatchedAdapter
from viz.verification import certify

WEIGHTS = np.random.default_rng(0).standard_normal((4, 3, 6, 5)).astype(np.float32)
IMAGE = np.random.default_rng(1).random((3, 6, 5)).astype(np.float32)


def test_a_right_file_holds_with_two_gradients_each_checked_twice(tmp_path):
    model = BatchedAdapter(load(conv_net(tmp_path / "net.onnx"), UNIT))
    found = certify(model, noise(1)[0])
    assert found.holds and not found.problems and not found.straight_through
    assert [layer.name for layer in found.layers] == ["conv", "relu", "pool", "flat", "scores"]
    assert found.worst_layer.difference < 1e-5 and found.first_wrong_layer is None
    assert [check.by.split()[0] for check in found.gradients] == ["onnxruntime", "the"] * 2
    inner = found.gradients[2].target
    assert inner.partition(":")[0] in ("conv", "relu", "pool")
    assert found.operators["Gemm"] == {"torch function": 1}


def test_a_wrong_operator_is_named_and_gradients_are_not_even_checked(tmp_path, put_operator):
    put_operator("Relu", lambda node, x: nn.functional.leaky_relu(x, 0.1))
    found = certify(load(conv_net(tmp_path / "net.onnx"), UNIT), noise(1)[0])
    assert not found.holds
    assert (found.first_wrong_layer.name, found.first_wrong_layer.op) == ("relu", "Relu")
    assert found.gradients == ()


def test_a_gradient_that_is_not_the_values_own_is_found(tmp_path, put_operator):
    """Right values and a wrong derivative: what forward agreement cannot see."""

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    put_operator("Relu", lambda node, x: Doubled.apply(x))
    found = certify(load(conv_net(tmp_path / "net.onnx"), UNIT), noise(1)[0])
    assert found.first_wrong_layer is None
    assert not found.holds
    assert not any(check.holds() for check in found.gradients if check.target.startswith("class"))


def test_the_certificate_of_a_torch_model_compares_its_two_passes():
    found = certify(adapter(seeded(Residual)), noise(1, (32, 32))[0])
    assert found.holds and len(found.layers) > 10
    assert found.worst_layer.difference < 1e-6
    assert found.operators == {}


def test_a_network_with_roundings_inside_is_certified_without_them(tmp_path):
    found = certify(load(fake_quantized(tmp_path / "net.onnx"), UNIT), images_of(1)[0])
    assert found.holds and found.straight_through == ("QuantizeLinear 'q'",)
    assert found.compared == "each operation by itself"
    assert {check.by for check in found.gradients} == {"the gradient pass, float64, without its roundings"}


def test_a_network_of_integers_has_no_gradient_and_says_where_it_ends(tmp_path):
    found = certify(load(quantized_convolution(tmp_path / "net.onnx"), UNIT), images_of(1)[0])
    assert not found.holds and found.first_wrong_layer is None and found.gradients == ()
    assert all("the path ends at QLinearConv 'conv1'" in problem for problem in found.problems)
    assert len(found.problems) == 2


def test_a_model_behind_a_function_has_no_certificate():
    model = CallableAdapter(lambda images: images.mean((2, 3)), size=(6, 5))
    found = certify(model, IMAGE)
    assert not found.holds and found.layers == ()
    assert "gives no gradients" in found.problems[0]


def test_a_wrong_gradient_pass_of_any_adapter_is_seen():
    class Wrong(LinearModel):
        def trace(self, images, layers, rule="plain"):
            return super().trace(images * 1.05, layers, rule)

    right, wrong_one = (certify(kind(WEIGHTS, squash="softmax"), IMAGE) for kind in (LinearModel, Wrong))
    assert right.holds
    assert not wrong_one.holds and wrong_one.first_wrong_layer.name == "pixels"


@pytest.mark.parametrize("make", [conv_net, fake_quantized, quantized_convolution])
def test_it_is_plain_json(tmp_path, make):
    model = load(make(tmp_path / "net.onnx"), UNIT)
    found = certify(model, noise(1, model.size)[0])
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert record["holds"] == found.holds
    assert record["forward"]["layers_compared"] == len(found.layers) == len(record["forward"]["differences"])
    assert record["problems"] == list(found.problems)


def test_what_is_infinitely_far_is_written_as_text(put_operator, tmp_path):
    put_operator("Relu", lambda node, x: nn.functional.relu(x) + float("nan"))
    found = certify(load(conv_net(tmp_path / "net.onnx"), UNIT), noise(1)[0])
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert record["forward"]["first_wrong"] == {"layer": "relu", "op": "Relu", "difference": "inf"}
