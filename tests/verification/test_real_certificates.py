"""Certificates of real classifiers on a real photograph: fixed and free batch, channels last, bytes, half precision."""

import pytest

from tests.cli.shell import viz
from tests.test_real_models import PREPROCESSING
from viz.adapters import load
from viz.core.batching import BatchedAdapter
from viz.core.images import fit, read
from viz.core.model_options import ModelOptions
from viz.verification import certify

pytestmark = pytest.mark.shared

FLOAT = {
    "imagenet/SqueezeNet_fp16": PREPROCESSING["SqueezeNet_fp16"],  # half precision, a batch of one
    "imagenet/mobilenetv1_0.25_128_fp32": PREPROCESSING["mobilenetv1_0.25_128_fp32"],  # a batch of one
    "imagenet/mobilenetv1_0.5_160_uint8_nhwc": PREPROCESSING["mobilenetv1_0.5_160_uint8_nhwc"],  # bytes, channels last
    "imagenet/mobilenetv2_fp32": PREPROCESSING["mobilenetv2_fp32"],  # any batch
    "imagenet/squeezenet1.1_fp32": PREPROCESSING["squeezenet1.1_fp32"],  # any batch
    "other/cifar_resnet20_fp32": ModelOptions(preprocess="imagenet", size="32"),
    "other/mnist_cntk": ModelOptions(preprocess="raw"),  # opset 7, one channel
}
ROUNDING = {
    "imagenet/mobilenetv1_0.75_192_qdq": PREPROCESSING["mobilenetv1_0.75_192_qdq"],
    "other/mobilenetv2_inat_bird_qdq": ModelOptions(preprocess="raw"),
}
QUICK = ("mobilenetv1_0.25_128_fp32", "cifar_resnet20_fp32", "mnist_cntk")
PHOTOS = ["coral_owl.jpg", pytest.param("coral_pets.jpg", marks=pytest.mark.slow)]


def each(models):
    """Names of models; those that take more than a few seconds are left out of the default run."""
    return [name if name.endswith(QUICK) else pytest.param(name, marks=pytest.mark.slow) for name in models]


def certificate(shared_data, name, options, photo):
    model = BatchedAdapter(load(shared_data / f"models/{name}.onnx", options))
    return certify(model, fit(read(shared_data / "images/clean" / photo), model.preprocess).pixels)


@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize("name", each(FLOAT))
def test_gradients_of_the_top_class_and_of_an_inner_channel_agree_with_onnxruntimes_differences(
    shared_data, name, photo
):
    found = certificate(shared_data, name, FLOAT[name], photo)
    assert found.first_wrong_layer is None and not found.problems
    assert len(found.gradients) == 4
    for check in found.gradients:
        assert check.error <= 0.01 + check.uncertainty
        assert check.uncertainty < 0.02, "the differences themselves are known well enough to mean something"
    in_double = [check for check in found.gradients if check.by.startswith("the gradient pass, float64")]
    assert len(in_double) == 2 and max(check.error for check in in_double) < 1e-3


@pytest.mark.parametrize("name", each(ROUNDING))
def test_networks_that_round_agree_operation_by_operation_and_without_their_roundings(shared_data, name):
    found = certificate(shared_data, name, ROUNDING[name], "coral_owl.jpg")
    assert found.holds and found.compared == "each operation by itself"
    assert found.worst_layer.difference < 1e-5
    assert any(text.startswith("QuantizeLinear") for text in found.straight_through)
    assert len(found.gradients) == 2 and max(check.error for check in found.gradients) < 1e-3


def test_a_network_of_integers_agrees_and_has_no_gradient(shared_data):
    name = "shufflenet-v2-12-int8"
    found = certificate(shared_data, f"imagenet/{name}", PREPROCESSING[name], "coral_owl.jpg")
    assert not found.holds and found.worst_layer.difference < 1e-5
    assert all("the path ends at QLinearConv" in problem for problem in found.problems)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imagenet/SqueezeNet_fp16", "imagenet/mobilenetv1_0.5_160_uint8_nhwc"])
def test_the_command_says_so_too(shared_data, name):
    flags = {"imagenet/SqueezeNet_fp16": ["--preprocess", "caffe"]}.get(
        name, ["--preprocess", "raw", "--crop", "0.875"]
    )
    photo = shared_data / "images/clean/coral_owl.jpg"
    done = viz("verify", "--model", str(shared_data / f"models/{name}.onnx"), *flags, "--directions", "2", str(photo))
    assert done.code == 0, done.said
