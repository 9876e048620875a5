"""Any tensor of a torch model can be read, by a steady name, and it is the right one."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.adapters.torch_models import adapter, forward, pixels, read
from tests.networks import ARCHITECTURES, CifarResNet20, PlainConv, Residual, SqueezeExcite, TinyViT, seeded
from viz.core.errors import UnknownName


def test_every_layer_of_a_hand_made_forward_is_read_as_it_was_then():
    net, images = seeded(Residual), pixels()
    model = adapter(net)
    block = net.layer1[0]
    expected = {}

    def by_hand(x):
        expected["stem"] = net.stem(x)
        expected["relu_0"] = expected["stem"].relu()
        expected["layer1.0.conv1"] = block.conv1(expected["relu_0"])
        expected["layer1.0.bn1"] = block.bn1(expected["layer1.0.conv1"])
        expected["layer1.0.relu"] = expected["layer1.0.bn1"].relu()
        expected["layer1.0.bn2"] = block.bn2(block.conv2(expected["layer1.0.relu"]))
        expected["layer1.0.add_0"] = expected["layer1.0.bn2"] + expected["relu_0"]
        expected["layer1.0.relu#2"] = expected["layer1.0.add_0"].relu()
        return expected["layer1.0.relu#2"]

    forward(by_hand, images)
    values = model.run(images, list(expected))
    assert (expected["layer1.0.bn1"] < 0).any(), "the ReLU in place would show"
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, atol=1e-6, err_msg=name)


def test_a_module_called_twice_gives_two_layers_in_call_order():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.same = self.conv

        def forward(self, x):
            return self.same(self.conv(x))

    net, images = seeded(Twice), pixels()
    model = adapter(net)
    assert list(model.layers) == ["conv", "conv#2", "output"]
    np.testing.assert_allclose(read(model, "conv", images), forward(net.conv, images), atol=1e-6)
    np.testing.assert_allclose(
        read(model, "conv#2", images), forward(lambda x: net.conv(net.conv(x)), images), atol=1e-6
    )
    assert model.layers["conv"].parameters == 3 * 3 * 9 + 3
    assert model.layers["conv#2"].parameters == 0, "shared weights count once"


def test_operations_are_named_by_the_module_that_calls_them_and_counted_from_0():
    names = list(adapter(seeded(SqueezeExcite)).layers)
    assert (
        names
        == (
            "conv silu_0 adaptive_avg_pool2d_0 squeeze relu_0 excite sigmoid_0 mul_0 avg_pool2d_0 flatten_0 fc output"
        ).split()
    )
    names = list(adapter(seeded(CifarResNet20)).layers)
    assert {"layer1.2.add_0", "layer2.0.pad_0", "layer2.0.relu_1", "avg_pool2d_0"} <= set(names)


def test_operations_inside_torchs_own_layers_are_not_listed_again():
    assert list(adapter(seeded(PlainConv)).layers) == [
        *(f"features.{i}" for i in range(7)),
        "features",
        *(f"classifier.{i}" for i in range(3)),
        "classifier",
        "output",
    ]


def test_methods_operators_and_torch_functions_are_all_seen():
    class Many(nn.Module):
        def forward(self, x):
            x = torch.flatten(x.relu(), 2) + 1
            a, b = x.chunk(2, dim=2)
            x = torch.cat([a, b], 2)[:, :2]
            x += 1
            return torch.ops.aten.neg.default(x.transpose(1, 2).mT).mean(2)

    model, images = adapter(Many()), pixels()
    assert (
        list(model.layers)
        == (
            "relu_0 flatten_0 add_0 chunk_0.0 chunk_0.1 cat_0 getitem_0 add_1 transpose_0 mT_0 neg_0 mean_0 output"
        ).split()
    )
    second_half = images.reshape(2, 3, -1)[:, :, 512:] + 1
    np.testing.assert_allclose(read(model, "chunk_0.1", images), second_half, atol=1e-6)


def test_a_module_made_on_the_fly_is_named_like_an_operation():
    class OnTheFly(nn.Module):
        def forward(self, x):
            return nn.ReLU()(nn.AvgPool2d(4)(x) - 0.5)

    model, images = adapter(OnTheFly()), pixels()
    assert list(model.layers) == ["AvgPool2d_0", "sub_0", "ReLU_0", "output"]
    assert (read(model, "AvgPool2d_0", images) > 0).all()


def test_modules_with_names_that_layers_would_have_keep_them():
    class Stages(nn.Sequential):
        def forward(self, x):
            return [x := stage(x) for stage in self]

    class Names(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu_0 = nn.AvgPool2d(2)
            self.stages = Stages(nn.AvgPool2d(2), nn.AvgPool2d(2))
            self.output = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.output(self.stages(self.relu_0(x.relu()))[1]).mean((2, 3))

    model, images = adapter(Names()), pixels()
    names = "relu_1 relu_0 stages.0 stages.1 stages.out.0 stages.out.1 output mean_0 model_output"
    assert list(model.layers) == names.split()
    values = model.run(images, list(model.layers))
    np.testing.assert_array_equal(values["relu_1"], images)
    np.testing.assert_array_equal(values["stages.out.1"], values["stages.1"])
    np.testing.assert_allclose(values["output"].mean((2, 3)), values["model_output"], atol=1e-6)


@pytest.mark.filterwarnings("ignore:Using `torch.compile")
def test_compiled_parts_show_their_layers():
    class Compiled(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = torch.compile(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), backend="eager")

        def forward(self, x):
            return self.block(x).mean((2, 3))

    net, images = seeded(Compiled), pixels()
    values = adapter(net).run(images, ["block._orig_mod.0", "block._orig_mod.1", "output"])
    np.testing.assert_array_equal(values["block._orig_mod.1"], values["block._orig_mod.0"].clip(0))
    np.testing.assert_allclose(values["output"], forward(net, images), atol=1e-6)


def test_later_operations_in_place_do_not_reach_what_was_read():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            x = self.conv(x)
            self.relu(x)  # its result is not used: x itself has changed
            x.mul_(-1)
            view = x[:, 0]
            view.add_(100)
            return x

    net, images = seeded(InPlace), pixels()
    values = adapter(net).run(images, ["conv", "relu", "mul_0", "getitem_0", "output"])
    conv = forward(net.conv, images)
    assert conv.min() < 0
    np.testing.assert_allclose(values["conv"], conv, atol=1e-6)
    np.testing.assert_allclose(values["relu"], conv.clip(0), atol=1e-6)
    np.testing.assert_allclose(values["mul_0"], -conv.clip(0), atol=1e-6)
    np.testing.assert_allclose(values["getitem_0"], -conv.clip(0)[:, 0], atol=1e-6)
    np.testing.assert_allclose(values["output"][:, 0], 100 - conv.clip(0)[:, 0], atol=1e-4)


def test_reading_layers_does_not_change_the_scores():
    for network in ARCHITECTURES.values():
        net, images = seeded(network), pixels()
        model = adapter(net)
        values = model.run(images, list(model.layers))
        np.testing.assert_allclose(values["output"], forward(net, images), atol=1e-5)
        assert all(len(value) == 2 and value.dtype == np.float32 for value in values.values())
        shapes = {name: (None, *value.shape[1:]) for name, value in values.items()}
        assert shapes == {name: layer.shape for name, layer in model.layers.items()}


def test_layers_are_found_by_index_by_op_and_number_and_by_glob():
    model = adapter(seeded(Residual))
    assert model.layer("0").name == "stem"
    assert model.layer("Conv2d_1").name == model.layer("2").name == "layer1.0.conv1"
    assert [layer.name for layer in model.matching("*.conv2")] == ["layer1.0.conv2", "layer1.1.conv2"]
    images = pixels()
    assert np.array_equal(read(model, "Conv2d_1", images), read(model, "layer1.0.conv1", images))


def test_a_wrong_name_gets_the_nearest_ones():
    with pytest.raises(UnknownName, match=r"layer1\.0\.conv1"):
        adapter(seeded(Residual)).run(pixels(), ["layer1.0.conv3"])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_add_up_to_those_of_the_network(name):
    net = seeded(ARCHITECTURES[name])
    total = sum(layer.parameters for layer in adapter(net).layers.values())
    assert total == sum(parameter.numel() for parameter in net.parameters())


def test_parameters_used_by_tensors_without_images_count_with_the_next_layer():
    class Bias(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(7, 2))
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            bias = self.table[torch.tensor([3])]  # (1, 2) for any batch
            return self.fc(x.mean((2, 3))) + bias

    layers = adapter(seeded(Bias)).layers
    assert "getitem_0" not in layers
    assert sum(layer.parameters for layer in layers.values()) == 14 + 8


def test_multiply_accumulates_are_those_of_the_textbook():
    layers = adapter(seeded(PlainConv)).layers
    assert layers["features.0"].macs == 32 * 32 * 8 * 3 * 9
    assert layers["features.4"].macs == 7 * 7 * 16 * 8 * 9
    assert layers["classifier.2"].macs == 784 * 10
    assert layers["features.2"].macs == 0
    single = adapter(seeded(lambda: nn.Conv2d(3, 6, 3, groups=3))).layers["output"]
    assert (single.macs, single.parameters) == (30 * 30 * 6 * 9, 6 * 9 + 6)


def test_multiply_accumulates_of_attention_are_the_same_in_a_layer_and_by_hand():
    width, tokens = 16, 17
    macs = adapter(seeded(TinyViT)).layers["blocks.0.attn"].macs
    assert macs == 4 * tokens * width * width + 2 * tokens * tokens * width

    class ByHand(nn.Module):
        def forward(self, x):
            x = x[:, :, :17, :16]
            return functional.scaled_dot_product_attention(x, x, x) + (x @ x.mT @ x)

    layers = adapter(ByHand()).layers
    assert layers["scaled_dot_product_attention_0"].macs == 3 * 2 * tokens * tokens * width
    assert layers["matmul_0"].macs == layers["matmul_1"].macs == 3 * tokens * tokens * width


def test_a_cost_without_a_formula_is_unknown_not_0():
    class Einsum(nn.Module):
        def forward(self, x):
            return torch.einsum("bchw,bdhw->bcd", x, x)

    assert adapter(Einsum()).layers["einsum_0"].macs is None


def test_a_layer_that_is_not_computed_this_time_is_an_error_not_an_old_value():
    class Branching(nn.Module):
        def forward(self, x):
            return (x.relu() if float(x.mean()) < 0.9 else x.neg()).mean((2, 3))

    model = adapter(Branching())
    with pytest.raises(Exception, match="'relu_0' was not computed"):
        model.run(np.ones((1, 3, 32, 32), np.float32), ["relu_0"])
