"""What a position sees is all it sees: its window alone, pasted on gray, gives the same value there."""

import math

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.onnx_torch.fusable import Residual
from tests.adapters.onnx_torch.test_quantized_files import quantized
from tests.adapters.test_receptive_field_exports import LOCAL, both, conv, stem
from viz import ModelOptions, load
from viz.model_zoo.shape_pictures import draw
from viz.techniques._spatial_layers import grids

UP = nn.Sequential(
    *stem(), nn.ConvTranspose2d(6, 6, 3, 2, 1, 1), nn.Upsample(scale_factor=2, mode="bilinear"), conv(6, 4)
)


def edges(field, axis, position, length):
    """First pixel and the one after the last, within the image."""
    start = round(field.offset[axis] + position * field.stride[axis], 6)
    return max(0, math.ceil(start)), min(length, math.floor(start + field.size[axis] - 1) + 1)


def places(grid):
    """The corners, the middles of two edges, the centre, and one more."""
    rows, columns = grid.size
    corners = {(y, x) for y in (0, rows - 1) for x in (0, columns - 1)}
    return sorted(
        corners | {(0, columns // 2), (rows // 2, 0), (rows // 2, columns // 2), (rows // 3, 2 * columns // 3)}
    )


def on_gray(image, field, place):
    """The image's pixels in a position's window, gray around it."""
    rows, columns = (slice(*edges(field, axis, place[axis], image.shape[1 + axis])) for axis in (0, 1))
    pasted = np.full_like(image, 0.5)
    pasted[:, rows, columns] = image[:, rows, columns]
    return pasted


def local_grids(model):
    fields = {grid: model.receptive_field(grid.layer.name) for grid in grids(model)}
    return {grid: field for grid, field in fields.items() if field is not None and not field.everywhere}


def worst_difference(model, image, grid, field):
    """Over all channels, of the value at some positions, relative to the layer's largest."""
    name = grid.layer.name
    pasted = np.stack([on_gray(image, field, place) for place in places(grid)])
    assert any((part == 0.5).all(axis=0).mean() > 0.2 for part in pasted), "a part of the image is hidden"
    whole = grid.maps(model.run(image[None], [name])[name])[0]
    alone = grid.maps(model.run(pasted, [name])[name])
    differences = [np.abs(alone[k][:, y, x] - whole[:, y, x]).max() for k, (y, x) in enumerate(places(grid))]
    return max(differences) / np.abs(whole).max()


def noise(size):
    return np.random.default_rng(0).random((3, *size), np.float32)


@pytest.mark.parametrize("spec", ["zoo:shapes", "zoo:shapes-torch"])
def test_every_map_of_the_built_in_model_is_reproduced_from_its_windows(spec):
    model = load(spec, ModelOptions(device="cpu"))
    image = np.float32(draw(3).pixels.transpose(2, 0, 1)) / np.float32(255)
    found = {grid.layer.name: worst_difference(model, image, grid, field) for grid, field in local_grids(model).items()}
    assert len(found) >= 25 and max(found.values()) < 1e-3, found


@pytest.mark.parametrize("name", [*LOCAL, "upsampled"])
def test_so_is_every_map_of_an_exported_network(name, tmp_path):
    module = UP if name == "upsampled" else LOCAL[name][0]
    model, _ = both(module, Variant("old", 17, True), tmp_path)
    found = {
        g.layer.name: worst_difference(model, noise((64, 64)), g, field) for g, field in local_grids(model).items()
    }
    assert len(found) >= 3 and max(found.values()) < 1e-3, found


@pytest.mark.parametrize("form", ["qdq", "operators"])
def test_so_is_every_map_of_a_quantized_file(form, tmp_path):
    onnx.save(quantized(Residual, tmp_path, form), tmp_path / "net.onnx")
    model = load(tmp_path / "net.onnx", ModelOptions(preprocess="unit", device="cpu"))
    found = {
        g.layer.name: worst_difference(model, noise((16, 16)), g, field) for g, field in local_grids(model).items()
    }
    assert len(found) >= 8 and max(found.values()) < 1e-3, found


def test_so_is_every_map_of_an_image_with_channels_last(tmp_path):
    class Turned(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    module = Turned(LOCAL["residual sum"][0]).eval()
    onnx.save(Variant("old", 17, True).export(module, torch.rand(1, 48, 64, 3)), tmp_path / "net.onnx")
    model = load(tmp_path / "net.onnx", ModelOptions(preprocess="unit", device="cpu"))
    fields = local_grids(model)
    assert model.preprocess.layout == "nhwc" and {grid.kind for grid in fields} == {"nchw", "nhwc"}
    found = {g.layer.name: worst_difference(model, noise((48, 64)), g, field) for g, field in fields.items()}
    assert max(found.values()) < 1e-3, found
