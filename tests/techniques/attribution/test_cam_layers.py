"""Which layer class activation maps are read from: the same one in a network of torch and in its ONNX file."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from tests.adapters.onnx_torch.exports import Variant
from tests.adapters.torch_models import adapter
from tests.architectures import ARCHITECTURES, Architecture
from tests.architectures.vit import FunctionAttention, ViT
from tests.onnx_models import conv_net
from viz import ModelOptions, load
from viz.core.errors import NotSupported
from viz.core.target import class_target, neuron_target
from viz.techniques.attribution._cam_layer import cam_grid, last_cut, last_grid
from viz.techniques.attribution.eigen_cam import EigenCam
from viz.techniques.attribution.grad_cam import GradCam
from viz.techniques.attribution.recipro_cam import ReciproCam


@pytest.fixture(autouse=True)
def _one_thread():
    """Networks this small only lose by sharing work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Registers(ViT):
    """With four registers after the class token (Darcet et al. 2024)."""

    def __init__(self):
        super().__init__(FunctionAttention)
        self.registers = nn.Parameter(torch.randn(1, 4, 32))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        x = torch.cat([x[:, :1], self.registers.expand(x.shape[0], -1, -1), x[:, 1:]], dim=1)
        return self.head(self.norm(self.blocks(x))[:, 0])


MADE_HERE = {"vit-registers": Architecture(Registers, (48, 48))}

# By name: rows and columns, prefix tokens, operators in torch and in the file: for gradients, and for cutting.
EXPECTED = {
    "vgg": ((2, 2), 0, {"ReLU", "Relu"}, {"ReLU", "Relu"}),
    "resnet-basic": ((2, 2), 0, {"Sequential", "Relu"}, {"Sequential", "Relu"}),
    "squeezenet": ((3, 3), 0, {"ReLU", "Relu"}, {"ReLU", "Relu"}),
    "convnext": ((4, 4), 0, {"Block", "Add"}, {"Block", "Add"}),
    "vit": ((6, 6), 1, {"LayerNorm", "LayerNormalization"}, {"Block", "Add"}),
    "vit-registers": ((6, 6), 5, {"LayerNorm", "LayerNormalization"}, {"Block", "Add"}),
    "swin": ((8, 8), 0, {"LayerNorm", "LayerNormalization"}, {"LayerNorm", "LayerNormalization"}),
}


def opened(name, form, folder):
    architecture = ARCHITECTURES.get(name) or MADE_HERE[name]
    network = architecture.network()
    if form == "torch":
        return adapter(network, size=architecture.size)
    path = folder / "net.onnx"
    onnx.save(Variant("old", 17, False).export(network, architecture.images(1)), path)
    return load(path, ModelOptions(preprocess="unit"))


def scores_layer(model):
    return (model.scores.logits or model.scores.probabilities,)


@pytest.mark.parametrize("form", ["torch", "onnx"])
@pytest.mark.parametrize("name", list(EXPECTED))
def test_the_layer_is_the_last_whose_positions_the_score_follows_from(name, form, tmp_path):
    cells, prefix, ops, cut_ops = EXPECTED[name]
    model = opened(name, form, tmp_path)
    for choose, expected in ((cam_grid, ops), (last_grid, ops), (last_cut, cut_ops)):
        found = choose(model, scores_layer(model), None, choose.__name__)
        assert (found.size, found.prefix) == (cells, prefix), choose.__name__
        assert found.layer.op in expected, choose.__name__


@pytest.mark.parametrize("form", ["torch", "onnx"])
@pytest.mark.parametrize("name", ["vit", "swin", "squeezenet"])
def test_every_position_of_the_chosen_layer_counts(name, form, tmp_path):
    """A class token's last companions go nowhere: maps of such a layer are zero, or the same for every image."""
    model = opened(name, form, tmp_path)
    images = np.random.default_rng(0).random((2, 3, *model.size)).astype(np.float32)
    targets = [class_target(model, 1)] * 2
    for technique in (GradCam(signed=True), ReciproCam(), EigenCam()):
        first, second = technique(model, images, targets)
        assert np.isfinite(first.heat).all() and not np.array_equal(first.heat, second.heat)
        assert (first.arrays["cells"] != 0).mean() > 0.3


def test_torch_and_its_file_have_the_same_maps(tmp_path):
    maps = []
    for form in ("torch", "onnx"):
        model = opened("vit", form, tmp_path)
        images = np.random.default_rng(0).random((2, 3, *model.size)).astype(np.float32)
        targets = [class_target(model, 1)] * 2
        maps.append([t(model, images, targets)[1].heat for t in (GradCam(), ReciproCam(), EigenCam())])
    for one, other in zip(*maps, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())


def test_of_a_segmenter_it_is_the_deepest_map_and_nothing_to_cut_at(tmp_path):
    model = opened("unet-transposed", "onnx", tmp_path)
    targets = (model.outputs[0],)
    assert cam_grid(model, targets, None, "a").size == last_grid(model, targets, None, "b").size == (6, 6)
    with pytest.raises(NotSupported, match="goes around it"):
        last_cut(model, targets, None, "c")
    image = np.random.default_rng(0).random((1, 3, *model.size)).astype(np.float32)
    assert GradCam(signed=True)(model, image, [neuron_target(model, targets[0], 1)])[0].heat.any()


def test_a_file_with_channels_last_has_the_same_map_as_its_twin(tmp_path):
    heats = []
    for layout in ("nchw", "nhwc"):
        model = load(conv_net(tmp_path / f"{layout}.onnx", layout=layout), ModelOptions(preprocess="unit"))
        images = np.random.default_rng(0).random((2, 3, 16, 16)).astype(np.float32)
        heats.append([f.heat for f in GradCam(signed=True)(model, images, [class_target(model, 1)] * 2)])
    np.testing.assert_allclose(heats[0], heats[1], atol=1e-6)
    assert heats[0][0].any()
