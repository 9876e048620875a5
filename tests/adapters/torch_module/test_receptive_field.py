"""What a torch layer's positions see, found by running, is what follows from the graph of the same network."""

import pytest
import torch
from torch import nn

from tests.adapters.torch_models import adapter
from viz.core.adapter import ReceptiveField
from viz.core.batching import BatchedAdapter
from viz.core.model_options import ModelOptions
from viz.models import open_model


def field(module, size=(40, 40), layer="output"):
    return adapter(module.eval(), size=size).receptive_field(layer)


def conv(kernel, stride=1, padding=0, dilation=1):
    return nn.Conv2d(3, 3, kernel, stride, padding, dilation)


KNOWN = {
    "3x3, padded": (conv(3, padding=1), (3, 3), (1, 1), (-1, -1)),
    "7x7 with stride": (conv(7, 2, 3), (7, 7), (2, 2), (-3, -3)),
    "dilated": (conv(3, 1, 2, 2), (5, 5), (1, 1), (-2, -2)),
    "wide and flat": (conv((1, 5), (1, 2), (0, 2)), (1, 5), (1, 2), (0, -2)),
    "smaller than its stride": (conv(2, 5, 1), (2, 2), (5, 5), (-1, -1)),
    "one pixel in four": (conv(1, 4), (1, 1), (4, 4), (0, 0)),
    "not the middle one": (conv(1, 4, 1), (1, 1), (4, 4), (-1, -1)),
    "patches": (conv(8, 8), (8, 8), (8, 8), (0, 0)),
    "two, and a pool": (
        nn.Sequential(conv(3, 2, 1), nn.ReLU(), conv(3, padding=1), nn.MaxPool2d(2)),
        (9, 9),
        (4, 4),
        (-3, -3),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_fields_that_can_be_worked_out_by_hand(name):
    module, size, stride, offset = KNOWN[name]
    assert field(module) == ReceptiveField(size, stride, offset)


def test_a_rectifier_that_is_off_everywhere_hides_nothing():
    dead = conv(3, padding=1)
    nn.init.constant_(dead.bias, -1e6)
    assert field(nn.Sequential(dead, nn.ReLU(), conv(3, padding=1))) == ReceptiveField((5, 5), (1, 1), (-2, -2))


class SqueezeExcite(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


class Attention(nn.Module):
    def forward(self, x):
        tokens = x.flatten(2)
        return (tokens @ (tokens.transpose(1, 2) @ tokens).softmax(-1)).view_as(x)


EVERYWHERE = {
    "squeeze and excite": SqueezeExcite(),
    "attention": nn.Sequential(conv(8, 8), Attention()),
    "global pooling": nn.AdaptiveAvgPool2d(1),
    "windows wider than twice the image": nn.Sequential(*[conv(17, 1, 8)] * 5),
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_where_all_positions_see_both_edges_they_see_everything(name):
    assert field(EVERYWHERE[name]) == ReceptiveField((40, 40), (0, 0), (0, 0), everywhere=True)


def test_one_axis_may_be_seen_whole():
    class Rows(nn.Module):
        def forward(self, x):
            return x - x.mean(2, keepdim=True)

    assert field(nn.Sequential(conv(3, padding=1), Rows())) == ReceptiveField((40, 3), (0, 1), (0, -1))


NONE = {
    "a vector": nn.Sequential(conv(3), nn.Flatten()),
    "one position that sees a part": conv(30, 30),
    "positions that are not even": nn.Upsample(scale_factor=0.7, mode="nearest"),
}


@pytest.mark.parametrize("name", NONE)
def test_where_there_is_none_there_is_none(name):
    assert field(NONE[name]) is None


def test_a_model_that_refuses_pixels_that_are_no_numbers_has_none():
    class Careful(nn.Module):
        def forward(self, x):
            if x.isnan().any():
                raise ValueError("no numbers")
            return nn.functional.avg_pool2d(x, 4)

    assert field(Careful()) is None


def test_it_is_found_once_for_each_layer(monkeypatch):
    model = BatchedAdapter(adapter(conv(3, padding=1), size=(12, 12)))
    runs = []
    values = type(model._model._runner).values
    monkeypatch.setattr(type(model._model._runner), "values", lambda *a: runs.append(1) or values(*a))
    first = model.receptive_field("output")
    count = len(runs)
    assert model.receptive_field("output") == first and len(runs) == count < 35


def test_the_built_in_models_layers_see_what_the_graph_of_its_onnx_file_says():
    file, module = (open_model(name, ModelOptions(device="cpu")) for name in ("zoo:shapes", "zoo:shapes-torch"))
    for name in ("stem.conv", "stages.0.relu1", "stages.1.shortcut", "stages.2.relu2"):
        assert module.receptive_field(name) == file.receptive_field(name) is not None
