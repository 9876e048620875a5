"""Running a network from an inner tensor on: what it gives for its own value is what it gives as a whole."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everyone writes it
from onnx import TensorProto, helper
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.torch_models import adapter
from tests.networks import ARCHITECTURES, SIZE, seeded
from tests.onnx_models import conv_net, image_value, save
from viz import ModelOptions, load
from viz.core.batching import BatchedAdapter
from viz.core.errors import NotSupported, UnknownName

IMAGES = np.random.default_rng(1).random((4, 3, *SIZE)).astype(np.float32)


def as_file(name, folder, free):
    path = folder / "net.onnx"
    network = seeded(ARCHITECTURES[name])
    onnx.save(Variant("old", 17, free).export(network, torch.zeros(1, 3, *SIZE)), path)
    return load(path, ModelOptions(preprocess="unit"))


def scores_of(model):
    return model.scores.logits or model.scores.probabilities


@pytest.fixture(params=["torch", "program", "free", "fixed"])
def opened(request, tmp_path):
    """Opens an architecture as a module, as an exported program, and as a file with a free and a fixed batch."""

    def open_it(name):
        if request.param == "torch":
            return adapter(seeded(ARCHITECTURES[name]))
        if request.param == "program":
            return adapter(torch.export.export(seeded(ARCHITECTURES[name]), (torch.zeros(1, 3, *SIZE),)))
        return as_file(name, tmp_path, request.param == "free")

    return open_it


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_a_layers_own_value_leads_to_the_scores_of_the_whole(opened, name):
    """For every layer that can be cut at; those that something goes around are refused, and never all of them."""
    model = opened(name)
    target = scores_of(model)
    worked = 0
    for layer in list(model.layers)[:: max(1, len(model.layers) // 12)]:
        values = model.run(IMAGES, [layer, target]) if model.layers[layer].shape[0] is None else {}
        try:
            found = model.run_from(layer, values[layer], [target]) if values else None
        except NotSupported:
            continue
        if found and layer != target:
            np.testing.assert_allclose(found[target], values[target], atol=1e-4, err_msg=layer)
            worked += 1
    assert worked >= 2


def test_another_value_leads_to_other_scores_and_rows_stay_apart(opened):
    model = opened("plain")
    layer, target = next(n for n, layer in model.layers.items() if layer.shape[1:] == (16, 7, 7)), scores_of(model)
    values = model.run(IMAGES, [layer])[layer]
    halved = model.run_from(layer, np.concatenate([values, values / 2]), [target])[target]
    np.testing.assert_allclose(halved[:4], model.run(IMAGES, [target])[target], atol=1e-4)
    assert np.abs(halved[4:] - halved[:4]).min(axis=1).max() > 1e-4
    alone = model.run_from(layer, values[2:3] / 2, [target])[target]
    np.testing.assert_allclose(alone, halved[6:7], atol=1e-5)


def test_the_given_layer_is_given_back(opened):
    model = opened("plain")
    layer = next(iter(model.layers))
    values = model.run(IMAGES, [layer])[layer] + 1
    np.testing.assert_array_equal(model.run_from(layer, values, [layer])[layer], values)


def test_what_goes_around_a_layer_is_refused(opened):
    """Inside a residual block: the sum also follows from the shortcut."""
    model = opened("residual")
    inside = [name for name, layer in model.layers.items() if layer.op.lower().startswith("conv")][3]
    values = model.run(IMAGES, [inside])[inside]
    with pytest.raises(NotSupported, match="goes around it"):
        model.run_from(inside, values, [scores_of(model)])


def test_layers_before_it_do_not_follow(opened):
    model = opened("plain")
    names = list(model.layers)
    values = model.run(IMAGES, [names[4]])[names[4]]
    with pytest.raises(NotSupported):
        model.run_from(names[4], values, [names[1]])


def test_an_unknown_layer_is_named(opened):
    with pytest.raises(UnknownName, match="nowhere"):
        opened("plain").run_from("nowhere", IMAGES, ["output"])


def test_batches_are_split_and_counted(tmp_path):
    model, counted = as_file("plain", tmp_path, True), []
    layer, target = "/features/features.3/MaxPool_output_0", scores_of(model)
    values = model.run(IMAGES, [layer])[layer]
    found = BatchedAdapter(model, 3, counted.append).run_from(layer, values, [target])[target]
    assert counted == [3, 1]
    np.testing.assert_allclose(found, model.run(IMAGES, [target])[target], atol=1e-4)


# --- onnx ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"layout": "nhwc"}, {"elem_type": TensorProto.UINT8}, {"flatten": (1, 6), "batch": 1}]
)
def test_odd_inputs_do_not_matter_behind_the_cut(tmp_path, options):
    model = load(conv_net(tmp_path / "net.onnx", **options), ModelOptions(preprocess="raw"))
    images = np.random.default_rng(0).random((3, 3, 16, 16)).astype(np.float32)
    values = model.run(images, ["relu", "scores"])
    np.testing.assert_allclose(
        model.run_from("relu", values["relu"], ["scores"])["scores"], values["scores"], atol=1e-4
    )


def quantized(folder):
    """Pixels -> uint8 with zero point 128 -> a pool of bytes -> back: scores are means of the three colours."""
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["q"]),
        helper.make_node("MaxPool", ["q"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("DequantizeLinear", ["pooled", "scale", "zero"], ["x"]),
        helper.make_node("ReduceMean", ["x"], ["scores"], axes=[2, 3], keepdims=0),
    ]
    weights = {"scale": np.float32(1 / 127), "zero": np.uint8(128)}
    path = folder / "q.onnx"
    save(path, nodes, [image_value("image", ["n", 3, 8, 8])], [image_value("scores", ["n", 3])], weights, opset=13)
    return load(path, ModelOptions(preprocess="unit"))


def test_a_quantized_layer_takes_whole_numbers_and_states_its_zero(tmp_path):
    model = quantized(tmp_path)
    assert [model.layers[name].zero for name in ("q", "pooled", "x")] == [128, 128, 0]
    given = np.full((2, 3, 4, 4), 128, np.float32)
    given[1] = 191.3  # rounded to 191
    found = model.run_from("pooled", given, ["scores"])["scores"]
    np.testing.assert_allclose(found, [[0] * 3, [63 / 127] * 3], atol=1e-6)
    beyond = model.run_from("pooled", given * 100, ["scores"])["scores"]
    np.testing.assert_allclose(beyond, 127 / 127, atol=1e-6)


def test_what_leads_to_the_cut_is_left_out(tmp_path):
    from viz.adapters.onnx_graph.cutting import GIVEN, cut_at

    whole = onnx.load(conv_net(tmp_path / "net.onnx"))
    rest = cut_at(whole, "relu", TensorProto.FLOAT, ["scores"], "image")
    assert [node.op_type for node in rest.graph.node] == ["GlobalAveragePool", "Flatten", "Gemm"]
    assert {tensor.name for tensor in rest.graph.initializer} == {"head", "bias"}
    assert [value.name for value in rest.graph.input] == [GIVEN]
    assert len(whole.graph.node) == 5, "the file as read stays as it is"


# --- torch --------------------------------------------------------------------------------------


class Statement(nn.Module):
    """Changes its value in place by a statement: what the operation gives back is not used."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x):
        x = self.conv(x)
        F.relu_(x)
        return self.head(x.mean((2, 3)))


def test_an_operation_whose_result_is_thrown_away_is_refused():
    model = adapter(seeded(Statement))
    values = model.run(IMAGES, ["relu_0"])["relu_0"]
    with pytest.raises(NotSupported, match="goes around it"):
        model.run_from("relu_0", values, ["output"])


class Passed(nn.Module):
    """Dropout gives back the very tensor that the shortcut adds: only the branch may see what is given."""

    def __init__(self):
        super().__init__()
        self.drop, self.conv, self.head = nn.Dropout(), nn.Conv2d(3, 3, 1), nn.Linear(3, 5)

    def forward(self, x):
        return self.head((x + self.conv(self.drop(x))).mean((2, 3)))


def test_a_layer_that_gives_back_its_input_is_refused_where_a_shortcut_uses_that_input():
    model = adapter(seeded(Passed))
    with pytest.raises(NotSupported, match="goes around it"):
        model.run_from("drop", IMAGES, ["output"])


def test_no_weight_changes_and_no_hook_stays():
    network = seeded(ARCHITECTURES["attention"])
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    model = adapter(network)
    for layer in list(model.layers)[:-1]:
        try:
            model.run_from(layer, model.run(IMAGES, [layer])[layer] * 0, ["output"])
        except NotSupported:
            continue
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not torch.nn.modules.module._global_forward_hooks
