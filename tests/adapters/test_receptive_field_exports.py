"""Receptive fields of networks built in torch: of their ONNX exports, of the modules themselves, and quantized."""

import math

import onnx
import pytest
import torch
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.onnx_torch.fusable import Residual
from tests.adapters.onnx_torch.test_quantized_files import plain, quantized
from tests.adapters.torch_models import adapter
from viz import ModelOptions, load
from viz.core.adapter import ReceptiveField

BOTH_EXPORTERS = pytest.mark.parametrize("variant", [Variant("old", 17, True), Variant("new", 18, True)], ids=str)


def alexnet_features() -> nn.Sequential:
    """Krizhevsky et al. 2012 up to pool5, an eighth as wide, with its groups, without its normalizations; 227 x 227."""
    return nn.Sequential(
        *(nn.Conv2d(3, 12, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(12, 32, 5, 1, 2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(32, 48, 3, 1, 1), nn.ReLU(), nn.Conv2d(48, 48, 3, 1, 1, groups=2), nn.ReLU()),
        *(nn.Conv2d(48, 32, 3, 1, 1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
    )


class Beside(nn.Module):
    """Branches that are added up or joined along the channels."""

    def __init__(self, *branches: nn.Module, joined: bool = False):
        super().__init__()
        self.branches, self.joined = nn.ModuleList(branches), joined

    def forward(self, x):
        found = [branch(x) for branch in self.branches]
        return torch.cat(found, 1) if self.joined else sum(found)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class Attention(nn.Module):
    """One head over all positions, as in a network that mixes convolution and attention."""

    def __init__(self, width):
        super().__init__()
        self.projected = nn.Linear(width, 3 * width)

    def forward(self, x):
        query, key, value = self.projected(x.flatten(2).transpose(1, 2)).chunk(3, -1)
        mixed = torch.softmax(query @ key.transpose(1, 2), -1) @ value
        return x + mixed.transpose(1, 2).reshape(x.shape)


class ChannelsLast(nn.Module):
    """A depthwise convolution and a normalization over channels with these as the last axis, as in ConvNeXt."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(channels, channels, 7, 1, 3, groups=channels), nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, channels)

    def forward(self, x):
        return x + self.wide(self.norm(self.depthwise(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


def conv(into, out, kernel=3, stride=1, dilation=1, **more):
    return nn.Conv2d(into, out, kernel, stride, dilation * (kernel // 2), dilation, **more)


def stem():
    return conv(3, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU()


LOCAL = {
    "residual sum": (
        nn.Sequential(*stem(), Beside(conv(6, 6), nn.Identity()), Beside(conv(6, 8, 5, 2), conv(6, 8, 1, 2))),
        (15, 4, -7),
    ),
    "concat": (
        nn.Sequential(*stem(), Beside(conv(6, 4, 1), conv(6, 4, 5), nn.MaxPool2d(3, 1, 1), joined=True)),
        (11, 2, -5),
    ),
    "dilated and depthwise": (nn.Sequential(*stem(), conv(6, 6, 3, 1, 4, groups=6), conv(6, 6, 3, 1, 2)), (27, 2, -13)),
    "channels last": (nn.Sequential(*stem(), ChannelsLast(6), nn.AvgPool2d(2)), (17, 4, -7)),
    "without padding": (nn.Sequential(nn.Conv2d(3, 4, 5, 3), nn.Conv2d(4, 4, 4, 2), nn.MaxPool2d(2)), (20, 12, 0)),
}
EVERYWHERE = {
    "squeeze and excite": nn.Sequential(*stem(), SqueezeExcite(6)),
    "attention": nn.Sequential(*stem(), conv(6, 8, 3, 2), Attention(8)),
    "global pooling": nn.Sequential(*stem(), nn.AdaptiveAvgPool2d(1)),
}


def both(module, variant, folder, size=(64, 64)):
    """The ONNX export as opened from its file, and the module."""
    torch.manual_seed(0)
    path = folder / "net.onnx"
    onnx.save(variant.export(module.eval(), torch.rand(1, 3, *size)), path)
    return load(path, ModelOptions(preprocess="unit", device="cpu")), adapter(module, size=size)


def fields_of_output(module, variant, folder, size=(64, 64)):
    return tuple(model.receptive_field("output") for model in both(module, variant, folder, size))


def square(size, stride, offset):
    return ReceptiveField((size, size), (stride, stride), (offset, offset))


def seen(field, positions, image):
    """The pixels that each position along the first axis sees, within the image: first and last."""
    starts = [field.offset[0] + i * field.stride[0] for i in range(positions)]
    return [(max(0, math.ceil(s)), min(image - 1, math.floor(s + field.size[0] - 1))) for s in starts]


@BOTH_EXPORTERS
def test_alexnet_pool5_sees_195_pixels_every_32_of_227(variant, tmp_path):
    assert fields_of_output(alexnet_features(), variant, tmp_path, (227, 227)) == (square(195, 32, -64),) * 2


@BOTH_EXPORTERS
@pytest.mark.parametrize("name", LOCAL)
def test_a_module_and_its_export_see_what_can_be_worked_out_by_hand(name, variant, tmp_path):
    module, expected = LOCAL[name]
    assert fields_of_output(module, variant, tmp_path) == (square(*expected),) * 2


@BOTH_EXPORTERS
@pytest.mark.parametrize("name", EVERYWHERE)
def test_what_mixes_all_positions_sees_everything(name, variant, tmp_path):
    everything = ReceptiveField((64, 64), (0, 0), (0, 0), everywhere=True)
    assert fields_of_output(EVERYWHERE[name], variant, tmp_path) == (everything,) * 2


def test_windows_that_all_reach_over_the_whole_image_are_told_apart_by_the_graph_alone(tmp_path):
    wide = nn.Sequential(*(conv(3 if k == 0 else 4, 4, 17) for k in range(9)), nn.MaxPool2d(16))
    file, module = fields_of_output(wide, Variant("old", 17, True), tmp_path)
    assert file == square(160, 16, -72) and module.everywhere
    assert seen(file, 4, 64) == seen(module, 4, 64) == [(0, 63)] * 4


def test_where_phases_differ_the_graphs_window_holds_them_all(tmp_path):
    """A transposed convolution of kernel 3 and stride 2 reads one position at even places, two at odd ones."""
    up = nn.ConvTranspose2d(6, 6, 3, 2, 1, 1)
    file, module = fields_of_output(nn.Sequential(*stem(), up), Variant("old", 17, True), tmp_path)
    assert module is None and file.stride == (1, 1)
    # Place i reads stem positions i / 2, or (i - 1) / 2 and (i + 1) / 2, which see 2 i - 1 to 2 i + 1.
    exact = [(2 * (i // 2) - 1, 2 * ((i + 1) // 2) + 1) for i in range(64)]
    windows = seen(file, 64, 64)
    assert all(w[0] <= max(e[0], 0) and min(e[1], 63) <= w[1] for w, e in zip(windows, exact, strict=True))
    assert max(w[1] - w[0] for w in windows) + 1 == file.size[0] == 5  # no wider than the widest


@pytest.mark.parametrize("form", ["qdq", "operators"])
def test_quantizing_changes_no_field(form, tmp_path):
    original, found = plain(Residual, tmp_path), quantized(Residual, tmp_path, form)
    fields = []
    for index, model in enumerate((original, found)):
        onnx.save(model, tmp_path / f"{index}.onnx")
        opened = load(tmp_path / f"{index}.onnx", ModelOptions(preprocess="unit", device="cpu"))
        fields.append({name: layer.receptive_field for name, layer in opened.layers.items()})
    maps = {name: field for name, field in fields[0].items() if field is not None and not field.everywhere}
    same = {name: fields[1].get(name, fields[1].get(f"{name}_quantized")) for name in maps}
    assert {(1, 1), (3, 3), (5, 5), (7, 7)} >= {field.size for field in maps.values()} >= {(3, 3), (5, 5), (7, 7)}
    compared = {name for name, field in same.items() if field is not None}
    assert len(compared) >= len(maps) // 2 and all(same[name] == maps[name] for name in compared)
    assert {field.everywhere for field in fields[1].values() if field is not None} == {True, False}
